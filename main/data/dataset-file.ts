import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { WorkbenchError, type DatasetRow, type SplitName } from '../../preload/contract.ts'
import { readLines } from './lines.ts'

/** A row as it is stored, one JSON object per line; its index is its line's. */
export type StoredRow = Omit<DatasetRow, 'index'>

export interface DatasetFile {
  /** SHA-256 of the file. */
  hash: string
  path: string
  rows: number
}

export interface RowQuery {
  offset: number
  limit: number
  split?: SplitName | undefined
  label?: string | undefined
  /** Case does not matter. */
  search?: string | undefined
}

/** Rows between two entries of the offset index. */
const indexStride = 128

/** Files under names like this are unfinished; whatever wrote them is gone when a workbench starts. */
export const partialPrefix = '.part-'

/** Where the rows with this hash lie inside a folder of datasets. */
export function datasetFileName(hash: string): string {
  return `${hash}.jsonl`
}

/**
 * Writes rows to `<folder>/<SHA-256>.jsonl`, under a temporary name until all of them are on the disk, and
 * beside it the offsets that let a page be read without the pages before it.
 *
 * @throws WorkbenchError('storage') when the folder cannot be written; nothing is left behind then
 */
export async function writeDatasetFile(
  folder: string,
  rows: AsyncIterable<StoredRow[]> | Iterable<StoredRow[]>,
): Promise<DatasetFile> {
  const partial = join(folder, `${partialPrefix}${randomUUID()}`)
  let handle: FileHandle | undefined
  try {
    await mkdir(folder, { recursive: true })
    handle = await open(partial, 'wx')
    const hash = createHash('sha256')
    const offsets: number[] = []
    let count = 0
    let bytes = 0
    for await (const chunk of rows) {
      const lines: string[] = []
      for (const row of chunk) {
        const line = encodeRow(row)
        if (count % indexStride === 0) offsets.push(bytes)
        bytes += Buffer.byteLength(line)
        count++
        lines.push(line)
      }
      const block = Buffer.from(lines.join(''), 'utf8')
      hash.update(block)
      await handle.writeFile(block)
    }
    await handle.sync()
    await handle.close()
    handle = undefined
    const digest = hash.digest('hex')
    const path = join(folder, datasetFileName(digest))
    await writeIndex(path, count, offsets)
    await rename(partial, path)
    await syncFolder(folder)
    return { hash: digest, path, rows: count }
  } catch (cause) {
    await handle?.close()
    throw asWriteError(folder, cause)
  } finally {
    // What made the write fail may also stop this; the next start sweeps the file away.
    await rm(partial, { force: true }).catch(() => undefined)
  }
}

/** Removes a dataset's rows and their index; rows that are gone already are no error. */
export async function removeDatasetFile(path: string): Promise<void> {
  await rm(path, { force: true })
  await rm(indexPath(path), { force: true })
}

/** All rows in their order, without holding them. @throws WorkbenchError('storage') for a missing or damaged file */
export async function* readRows(path: string): AsyncGenerator<DatasetRow> {
  for await (const rows of readRowChunks(path)) yield* rows
}

/**
 * One page of the rows that match, and how many match in all. Without a filter only the page itself is read;
 * with one, the whole file is.
 */
export async function readPage(
  path: string,
  query: RowQuery,
): Promise<{ total: number; rows: DatasetRow[] }> {
  const { offset, limit, split, label } = query
  const search = query.search?.toLowerCase() ?? ''
  const rows: DatasetRow[] = []
  if (split === undefined && label === undefined && search === '') {
    const index = await readIndex(path)
    if (offset >= index.rows) return { total: index.rows, rows }
    const entry = Math.floor(offset / indexStride)
    for await (const chunk of readRowChunks(path, index.offsets[entry] ?? 0, entry * indexStride)) {
      for (const row of chunk) if (row.index >= offset && rows.length < limit) rows.push(row)
      if (rows.length === limit) break
    }
    return { total: index.rows, rows }
  }
  let total = 0
  for await (const chunk of readRowChunks(path)) {
    for (const row of chunk) {
      if (split !== undefined && row.split !== split) continue
      if (label !== undefined && row.label !== label) continue
      if (search !== '' && !matches(row, search)) continue
      if (total >= offset && rows.length < limit) rows.push(row)
      total++
    }
  }
  return { total, rows }
}

function matches(row: DatasetRow, search: string): boolean {
  return row.text.toLowerCase().includes(search) || (row.secondText?.toLowerCase().includes(search) ?? false)
}

function encodeRow({ split, text, secondText, label }: StoredRow): string {
  return `${JSON.stringify({ split, text, secondText, label })}\n`
}

/** Rows as many at a time as one read brings, so that a caller can work without awaiting each. */
export async function* readRowChunks(path: string, start = 0, firstIndex = 0): AsyncGenerator<DatasetRow[]> {
  try {
    for await (const { lines } of readLines(path, 'utf-8', { start, longest: Infinity })) {
      yield lines.map((line) => decodeRow(path, line.text, firstIndex + line.number - 1))
    }
  } catch (cause) {
    throw asReadError(path, cause)
  }
}

function decodeRow(path: string, line: string, index: number): DatasetRow {
  try {
    const { split, text, secondText, label }: StoredRow = JSON.parse(line)
    return secondText === undefined
      ? { index, split, text, label }
      : { index, split, text, secondText, label }
  } catch (cause) {
    throw new WorkbenchError(
      'storage',
      `The dataset's rows in ${path} are damaged at line ${index + 1}. Import the dataset again.`,
      { cause },
    )
  }
}

function indexPath(path: string): string {
  return `${path}.index`
}

/** The number of rows, then the byte offset of every 128th, as float64 little-endian. */
async function writeIndex(path: string, rows: number, offsets: readonly number[]): Promise<void> {
  const bytes = Buffer.alloc(8 * (offsets.length + 1))
  for (const [at, value] of [rows, ...offsets].entries()) bytes.writeDoubleLE(value, 8 * at)
  const partial = join(dirname(path), `${partialPrefix}${randomUUID()}`)
  const handle = await open(partial, 'wx')
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(partial, indexPath(path))
}

async function readIndex(path: string): Promise<{ rows: number; offsets: number[] }> {
  const bytes = await readFile(indexPath(path)).catch(() => Buffer.alloc(0))
  if (bytes.length >= 8) {
    const rows = bytes.readDoubleLE(0)
    if (bytes.length === 8 * (1 + Math.ceil(rows / indexStride))) {
      return {
        rows,
        offsets: Array.from({ length: bytes.length / 8 - 1 }, (_, at) => bytes.readDoubleLE(8 * (at + 1))),
      }
    }
  }
  return rebuildIndex(path)
}

/** The index is only a shortcut: one that is missing or of another size is made again from the rows. */
async function rebuildIndex(path: string): Promise<{ rows: number; offsets: number[] }> {
  const offsets: number[] = []
  let rows = 0
  let bytes = 0
  for await (const { lines } of readLines(path, 'utf-8', { longest: Infinity })) {
    for (const line of lines) {
      if (rows % indexStride === 0) offsets.push(bytes)
      bytes += Buffer.byteLength(line.text) + 1
      rows++
    }
  }
  await writeIndex(path, rows, offsets)
  return { rows, offsets }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot sync a folder, and does not need to.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What the system says about a write, in words for the user; anything else passes as it is. */
export function asWriteError(folder: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !('syscall' in cause)) return cause
  return new WorkbenchError(
    'storage',
    `Cannot write the dataset in ${folder}: ${cause.message}. Make room on the disk or check its permissions.`,
    { cause },
  )
}

function asReadError(path: string, cause: unknown): unknown {
  if (!(cause instanceof WorkbenchError) || cause.code === 'storage') return cause
  return new WorkbenchError(
    'storage',
    `The dataset's rows in ${path} cannot be read: ${cause.message} Import the dataset again.`,
    { cause },
  )
}
