import { join } from 'node:path'

import { writeAll } from './checkpoint/atomic-file.ts'
import { elementCount } from './checkpoint/tensor-file.ts'
import { alignUp, writeOnce } from './weight-file.ts'
import type { Backbone } from './weights.ts'

/** Where bytes lie in a file. */
interface Place {
  readonly offset: number
  readonly byteLength: number
}

/** A right factor `[in, out]` of whole numbers from −127 to 127, and a float32 factor for each of its columns. */
export interface QuantisedFactor {
  readonly values: Place
  readonly scales: Place
}

/** A weight as the right factor of a product: as it is, and transposed. Both are rounded by their own columns. */
export interface QuantisedEntry {
  readonly shape: readonly number[]
  readonly plain: QuantisedFactor
  readonly transposed: QuantisedFactor
}

/** A file of quantised weights, which ONNX models name as external data. */
export interface QuantisedFile {
  readonly path: string
  /** By the weight's name. */
  readonly entries: ReadonlyMap<string, QuantisedEntry>
}

/**
 * Rounds the columns of a right factor to whole numbers, each column by a factor of its own: the largest value of a
 * column becomes `largest`.
 *
 * @param values row-major `[rows, columns]`
 * @returns values `[rows, columns]` and scales `[columns]`, with `values · scales` near what was given
 */
export function quantiseColumns(
  values: Float32Array,
  columns: number,
  largest: number,
): { values: Int8Array<ArrayBuffer>; scales: Float32Array<ArrayBuffer> } {
  const scales = new Float32Array(columns)
  // Rows outside and no division: a large backbone has a hundred million of these.
  for (let start = 0; start < values.length; start += columns) {
    for (let column = 0; column < columns; column++) {
      const size = Math.abs(values[start + column] ?? 0)
      if (size > (scales[column] ?? 0)) scales[column] = size
    }
  }
  const factors = scales.map((size) => (size === 0 ? 0 : largest / size))
  const rounded = new Int8Array(values.length)
  for (let start = 0; start < values.length; start += columns) {
    for (let column = 0; column < columns; column++) {
      rounded[start + column] = Math.round((values[start + column] ?? 0) * (factors[column] ?? 0))
    }
  }
  return { values: rounded, scales: scales.map((size) => (size === 0 ? 1 : size / largest)) }
}

/**
 * The quantised weights of a backbone's linear layers in `folder` (which exists): `<hash>.int8-<largest>.bin`, and a
 * list of the same name ending in `.json`. Made when it is not there whole, else used as it is.
 *
 * @param largest whole number that the largest value of each column becomes
 * @throws WorkbenchError `storage` when it cannot be written
 */
export async function writeQuantisedFile(
  backbone: Pick<Backbone, 'hash' | 'tensors'>,
  folder: string,
  largest: number,
): Promise<QuantisedFile> {
  const { entries, size } = layOut(backbone)
  const stem = join(folder, `${backbone.hash}.int8-${largest}`)
  const path = `${stem}.bin`
  await writeOnce({ path, size, listPath: `${stem}.json`, entries }, async (handle) => {
    const put = (data: Float32Array | Int8Array, { offset }: Place): Promise<void> =>
      writeAll(handle, new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset)
    for (const [name, entry] of entries) {
      const values = await backbone.tensors.get(name)?.read()
      const [rows = 0, columns = 0] = entry.shape
      if (!values) throw new Error(`the backbone has no tensor "${name}"`)
      const plain = quantiseColumns(values, columns, largest)
      await put(plain.values, entry.plain.values)
      await put(plain.scales, entry.plain.scales)
      const transposed = quantiseColumns(transpose(values, rows, columns), rows, largest)
      await put(transposed.values, entry.transposed.values)
      await put(transposed.scales, entry.transposed.scales)
    }
  })
  return { path, entries }
}

/** Linear layers are what has a bias beside its weights; tables of embeddings have none. */
function layOut({ tensors }: Pick<Backbone, 'tensors'>): {
  entries: Map<string, QuantisedEntry>
  size: number
} {
  let size = 0
  const place = (byteLength: number): Place => {
    const offset = size
    size = alignUp(size + byteLength)
    return { offset, byteLength }
  }
  const entries = new Map<string, QuantisedEntry>()
  for (const [name, { shape }] of tensors) {
    if (shape.length !== 2 || !tensors.has(name.replace(/weight$/, 'bias'))) continue
    const [rows = 0, columns = 0] = shape
    const count = elementCount(shape)
    entries.set(name, {
      shape,
      plain: { values: place(count), scales: place(columns * 4) },
      transposed: { values: place(count), scales: place(rows * 4) },
    })
  }
  return { entries, size }
}

function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const transposed = new Float32Array(values.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      transposed[column * rows + row] = values[row * columns + column] ?? 0
    }
  }
  return transposed
}
