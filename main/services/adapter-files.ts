import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { writeAll, writeFileAtomically } from '../models/checkpoint/atomic-file.ts'

/** Folder of the stored adapters inside the home folder, and in the store's references to them. */
export const adaptersFolder = 'adapters'

/** The file of a stored adapter, relative to the home folder. */
export function adapterFile(id: string): string {
  return `${adaptersFolder}/${id}.safetensors`
}

/**
 * Copies a file that a run left into the stored adapters. It is there whole or not at all; the run's own file stays
 * until the caller has stored the row that names the copy.
 */
export async function copyIntoAdapters(home: string, id: string, source: string): Promise<void> {
  await mkdir(join(home, adaptersFolder), { recursive: true })
  const content = await readFile(source)
  await writeFileAtomically(join(home, adapterFile(id)), (handle) => writeAll(handle, content))
}
