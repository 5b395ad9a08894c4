import type { FusionWeights } from '../../preload/contract.ts'
import { formatScore } from './format.ts'

/** The same place of the network in two lists. */
const isPlace = (a: FusionWeights) => (b: FusionWeights) => a.layer === b.layer && a.place === b.place

/**
 * In words, which adapter a fusion listens to most beyond its mean over the task, and where; undefined where that is
 * nowhere by a hundredth. What is taken from the others is the same: weights add up to 1.
 */
export function fusionShift(
  adapters: readonly string[],
  mean: readonly FusionWeights[],
  own: readonly FusionWeights[],
): string | undefined {
  const shifts = own.flatMap((row) => {
    const usual = mean.find(isPlace(row))
    return row.weights.flatMap((weight, index) => {
      const before = usual?.weights[index]
      const adapter = adapters[index]
      return before === undefined || adapter === undefined ? [] : [{ row, adapter, weight, before }]
    })
  })
  const rise = ({ weight, before }: (typeof shifts)[number]) => weight - before
  const [first] = shifts.sort((a, b) => rise(b) - rise(a))
  if (first === undefined || rise(first) < 0.01) return undefined
  const { row, adapter, weight, before } = first
  return `It listens more to ${adapter} than on the mean, most so in layer ${row.layer}: ${formatScore(weight)} % instead of ${formatScore(before)} %.`
}
