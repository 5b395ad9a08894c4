import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import type { DeviceReport } from '../../preload/contract.ts'
import { processor } from './hardware.ts'

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
      memoryBytes: z.number().exactOptional(),
      stepMs: z.number().exactOptional(),
    }),
  ),
})

const fileIn = (cacheFolder: string): string => join(cacheFolder, 'devices.json')

function machine(): string {
  return `${process.platform}-${process.arch} ${processor().name} node ${process.versions.modules}`
}

/** The devices as they were last measured on this machine; none where they never were, or the file is damaged. */
export async function readDevices(cacheFolder: string): Promise<DeviceReport[]> {
  const text = await readFile(fileIn(cacheFolder), 'utf8').catch(() => undefined)
  if (text === undefined) return []
  try {
    const file = schema.parse(JSON.parse(text))
    return file.machine === machine() ? file.devices : []
  } catch {
    return []
  }
}

/** @param cacheFolder must be there */
export async function writeDevices(cacheFolder: string, devices: readonly DeviceReport[]): Promise<void> {
  const file = fileIn(cacheFolder)
  await writeFile(`${file}.new`, JSON.stringify({ machine: machine(), devices }, undefined, 2))
  await rename(`${file}.new`, file)
}
