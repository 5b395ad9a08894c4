/** Values with their mean and sample standard deviation (0 of one value). */
export interface Spread {
  values: number[]
  mean: number
  deviation: number
}

/** @param values at least one */
export function spreadOf(values: readonly number[]): Spread {
  const count = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { values: [...values], mean, deviation: count < 2 ? 0 : Math.sqrt(squares / (count - 1)) }
}

/** The figures of a box plot: extremes and quartiles, the latter by linear interpolation (numpy's default). */
export interface Box {
  minimum: number
  lowerQuartile: number
  median: number
  upperQuartile: number
  maximum: number
}

export function boxOf(values: readonly number[]): Box {
  const sorted = Float64Array.from(values).sort()
  return {
    minimum: quantile(sorted, 0),
    lowerQuartile: quantile(sorted, 0.25),
    median: quantile(sorted, 0.5),
    upperQuartile: quantile(sorted, 0.75),
    maximum: quantile(sorted, 1),
  }
}

/**
 * Linear interpolation between order statistics, as numpy's default.
 *
 * @param sorted ascending
 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const place = share * (sorted.length - 1)
  const below = Math.floor(place)
  const low = sorted[below] ?? Number.NaN
  return low + (place - below) * ((sorted[below + 1] ?? low) - low)
}

/** Spearman's rank correlation, ties at their mean rank; undefined where one of the two never varies. */
export function spearman(x: readonly number[], y: readonly number[]): number | undefined {
  const [a, b] = [spreadOf(ranks(x)), spreadOf(ranks(y))]
  if (a.deviation === 0 || b.deviation === 0) return undefined
  const products = a.values.reduce((sum, rank, i) => sum + (rank - a.mean) * ((b.values[i] ?? 0) - b.mean), 0)
  return products / ((a.values.length - 1) * a.deviation * b.deviation)
}

function ranks(values: readonly number[]): number[] {
  const order = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value)
  const ranked = new Array<number>(values.length).fill(0)
  for (let start = 0; start < order.length;) {
    let end = start + 1
    while (end < order.length && order[end]?.value === order[start]?.value) end += 1
    for (const { index } of order.slice(start, end)) ranked[index] = (start + end + 1) / 2
    start = end
  }
  return ranked
}
