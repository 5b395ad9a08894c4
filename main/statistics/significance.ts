import { createRandom } from '../data/random.ts'

/** A mean with its spread and the interval that holds the true mean with a given probability. */
export interface Interval {
  mean: number
  /** Sample standard deviation; 0 of one value. */
  deviation: number
  low: number
  high: number
}

/** Student's t for 95 % two-sided, by degrees of freedom 1…30; beyond, the normal's is near enough. */
const studentT = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
]

/** Mean over seeds with its 95 % confidence interval by Student's t. Of one value, the interval is that value. */
export function intervalOverSeeds(values: readonly number[]): Interval {
  const count = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  if (count < 2) return { mean, deviation: 0, low: mean, high: mean }
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1))
  const half = ((studentT[count - 2] ?? 1.96) * deviation) / Math.sqrt(count)
  return { mean, deviation, low: mean - half, high: mean + half }
}

/**
 * The 95 % percentile interval of a score under resampling of the test rows (Efron's bootstrap).
 *
 * @param rows how many there are
 * @param score of a sample of rows, given by their indices
 * @param resamples more make the interval's ends steadier
 */
export function bootstrapInterval(
  rows: number,
  score: (sample: Uint32Array) => number,
  { resamples = 1000, seed = 1 }: { resamples?: number; seed?: number } = {},
): Interval {
  const everyRow = Uint32Array.from({ length: rows }, (_, row) => row)
  const mean = score(everyRow)
  const scores = Float64Array.from({ length: resamples }, (_, i) => score(resample(rows, seed, i))).sort()
  const average = scores.reduce((sum, value) => sum + value, 0) / resamples
  const deviation = Math.sqrt(
    scores.reduce((sum, value) => sum + (value - average) ** 2, 0) / (resamples - 1),
  )
  return { mean, deviation, low: quantile(scores, 0.025), high: quantile(scores, 0.975) }
}

/** Whether two models' answers to the same rows differ by more than chance. */
export interface PairedTest {
  /** Rows that only the first, and only the second, answered rightly. */
  onlyFirst: number
  onlySecond: number
  /** Two-sided. */
  p: number
}

/**
 * McNemar's exact test (1947): of the rows that one of two models gets right and the other wrong, a fair coin would
 * give half to each.
 *
 * @param first whether the first model is right, row by row
 */
export function mcNemar(first: readonly boolean[], second: readonly boolean[]): PairedTest {
  if (first.length !== second.length) {
    throw new Error(`the models answered ${first.length} and ${second.length} rows`)
  }
  let onlyFirst = 0
  let onlySecond = 0
  first.forEach((right, row) => {
    if (right && !second[row]) onlyFirst += 1
    if (!right && second[row]) onlySecond += 1
  })
  const discordant = onlyFirst + onlySecond
  const smaller = Math.min(onlyFirst, onlySecond)
  let tail = 0
  for (let k = 0; k <= smaller; k++) tail += Math.exp(logChoose(discordant, k) - discordant * Math.LN2)
  return { onlyFirst, onlySecond, p: discordant === 0 ? 1 : Math.min(1, 2 * tail) }
}

/**
 * How sure it is that one score beats another on the same rows: two-sided p by resampling rows for both at once.
 *
 * @param difference of the scores (first less second) on a sample of rows
 */
export function pairedBootstrap(
  rows: number,
  difference: (sample: Uint32Array) => number,
  { resamples = 1000, seed = 1 }: { resamples?: number; seed?: number } = {},
): { difference: number; low: number; high: number; p: number } {
  const { mean, low, high } = bootstrapInterval(rows, difference, { resamples, seed })
  let below = 0
  let above = 0
  for (let i = 0; i < resamples; i++) {
    const value = difference(resample(rows, seed, i))
    if (value <= 0) below += 1
    if (value >= 0) above += 1
  }
  return { difference: mean, low, high, p: Math.min(1, (2 * (Math.min(below, above) + 1)) / (resamples + 1)) }
}

function resample(rows: number, seed: number, index: number): Uint32Array {
  const random = createRandom(seed, 'bootstrap', index)
  return Uint32Array.from({ length: rows }, () => random.integer(rows))
}

/** Linear interpolation between order statistics, as numpy's default. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1)
  const below = Math.floor(place)
  const low = sorted[below] ?? Number.NaN
  return low + (place - below) * ((sorted[below + 1] ?? low) - low)
}

function logChoose(n: number, k: number): number {
  let sum = 0
  for (let i = 0; i < k; i++) sum += Math.log(n - i) - Math.log(i + 1)
  return sum
}
