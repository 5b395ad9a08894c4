/** The charts of one run, from its metric series. */
import type { MethodFamily, MetricSeries, ScoreName } from '../../preload/contract.ts'
import { seriesPoints, smooth, type SeriesByName } from '../lib/series.ts'
import { variantStyle } from '../lib/variants.ts'
import type { Line, LineChart } from './lines.ts'

export const scoreLabels: Record<ScoreName, string> = {
  accuracy: 'Accuracy',
  macroF1: 'Macro F1',
  matthews: 'Matthews',
}

export const stepAxis: LineChart['x'] = { name: 'Step', whole: true, max: 'dataMax' }

export interface CurveContext {
  family: MethodFamily
  method: string
  /** Weight of the moving average over the training loss, 0 to below 1. */
  smoothing: number
  /** Optimizer steps of one epoch, where they are known. */
  stepsPerEpoch: number | undefined
  best: { epoch: number; metric: ScoreName } | undefined
}

/** Training loss as it came (faint) and smoothed, and the validation loss at each epoch's end. */
export function lossChart(series: SeriesByName, context: CurveContext): LineChart {
  const { color } = variantStyle(context.family, context.method)
  const raw = seriesPoints(series['train.loss'])
  const smoothed = smooth(series['train.loss']?.values ?? [], context.smoothing)
  const validation = seriesPoints(series['validation.loss'])
  const lines: Line[] = [
    ...(context.smoothing > 0 ? [{ name: 'each step', color, width: 1, opacity: 0.3, points: raw }] : []),
    {
      name: 'train',
      color,
      width: 1.75,
      points: raw.map(([step], index) => [step, smoothed[index] ?? Number.NaN] as const),
    },
    { name: 'validation', color: '--text-muted', dash: 'dashed', symbol: 'circle', points: validation },
  ]
  return {
    title: 'Loss',
    x: stepAxis,
    y: { name: 'Cross-entropy' },
    lines: lines.filter((line) => line.points.length > 0),
  }
}

/** Validation scores per epoch; the one that picks the checkpoint is thick, its best epoch is marked. */
export function scoreChart(series: SeriesByName, context: CurveContext): LineChart {
  const { color, marker } = variantStyle(context.family, context.method)
  const chosen = context.best?.metric ?? 'accuracy'
  const names: ScoreName[] = ['accuracy', 'macroF1', 'matthews']
  const dashes = { accuracy: 'solid', macroF1: 'dashed', matthews: 'dotted' } as const
  return {
    title: 'Validation score',
    x: { name: 'Epoch', whole: true, min: 1, max: 'dataMax' },
    y: { name: 'Score', percent: true },
    lines: names
      .map((name): Line => ({
        name: scoreLabels[name],
        color: name === chosen ? color : '--text-muted',
        dash: dashes[name],
        width: name === chosen ? 2 : 1.25,
        ...(name === chosen ? { symbol: marker.symbol } : {}),
        points: epochPoints(series, `validation.${name}`, context.stepsPerEpoch),
      }))
      .filter((line) => line.points.length > 0)
      .sort((a, b) => Number(b.color === color) - Number(a.color === color)),
    ...(context.best === undefined ? {} : { marks: [{ x: context.best.epoch, label: 'best' }] }),
  }
}

/** An epoch metric's points by epoch, from the step it was taken at, else by its place in the series. */
export function epochPoints(
  series: SeriesByName,
  name: string,
  stepsPerEpoch: number | undefined,
): [number, number][] {
  return seriesPoints(series[name]).map(([step, value], index) => [
    stepsPerEpoch === undefined ? index + 1 : Math.round(step / stepsPerEpoch),
    value,
  ])
}

/** One series as it came (faint) and smoothed. */
function noisyChart(
  chart: Pick<LineChart, 'title' | 'y'>,
  series: MetricSeries | undefined,
  smoothing: number,
): LineChart {
  const raw = seriesPoints(series)
  const smoothed = smooth(series?.values ?? [], smoothing)
  const color = '--variant-baseline'
  const lines: Line[] = [
    ...(smoothing > 0 ? [{ name: 'each step', color, width: 1, opacity: 0.35, points: raw }] : []),
    {
      name: smoothing > 0 ? 'smoothed' : chart.title,
      color,
      points: raw.map(([step], index) => [step, smoothed[index] ?? Number.NaN] as const),
    },
  ]
  return { ...chart, x: stepAxis, lines: raw.length === 0 ? [] : lines }
}

export function learningRateChart(series: SeriesByName): LineChart {
  return noisyChart(
    { title: 'Learning rate', y: { name: 'Learning rate', min: 0 } },
    series['train.learningRate'],
    0,
  )
}

export function gradientChart(series: SeriesByName, smoothing: number): LineChart {
  return noisyChart(
    { title: 'Gradient norm', y: { name: 'Norm', min: 0 } },
    series['train.gradientNorm'],
    smoothing,
  )
}

export function throughputChart(series: SeriesByName, smoothing: number): LineChart {
  const y = { name: 'Examples', unit: '1/s', min: 0 }
  return noisyChart({ title: 'Throughput', y }, series['train.examplesPerSecond'], smoothing)
}

export function memoryChart(series: SeriesByName): LineChart {
  const bytes = series['system.rssBytes']
  const megabytes = bytes && { ...bytes, values: bytes.values.map((value) => value / 1e6) }
  return noisyChart(
    { title: 'Memory of the trainer', y: { name: 'Resident', unit: 'MB', min: 0 } },
    megabytes,
    0,
  )
}
