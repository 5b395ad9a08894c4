import type { NormInput } from './norm-readers.ts'
import { tensorOf, type Backbone } from './weights.ts'

type Tensors = Pick<Backbone, 'tensors'>

/** How much of what is uneven in a layer norm's output is moved into the weights that read it. */
const moved = 0.75
/** The largest expected value by the mean one from which on it is worth a multiplication. */
const unevenFrom = 1.25

/**
 * What the channels of a layer norm's output come to by the norm's own parameters, so that no text is needed: for the
 * norms where they differ, by the name of their scale.
 *
 * @param norms the layer norms that linear layers read, by their weight's name
 */
export async function unevenNorms(
  backbone: Tensors,
  norms: ReadonlyMap<string, NormInput>,
): Promise<Map<string, Float32Array>> {
  const found = new Map<string, Float32Array>()
  for (const { scale, bias } of new Map(Array.from(norms.values(), (norm) => [norm.scale, norm])).values()) {
    const [factors, additions] = [
      await tensorOf(backbone, scale).read(),
      await tensorOf(backbone, bias).read(),
    ]
    const sizes = factors.map((factor, channel) => Math.abs(factor) + Math.abs(additions[channel] ?? 0))
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length
    if (sizes.some((size) => size > unevenFrom * mean)) found.set(scale, sizes)
  }
  return found
}

/**
 * What the channels of uneven norms are to be divided by and the weights that read them multiplied by, which changes
 * no product (Xiao et al. 2023, "SmoothQuant"): the size of the channel against that of its weights.
 *
 * @param expected by `unevenNorms`
 */
export async function channelDivisors(
  backbone: Tensors,
  norms: ReadonlyMap<string, NormInput>,
  expected: ReadonlyMap<string, Float32Array>,
): Promise<Map<string, Float32Array>> {
  const readers = new Map<string, Float32Array>()
  for (const [name, { scale, transposed }] of norms) {
    const channels = expected.get(scale)?.length
    if (channels === undefined) continue
    const largest = readers.get(scale) ?? new Float32Array(channels)
    readers.set(scale, largest)
    const right = await rightFactor(backbone, name, transposed)
    const columns = right.length / channels
    for (let channel = 0; channel < channels; channel++) {
      let size = largest[channel] ?? 0
      for (let i = channel * columns; i < (channel + 1) * columns; i++)
        size = Math.max(size, Math.abs(right[i] ?? 0))
      largest[channel] = size
    }
  }
  return new Map(
    Array.from(readers, ([scale, weights]) => [
      scale,
      weights.map((weight, channel) => {
        const divisor = (expected.get(scale)?.[channel] ?? 0) ** moved / weight ** (1 - moved)
        return Number.isFinite(divisor) && divisor > 0 ? divisor : 1
      }),
    ]),
  )
}

/** A weight as the right factor of a product `[in, out]`. @param transposed whether it is held the other way round */
export async function rightFactor(
  backbone: Tensors,
  name: string,
  transposed: boolean,
): Promise<Float32Array> {
  const tensor = tensorOf(backbone, name)
  const values = await tensor.read()
  const [rows = 0, columns = 0] = tensor.shape
  return transposed ? transpose(values, rows, columns) : values
}

/** A matrix with its rows multiplied by a number each. */
export function rowsMultiplied(values: Float32Array, factors: Float32Array): Float32Array {
  const columns = values.length / factors.length
  const multiplied = Float32Array.from(values)
  factors.forEach((factor, row) => {
    for (let i = row * columns; i < (row + 1) * columns; i++) multiplied[i] = (values[i] ?? 0) * factor
  })
  return multiplied
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
