import type { Initialization } from '../adapters/method.ts'
import { createRandom, type Random } from '../data/random.ts'
import type { ParameterLayout } from './layout.ts'

/**
 * The trained parameters before the first step. Each parameter has its own random stream, so its values do
 * not depend on what else is trained.
 *
 * @param pretrained reads a parameter of the checkpoint by its name
 * @param given values of trained adapters: parameters of these names begin with them, and averages are of them
 */
export async function initialParameters(
  layout: ParameterLayout,
  seed: number,
  pretrained: (name: string) => Promise<Float32Array>,
  given: ReadonlyMap<string, { data: Float32Array }> = new Map(),
): Promise<Float32Array> {
  const vector = new Float32Array(layout.size)
  for (const entry of layout.entries.values()) {
    const part = vector.subarray(entry.offset, entry.offset + entry.size)
    const known = given.get(entry.name)
    if (known) part.set(known.data)
    else if (entry.initialization.kind === 'pretrained') part.set(await pretrained(entry.name))
    else if (entry.initialization.kind === 'average') average(part, entry.initialization.of, given)
    else draw(part, entry.initialization, createRandom(seed, 'initialise', entry.name))
  }
  return vector
}

function average(
  part: Float32Array,
  of: readonly { name: string; weight: number }[],
  given: ReadonlyMap<string, { data: Float32Array }>,
): void {
  for (const { name, weight } of of) {
    const values = given.get(name)?.data
    if (!values) throw new Error(`the average needs "${name}", which is not there`)
    for (let i = 0; i < part.length; i++) part[i] = (part[i] ?? 0) + weight * (values[i] ?? 0)
  }
}

function draw(
  part: Float32Array,
  initialization: Exclude<Initialization, { kind: 'pretrained' | 'average' }>,
  random: Random,
): void {
  switch (initialization.kind) {
    case 'constant':
      part.fill(initialization.value)
      return
    case 'identity': {
      const size = Math.sqrt(part.length)
      part.fill(initialization.elsewhere)
      for (let i = 0; i < size; i++) part[i * size + i] = 1
      return
    }
    case 'normal':
      random.fillNormal(part)
      for (let i = 0; i < part.length; i++) part[i] = (part[i] ?? 0) * initialization.deviation
      return
    case 'truncated-normal':
      for (let i = 0; i < part.length; i++) part[i] = truncatedNormal(random) * initialization.deviation
      return
    case 'kaiming-uniform': {
      const bound = 1 / Math.sqrt(initialization.fanIn)
      random.fillUniform(part)
      for (let i = 0; i < part.length; i++) part[i] = ((part[i] ?? 0) * 2 - 1) * bound
    }
  }
}

/** Standard normal without what lies beyond two deviations. */
function truncatedNormal(random: Random): number {
  for (;;) {
    const value = random.normal()
    if (Math.abs(value) <= 2) return value
  }
}
