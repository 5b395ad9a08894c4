/** Metric series as they grow: points arrive in order, and again from a checkpoint when a run was resumed. */
import type { MetricPoint, MetricSeries } from '../../preload/contract.ts'

export type SeriesByName = Record<string, MetricSeries>

/**
 * Adds points in place. A point at or before the last step means that the run went back to a checkpoint: what was
 * after it is dropped, as it is going to be computed again.
 */
export function appendPoints(series: SeriesByName, points: readonly MetricPoint[]): void {
  for (const { name, step, value } of points) {
    const known = (series[name] ??= { name, steps: [], values: [] })
    while ((known.steps.at(-1) ?? -Infinity) >= step) {
      known.steps.pop()
      known.values.pop()
    }
    known.steps.push(step)
    known.values.push(value)
  }
}

/** A series as pairs for a chart. */
export function seriesPoints(series: MetricSeries | undefined): [number, number][] {
  return (series?.steps ?? []).map((step, index) => [step, series?.values[index] ?? Number.NaN])
}

/** Exponential moving average without the pull of its start (as in TensorBoard). `weight` 0 leaves values alone. */
export function smooth(values: readonly number[], weight: number): number[] {
  let sum = 0
  let norm = 0
  return values.map((value) => {
    if (!Number.isFinite(value)) return value
    sum = sum * weight + value * (1 - weight)
    norm = norm * weight + (1 - weight)
    return sum / norm
  })
}
