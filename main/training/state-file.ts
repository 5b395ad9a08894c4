import { closeSync, openSync, readSync } from 'node:fs'
import { readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'

import { WorkbenchError } from '../../preload/contract.ts'
import { messageOf } from '../engines/engine.ts'
import { writeAll, writeFileAtomically } from '../models/checkpoint/atomic-file.ts'

/** Records of numbers, each found by its place: in memory as far as they were let, else in their file. */
export interface RecordFile {
  read(offset: number, length: number): Float32Array
  close(): void
}

/** Hands over records with the place, counted in numbers, where each belongs. */
export type Compute = (put: (offset: number, record: Float32Array) => Promise<void>) => Promise<void>

export interface RecordFileOptions {
  path: string
  /** Numbers of all records together. */
  length: number
  /** Numbers that may stay in memory. */
  memory: number
}

const bytesPerNumber = 4

/**
 * Opens the file, which is computed where it is not there. Where it cannot be written but memory has room for all of
 * it, it stays there alone.
 *
 * @throws WorkbenchError `storage` where neither can be; whatever `compute` throws
 */
export async function openRecords(
  { path, length, memory }: RecordFileOptions,
  compute: Compute,
): Promise<{ file: RecordFile; computed: boolean }> {
  const kept = new Float32Array(Math.min(length, memory))
  const keep = (offset: number, record: Float32Array): void => {
    if (offset < kept.length) kept.set(record.subarray(0, kept.length - offset), offset)
  }
  if (await hasSize(path, length * bytesPerNumber)) {
    await touch(path)
    const file = openFile(path, kept)
    readInto(file.descriptor, kept)
    return { file, computed: false }
  }
  let stopped: { by: unknown } | undefined
  let unwritten = false
  let complete = false
  try {
    await writeFileAtomically(path, async (handle) => {
      try {
        await compute(async (offset, record) => {
          keep(offset, record)
          if (unwritten) return
          const bytes = new Uint8Array(record.buffer, record.byteOffset, record.byteLength)
          try {
            await writeAll(handle, bytes, offset * bytesPerNumber)
          } catch (error) {
            unwritten = true
            // With all of it in memory the file is only for the next run.
            if (kept.length < length) throw error
          }
        })
        complete = true
      } catch (error) {
        if (!unwritten) stopped = { by: error }
        throw error
      }
      if (unwritten) throw new Error('the disk took no more')
    })
    return { file: openFile(path, kept), computed: true }
  } catch (error) {
    if (stopped) throw stopped.by
    if (kept.length < length) throw error
    if (!complete) await compute(async (offset, record) => keep(offset, record))
    return { file: inMemory(kept), computed: true }
  }
}

/**
 * Removes the files of a folder that were not used for longest, until so many bytes more fit into the budget.
 *
 * @param inUse paths that stay
 * @returns bytes that there is room for, at most those asked for
 */
export async function makeRoom(
  folder: string,
  bytes: number,
  budget: number,
  inUse: ReadonlySet<string>,
): Promise<number> {
  const files: { path: string; size: number; used: number }[] = []
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name)
    const found = await stat(path).catch(() => undefined)
    if (found?.isFile()) files.push({ path, size: found.size, used: found.mtimeMs })
  }
  files.sort((a, b) => a.used - b.used)
  let total = files.reduce((sum, { size }) => sum + size, 0)
  for (const { path, size } of files) {
    if (total + bytes <= budget) break
    if (inUse.has(path)) continue
    // Where another process holds it open, some systems do not let it go.
    const gone = await rm(path).then(
      () => true,
      () => false,
    )
    if (gone) total -= size
  }
  return Math.max(0, Math.min(bytes, budget - total))
}

export async function hasSize(path: string, bytes: number): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.size === bytes
}

async function touch(path: string): Promise<void> {
  const now = new Date()
  // Only its place in the order of removal depends on it.
  await utimes(path, now, now).catch(() => undefined)
}

function openFile(path: string, kept: Float32Array): RecordFile & { descriptor: number } {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (cause) {
    // Another run may have made room with it just now.
    throw new WorkbenchError('storage', `${path} cannot be opened: ${messageOf(cause)}`)
  }
  return {
    descriptor,
    read(offset, length) {
      if (offset + length <= kept.length) return kept.subarray(offset, offset + length)
      const record = new Float32Array(length)
      readInto(descriptor, record, offset)
      return record
    },
    close: () => closeSync(descriptor),
  }
}

function inMemory(kept: Float32Array): RecordFile {
  return { read: (offset, length) => kept.subarray(offset, offset + length), close: () => undefined }
}

/** @throws WorkbenchError `storage` where the file ends before */
function readInto(descriptor: number, numbers: Float32Array, offset = 0): void {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
  // One call reads no more than 2 GiB.
  const most = 1 << 30
  for (let done = 0; done < bytes.byteLength;) {
    const wanted = Math.min(most, bytes.byteLength - done)
    const count = readSync(descriptor, bytes, done, wanted, offset * bytesPerNumber + done)
    if (count === 0) {
      throw new WorkbenchError(
        'storage',
        'a file of the frozen part’s states in the cache folder became shorter while it was read; run again',
      )
    }
    done += count
  }
}
