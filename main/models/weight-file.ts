import { readFile, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import { writeAll, writeFileAtomically } from './checkpoint/atomic-file.ts'
import { elementCount } from './checkpoint/tensor-file.ts'
import type { Backbone } from './weights.ts'

/** Where one tensor's values lie in a file, in bytes. */
export interface WeightEntry {
  readonly offset: number
  readonly byteLength: number
  readonly shape: readonly number[]
}

/** A file of float32 values that ONNX models name as external data. */
export interface WeightFile {
  readonly path: string
  readonly entries: ReadonlyMap<string, WeightEntry>
}

/** ONNX asks for page alignment, so that a runtime can map the file into memory. */
const alignment = 4096

/**
 * The backbone's weight file in `folder` (which exists): `<hash>.weights.bin`, one for all graphs of a backbone,
 * and `<hash>.weights.json` with its entries. Made when it is not there whole, else used as it is.
 * @throws WorkbenchError `storage` when it cannot be written.
 */
export async function writeWeightFile(
  backbone: Pick<Backbone, 'hash' | 'tensors'>,
  folder: string,
): Promise<WeightFile> {
  const { entries, size } = layOut(backbone.tensors, 4)
  const path = join(folder, `${backbone.hash}.weights.bin`)
  const listPath = join(folder, `${backbone.hash}.weights.json`)
  await writeOnce({ path, size, listPath, entries }, async (handle) => {
    for (const [name, tensor] of backbone.tensors) {
      const values = await tensor.read()
      await writeAll(
        handle,
        new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
        entries.get(name)?.offset,
      )
    }
  })
  return { path, entries }
}

/** A file to be made once, and the list that says what is in it. */
interface ListedFile {
  path: string
  size: number
  listPath: string
  entries: ReadonlyMap<string, unknown>
}

/**
 * Writes a file and its list, unless both are there whole.
 * @throws WorkbenchError `storage` when they cannot be written.
 */
export async function writeOnce(
  { path, size, listPath, entries }: ListedFile,
  write: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const list = JSON.stringify({ size, entries: Object.fromEntries(entries) }, undefined, 1)
  if (await isWhole(path, size, listPath, list)) return
  try {
    await writeFileAtomically(path, async (handle) => {
      await write(handle)
      await handle.truncate(size)
    })
    // The list comes last: where it is, the values are whole.
    await writeFileAtomically(listPath, (handle) => writeAll(handle, new TextEncoder().encode(list)))
  } catch (error) {
    // Another process may have made it meanwhile and hold it open, which Windows does not let us replace.
    if (await isWhole(path, size, listPath, list)) return
    throw error
  }
}

/** The next place that a tensor may begin at. */
export function alignUp(offset: number): number {
  return Math.ceil(offset / alignment) * alignment
}

/** Where each tensor lies in a file, and the file's size in bytes. */
export function layOut(
  tensors: Iterable<readonly [string, { readonly shape: readonly number[] }]>,
  bytesPerValue: number,
): { entries: Map<string, WeightEntry>; size: number } {
  const entries = new Map<string, WeightEntry>()
  let offset = 0
  for (const [name, { shape }] of tensors) {
    const byteLength = elementCount(shape) * bytesPerValue
    entries.set(name, { offset, byteLength, shape })
    offset = alignUp(offset + byteLength)
  }
  return { entries, size: offset }
}

async function isWhole(path: string, size: number, listPath: string, list: string): Promise<boolean> {
  try {
    return (await stat(path)).size === size && (await readFile(listPath, 'utf8')) === list
  } catch {
    return false
  }
}
