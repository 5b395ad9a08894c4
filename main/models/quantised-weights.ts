import { join } from 'node:path'

import { writeAll } from './checkpoint/atomic-file.ts'
import { elementCount } from './checkpoint/tensor-file.ts'
import { channelDivisors, rightFactor, rowsMultiplied, unevenNorms } from './channel-balance.ts'
import type { NormInput } from './norm-readers.ts'
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
  /**
   * float32 `[in]`, which the left factor's columns are to be multiplied by before they are rounded: the values hold
   * the inverse.
   */
  readonly balance?: Place
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
 * The quantised weights of a backbone's linear layers in `folder` (which exists): `<hash>.int8-<largest>-balanced.bin`,
 * and a list of the same name ending in `.json`. Made when it is not there whole, else used as it is.
 *
 * Where a layer norm's channels differ much in size, one scale for all of them would leave few steps for most: they
 * are divided by a number each, and the weights that read them multiplied by it, which changes no product (Xiao et
 * al. 2023, "SmoothQuant"). What a channel comes to is taken from the norm's own parameters, so that no text is needed.
 *
 * @param largest whole number that the largest value of each column becomes
 * @param norms the layer norms that linear layers read, by their weight's name
 * @throws WorkbenchError `storage` when it cannot be written
 */
export async function writeQuantisedFile(
  backbone: Pick<Backbone, 'hash' | 'tensors'>,
  folder: string,
  largest: number,
  norms: ReadonlyMap<string, NormInput> = new Map(),
): Promise<QuantisedFile> {
  const uneven = await unevenNorms(backbone, norms)
  const { entries, size } = layOut(backbone, norms, uneven)
  const stem = join(folder, `${backbone.hash}.int8-${largest}-balanced`)
  const path = `${stem}.bin`
  await writeOnce({ path, size, listPath: `${stem}.json`, entries }, async (handle) => {
    const put = (data: Float32Array | Int8Array, { offset }: Place): Promise<void> =>
      writeAll(handle, new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset)
    const divisors = await channelDivisors(backbone, norms, uneven)
    for (const [name, { shape, ...factors }] of entries) {
      const norm = norms.get(name)
      const own = norm && divisors.get(norm.scale)
      for (const [kind, { values, scales, balance }] of Object.entries(factors)) {
        let right = await rightFactor(backbone, name, kind === 'transposed')
        if (balance && own) {
          right = rowsMultiplied(right, own)
          await put(
            own.map((divisor) => 1 / divisor),
            balance,
          )
        }
        const [rows = 0, columns = 0] = shape
        const rounded = quantiseColumns(right, kind === 'transposed' ? rows : columns, largest)
        await put(rounded.values, values)
        await put(rounded.scales, scales)
      }
    }
  })
  return { path, entries }
}

/** Linear layers are what has a bias beside its weights; tables of embeddings have none. */
function layOut(
  { tensors }: Pick<Backbone, 'tensors'>,
  norms: ReadonlyMap<string, NormInput>,
  uneven: ReadonlyMap<string, unknown>,
): {
  entries: Map<string, QuantisedEntry>
  size: number
} {
  let size = 0
  const place = (byteLength: number): Place => {
    const offset = size
    size = alignUp(size + byteLength)
    return { offset, byteLength }
  }
  const balances = new Map<string, Place>()
  const entries = new Map<string, QuantisedEntry>()
  for (const [name, { shape }] of tensors) {
    if (shape.length !== 2 || !tensors.has(name.replace(/weight$/, 'bias'))) continue
    const count = elementCount(shape)
    const norm = norms.get(name)
    const factor = (transposed: boolean): QuantisedFactor => {
      const [inner = 0, columns = 0] = transposed ? shape.toReversed() : shape
      const own = { values: place(count), scales: place(columns * 4) }
      if (norm?.transposed !== transposed || !uneven.has(norm.scale)) return own
      // All that read a norm divide by the same numbers, so that its output is rounded once for them.
      const balance = balances.get(norm.scale) ?? place(inner * 4)
      balances.set(norm.scale, balance)
      return { ...own, balance }
    }
    entries.set(name, { shape, plain: factor(false), transposed: factor(true) })
  }
  return { entries, size }
}
