import { createRandom } from '../data/random.ts'
import { quantile, spreadOf } from './spread.ts'

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

function resample(rows: number, seed: number, index: number): Uint32Array {
  const random = createRandom(seed, 'bootstrap', index)
  const sample = new Uint32Array(rows)
  for (let i = 0; i < rows; i++) sample[i] = random.integer(rows)
  return sample
}

function logChoose(n: number, k: number): number {
  let sum = 0
  for (let i = 0; i < k; i++) sum += Math.log(n - i) - Math.log(i + 1)
  return sum
}

/**
 * Scores of several models on the same resamples of the rows, so that their differences are paired ones.
 *
 * @param scores of each model, on a sample of rows
 * @returns one array of `resamples` scores for each model
 */
export function resampledScores(
  rows: number,
  scores: readonly ((sample: Uint32Array) => number)[],
  { resamples = 1000, seed = 1 }: { resamples?: number; seed?: number } = {},
): Float64Array[] {
  const results = scores.map(() => new Float64Array(resamples))
  for (let i = 0; i < resamples; i++) {
    const sample = resample(rows, seed, i)
    scores.forEach((score, model) => {
      const own = results[model]
      if (own) own[i] = score(sample)
    })
  }
  return results
}

/** The 95 % percentile interval of resampled scores. */
export function percentileInterval(resampled: Float64Array): { low: number; high: number } {
  const sorted = resampled.toSorted()
  return { low: quantile(sorted, 0.025), high: quantile(sorted, 0.975) }
}

/**
 * Interval and two-sided p of the difference of two models' scores on the same resamples. The interval is that of the
 * percentiles; p takes the difference to be normal with the resamples' deviation, because shares of resamples could
 * never be small enough to be corrected for many tests.
 */
export function resampledDifference(
  first: Float64Array,
  second: Float64Array,
): { low: number; high: number; p: number } {
  const differences = first.map((value, i) => value - (second[i] ?? 0))
  const { mean, deviation } = spreadOf([...differences])
  const interval = percentileInterval(differences)
  if (deviation === 0) return { ...interval, p: mean === 0 ? 1 : 2 / (differences.length + 1) }
  return { ...interval, p: twoSidedP(mean / deviation) }
}

/**
 * Probability that a standard normal lies at least as far from 0: the complementary error function by a Chebyshev fit
 * with a relative error below 1.2e-7 everywhere (Press et al., Numerical Recipes, 6.2).
 */
export function twoSidedP(z: number): number {
  const x = Math.abs(z) / Math.SQRT2
  const t = 1 / (1 + 0.5 * x)
  const fit = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
    -0.82215223, 0.17087277,
  ].reduceRight((sum, coefficient) => coefficient + t * sum, 0)
  return Math.min(1, t * Math.exp(-x * x + fit))
}

/** Holm's correction (1979): p values that hold together, as sure as each alone, in the order they came. */
export function holm(p: readonly number[]): number[] {
  const order = p.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value)
  const adjusted = new Array<number>(p.length).fill(1)
  let largest = 0
  order.forEach(({ value, index }, rank) => {
    largest = Math.max(largest, Math.min(1, value * (p.length - rank)))
    adjusted[index] = largest
  })
  return adjusted
}
