/** Histograms of lengths, one coloured part per split, stacked. */
import { plural } from '../lib/format.ts'
import { toCsv } from '../lib/tsv.ts'
import { axisTitle, axisValue, frame, type Axis, type ChartOption } from './options.ts'
import type { ChartTokens } from './tokens.ts'
import { tooltip } from './tooltip.ts'

export interface Histogram {
  title: string
  x: Axis
  y: Axis
  /** Width of a bucket in units of x; bucket i holds lengths from i·width up to, not including, (i + 1)·width. */
  bucket: number
  /** The axis goes at least so far. */
  reach?: number
  parts: { name: string; color: string; counts: readonly number[] }[]
}

/** A histogram of at most `most` buckets: neighbours are added up to wider ones. */
export function coarsen(counts: readonly number[], most: number): { counts: number[]; factor: number } {
  const factor = Math.max(1, Math.ceil(counts.length / most))
  const wide: number[] = []
  counts.forEach((count, index) => {
    const to = Math.floor(index / factor)
    wide[to] = (wide[to] ?? 0) + count
  })
  return { counts: wide, factor }
}

/** How many of the counted lie beyond `limit` (lengths of one unit per bucket), and their share. */
export function beyond(counts: readonly number[], limit: number): { count: number; share: number } {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const count = counts.slice(limit + 1).reduce((sum, value) => sum + value, 0)
  return { count, share: total === 0 ? 0 : count / total }
}

/** Length below or at which the given share of the counted lies (lengths of one unit per bucket). */
export function quantile(counts: readonly number[], share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0)
  let seen = 0
  for (const [length, count] of counts.entries()) {
    seen += count
    if (seen >= total * share && count > 0) return length
  }
  return Math.max(0, counts.length - 1)
}

export function histogramOption(chart: Histogram, tokens: ChartTokens): ChartOption {
  const buckets = Math.max(1, ...chart.parts.map((part) => part.counts.length))
  const right = Math.max(buckets * chart.bucket, chart.reach ?? 0)
  const x = { ...chart.x, min: 0, max: right }
  return {
    ...frame(chart.title, x, { ...chart.y, min: 0 }, tokens),
    tooltip: {
      ...tooltip(
        (middle) => bucketName(chart, Math.floor(middle / chart.bucket)),
        (count) => axisValue(chart.y, count),
      ),
      axisPointer: { type: 'shadow' as const },
    },
    series: chart.parts.map((part) => ({
      type: 'bar' as const,
      id: part.name,
      name: part.name,
      stack: 'lengths',
      barCategoryGap: '12%',
      itemStyle: { color: tokens.color(part.color) },
      emphasis: { disabled: true },
      data: part.counts.map((count, index) => [(index + 0.5) * chart.bucket, count]),
    })),
  }
}

function bucketName(chart: Histogram, index: number): string {
  const from = index * chart.bucket
  const unit = (chart.x.unit ?? chart.x.name).toLowerCase()
  return chart.bucket === 1 ? `${from} ${unit}` : `${from} to ${from + chart.bucket - 1} ${unit}`
}

export function histogramCsv(chart: Histogram): string {
  const buckets = Math.max(0, ...chart.parts.map((part) => part.counts.length))
  return toCsv([
    [`${axisTitle(chart.x)} from`, ...chart.parts.map((part) => part.name)],
    ...Array.from({ length: buckets }, (_, index) => [
      index * chart.bucket,
      ...chart.parts.map((part) => part.counts[index] ?? 0),
    ]),
  ])
}

export function histogramSummary(chart: Histogram): string {
  const totals = chart.parts.map((part) => {
    const total = part.counts.reduce((sum, count) => sum + count, 0)
    const top = part.counts.indexOf(Math.max(...part.counts))
    return `${part.name}: ${plural(total, 'text')}, most often ${bucketName(chart, top)}`
  })
  return `${chart.title}. ${totals.join('; ')}.`
}
