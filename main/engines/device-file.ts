import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import type { DeviceReport } from '../../preload/contract.ts'
import { askForCudaCard, processor } from './hardware.ts'
import { nativeTrace } from './native-trace.ts'
import { onnxRuntimeVersion } from './onnxruntime.ts'
import { tfjsVersion } from './tfjs-backends.ts'

const schema = z.object({
  /** Measurements of another machine, or of one that was changed, say nothing. */
  machine: z.string(),
  /** Its CUDA card by name; missing where the driver's tool failed. */
  card: z.string().exactOptional(),
  devices: z.array(
    z.object({
      engine: z.enum(['onnxruntime', 'tensorflow']),
      device: z.string(),
      name: z.string(),
      available: z.boolean(),
      problem: z.string().exactOptional(),
      version: z.string(),
      note: z.string().exactOptional(),
      memoryBytes: z.number().exactOptional(),
      stepMs: z.number().exactOptional(),
    }),
  ),
})

const fileIn = (cacheFolder: string): string => join(cacheFolder, 'devices.json')

/**
 * What the devices and their times depend on besides the card: the processor, the engines' versions, and what was
 * installed for them.
 */
function machine(): string {
  return [
    `${process.platform}-${process.arch}`,
    processor().name,
    `node ${process.versions.modules}`,
    `onnxruntime ${onnxRuntimeVersion()}`,
    `tfjs ${tfjsVersion()}`,
    `native ${nativeTrace()}`,
  ].join(', ')
}

/** The CUDA card's name; undefined where the driver's tool fails. */
async function cardName(): Promise<string | undefined> {
  const card = await askForCudaCard()
  if (card === 'unknown') return undefined
  return card === 'none' ? 'no CUDA card' : card.name
}

/**
 * The devices as they were last measured on this machine as it is now; none where they never were, the file is damaged,
 * or an engine's version, its native parts or the card are others since. A card that its driver's tool cannot name, now
 * or when the devices were measured, is taken for the same.
 */
export async function readDevices(cacheFolder: string): Promise<DeviceReport[]> {
  const text = await readFile(fileIn(cacheFolder), 'utf8').catch(() => undefined)
  if (text === undefined) return []
  try {
    const file = schema.parse(JSON.parse(text))
    if (file.machine !== machine()) return []
    if (file.card === undefined) return file.devices
    const card = await cardName()
    return card === undefined || card === file.card ? file.devices : []
  } catch {
    return []
  }
}

/** @param cacheFolder must be there */
export async function writeDevices(cacheFolder: string, devices: readonly DeviceReport[]): Promise<void> {
  const file = fileIn(cacheFolder)
  const content = { machine: machine(), card: await cardName(), devices }
  await writeFile(`${file}.new`, JSON.stringify(content, undefined, 2))
  await rename(`${file}.new`, file)
}
