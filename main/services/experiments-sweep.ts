import type { Sweep, SweepParameter, SweepValue } from '../../preload/contract.ts'
import { createRandom, type Random } from '../data/random.ts'

/** Settings chosen by a sweep, by path. */
export type Settings = Record<string, SweepValue>

/** What a sweep trains at first: every combination of a grid, or so many drawn settings. */
export function sweepSettings(sweep: Sweep | undefined): Settings[] {
  if (sweep === undefined) return [{}]
  if (sweep.kind === 'grid') return gridSettings(sweep.parameters)
  return drawSettings(sweep.parameters, sweep.count, sweep.seed)
}

/** Runs that a sweep comes to for one seed, without making its settings: a grid can be larger than the memory. */
export function sweepSize(sweep: Sweep | undefined, epochs: number): number {
  if (sweep === undefined) return 1
  const combinations = sweep.parameters.reduce((size, { values }) => size * (values?.length ?? Infinity), 1)
  if (sweep.kind === 'grid') return combinations
  const count = Math.min(sweep.count, combinations)
  if (sweep.kind === 'random') return count
  const { factor, firstEpochs } = sweep
  return rungsOf({ count, factor, firstEpochs, epochs }).reduce((sum, rung) => sum + rung.count, 0)
}

/** Every combination, the last parameter varying fastest. */
export function gridSettings(parameters: readonly SweepParameter[]): Settings[] {
  return parameters.reduce<Settings[]>(
    (combinations, { path, values }) =>
      combinations.flatMap((chosen) => (values ?? []).map((value) => ({ ...chosen, [path]: value }))),
    [{}],
  )
}

/** Drawn settings, none twice as long as there are others (a few draws are tried for each). */
export function drawSettings(parameters: readonly SweepParameter[], count: number, seed: number): Settings[] {
  const seen = new Set<string>()
  const random = createRandom(seed, 'sweep')
  const drawn: Settings[] = []
  for (let attempt = 0; drawn.length < count && attempt < count * 20; attempt++) {
    const settings = Object.fromEntries(
      parameters.map((parameter) => [parameter.path, draw(parameter, random)]),
    )
    const key = JSON.stringify(settings)
    if (seen.has(key)) continue
    seen.add(key)
    drawn.push(settings)
  }
  return drawn
}

function draw({ values, range }: SweepParameter, random: Random): SweepValue {
  if (values !== undefined) return values[random.integer(values.length)] ?? 0
  const { low = 0, high = 0, scale = 'linear', integer = false } = range ?? {}
  const share = random.uniform()
  if (integer && scale === 'linear') return low + Math.floor(share * (high - low + 1))
  const value =
    scale === 'log'
      ? Math.exp(Math.log(low) + share * (Math.log(high) - Math.log(low)))
      : low + share * (high - low)
  return integer ? Math.round(value) : Number(value.toPrecision(4))
}

export interface Rung {
  /** Settings that are trained in it. */
  count: number
  epochs: number
}

/**
 * The rungs of successive halving (Jamieson & Talwalkar 2016): `factor` times the epochs for 1/`factor` of the
 * settings, until the full number of epochs.
 */
export function rungsOf({
  count,
  factor,
  firstEpochs,
  epochs,
}: {
  count: number
  factor: number
  firstEpochs: number
  epochs: number
}): Rung[] {
  const rungs: Rung[] = []
  for (let left = count, spent = firstEpochs; ; left = Math.floor(left / factor), spent *= factor) {
    const last = spent >= epochs || left < factor
    rungs.push({ count: left, epochs: last ? epochs : spent })
    if (last) return rungs
  }
}

/** What a sweep cannot mean, in words; undefined where it is fine. */
export function sweepProblem(sweep: Sweep): string | undefined {
  const paths = sweep.parameters.map(({ path }) => path)
  const twice = paths.find((path, index) => paths.indexOf(path) !== index)
  if (twice !== undefined) return `${twice} is varied twice`
  for (const { path, range } of sweep.parameters) {
    if (range === undefined) continue
    if (sweep.kind === 'grid') return `${path} has a range, and a grid needs values`
    if (range.low >= range.high) return `${path} has a range from ${range.low} to ${range.high}`
    if (range.scale === 'log' && range.low <= 0) return `${path} has a logarithmic range from ${range.low}`
  }
  return undefined
}
