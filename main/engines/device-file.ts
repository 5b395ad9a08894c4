import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import type { DeviceReport } from '../../preload/contract.ts'
import { cudaCard, processor } from './hardware.ts'
import { nativeTrace } from './native-trace.ts'
import { onnxRuntimeVersion } from './onnxruntime.ts'
import { tfjsVersion } from './tfjs-backends.ts'

const schema = z.object({
  /** Measurements of another machine, or of one that was changed, say nothing. */
  machine: z.string(),
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

/** What the devices and their times depend on: the hardware, the engines' versions, and what was installed for them. */
async function machine(): Promise<string> {
  return [
    `${process.platform}-${process.arch}`,
    processor().name,
    (await cudaCard())?.name ?? 'no CUDA card',
    `node ${process.versions.modules}`,
    `onnxruntime ${onnxRuntimeVersion()}`,
    `tfjs ${tfjsVersion()}`,
    `native ${nativeTrace()}`,
  ].join(', ')
}

/**
 * The devices as they were last measured on this machine as it is now; none where they never were, the file is damaged,
 * or an engine's version, its native parts or the card are others since.
 */
export async function readDevices(cacheFolder: string): Promise<DeviceReport[]> {
  const text = await readFile(fileIn(cacheFolder), 'utf8').catch(() => undefined)
  if (text === undefined) return []
  try {
    const file = schema.parse(JSON.parse(text))
    return file.machine === (await machine()) ? file.devices : []
  } catch {
    return []
  }
}

/** @param cacheFolder must be there */
export async function writeDevices(cacheFolder: string, devices: readonly DeviceReport[]): Promise<void> {
  const file = fileIn(cacheFolder)
  await writeFile(`${file}.new`, JSON.stringify({ machine: await machine(), devices }, undefined, 2))
  await rename(`${file}.new`, file)
}
