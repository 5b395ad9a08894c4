import type { ParameterSpec } from '../adapters/method.ts'
import { sizeOf } from '../graph/index.ts'

/** How the optimizer treats a parameter. */
export interface ParameterRule {
  /** Its learning rate as a multiple of the run's. */
  rateScale: number
  /** Whether weight decay applies. */
  decays: boolean
}

export interface LayoutEntry extends ParameterSpec, ParameterRule {
  /** Where its values begin in the vector. */
  offset: number
  size: number
}

/**
 * All trained parameters as one vector: the optimizer is then a dozen operations whatever the method, and a
 * checkpoint one array per moment. Parameters under the same rule lie together.
 */
export interface ParameterLayout {
  size: number
  entries: ReadonlyMap<string, LayoutEntry>
}

const plainRule: ParameterRule = { rateScale: 1, decays: true }

export function layOut(
  specs: readonly ParameterSpec[],
  ruleOf: (spec: ParameterSpec) => ParameterRule = () => plainRule,
): ParameterLayout {
  const entries = new Map<string, LayoutEntry>()
  let offset = 0
  const byRule = Map.groupBy(specs, (spec) => JSON.stringify(ruleOf(spec)))
  for (const spec of [...byRule.values()].flat()) {
    if (entries.has(spec.name)) throw new Error(`parameter ${spec.name} is declared twice`)
    const size = sizeOf(spec.shape)
    entries.set(spec.name, { ...spec, ...ruleOf(spec), offset, size })
    offset += size
  }
  return { size: offset, entries }
}

/** A stretch of the vector that the optimizer treats alike. */
export interface Segment extends ParameterRule {
  start: number
  end: number
  /** Whether the loss depends on it; what it does not depend on stays as it is. */
  trained: boolean
}

/** The vector in as few segments as there are. @param reached names of the parameters that the loss depends on */
export function segmentsOf(entries: Iterable<LayoutEntry>, reached: ReadonlySet<string>): Segment[] {
  const segments: Segment[] = []
  for (const { name, offset, size, rateScale, decays } of entries) {
    const trained = reached.has(name)
    const last = segments.at(-1)
    if (last && last.trained === trained && last.rateScale === rateScale && last.decays === decays) {
      last.end = offset + size
    } else segments.push({ start: offset, end: offset + size, trained, rateScale, decays })
  }
  return segments
}

/** One parameter's part of the vector, without a copy. */
export function partOf(vector: Float32Array, entry: LayoutEntry): Float32Array {
  return vector.subarray(entry.offset, entry.offset + entry.size)
}
