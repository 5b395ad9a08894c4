import type { ParameterSpec } from '../adapters/method.ts'
import { sizeOf } from '../graph/index.ts'

export interface LayoutEntry extends ParameterSpec {
  /** Where its values begin in the vector. */
  offset: number
  size: number
}

/**
 * All trained parameters as one vector: the optimizer is then a dozen operations whatever the method, and a
 * checkpoint one array per moment.
 */
export interface ParameterLayout {
  size: number
  entries: ReadonlyMap<string, LayoutEntry>
}

export function layOut(specs: readonly ParameterSpec[]): ParameterLayout {
  const entries = new Map<string, LayoutEntry>()
  let offset = 0
  for (const spec of specs) {
    if (entries.has(spec.name)) throw new Error(`parameter ${spec.name} is declared twice`)
    const size = sizeOf(spec.shape)
    entries.set(spec.name, { ...spec, offset, size })
    offset += size
  }
  return { size: offset, entries }
}

/** One parameter's part of the vector, without a copy. */
export function partOf(vector: Float32Array, entry: LayoutEntry): Float32Array {
  return vector.subarray(entry.offset, entry.offset + entry.size)
}
