/** The charts of what a run found out about its method. */
import type { DropPoint, MethodFamily, RunAnalysis, ScoreName } from '../../preload/contract.ts'
import { seriesPoints, smooth, type SeriesByName } from '../lib/series.ts'
import { variantStyle } from '../lib/variants.ts'
import type { Heatmap } from './heatmap.ts'
import type { Line, LineChart } from './lines.ts'
import { epochPoints, scoreLabels, stepAxis } from './run-curves.ts'

interface Look {
  family: MethodFamily
  method: string
  /** The score that picks the checkpoint. */
  metric: ScoreName
}

const dropAxis: LineChart['x'] = { name: 'Layers without adapters', whole: true, min: 0, max: 'dataMax' }

/**
 * Validation scores with the adapters of the first n layers left out, the mean of several tasks; the chosen score is
 * thick.
 */
export function dropQualityChart(points: readonly DropPoint[], { family, method, metric }: Look): LineChart {
  const { color, marker } = variantStyle(family, method)
  const dashes = { accuracy: 'solid', macroF1: 'dashed', matthews: 'dotted' } as const
  const names: ScoreName[] = ['accuracy', 'macroF1', 'matthews']
  return {
    title: 'Quality by layers left out',
    x: dropAxis,
    y: {
      name: points.some(({ tasks }) => tasks) ? 'Mean validation score' : 'Validation score',
      percent: true,
    },
    lines: names
      .map((name): Line => ({
        name: scoreLabels[name],
        color: name === metric ? color : '--text-muted',
        dash: dashes[name],
        width: name === metric ? 2 : 1.25,
        ...(name === metric ? { symbol: marker.symbol } : {}),
        points: points.map(({ droppedLayers, scores }) => [droppedLayers, scores[name]]),
      }))
      .sort((a, b) => Number(b.symbol !== undefined) - Number(a.symbol !== undefined)),
  }
}

/** Milliseconds per text with the adapters of the first n layers left out. */
export function dropTimeChart(points: readonly DropPoint[], { family, method }: Look): LineChart {
  const { color, marker } = variantStyle(family, method)
  return {
    title: 'Time by layers left out',
    x: dropAxis,
    y: { name: 'Time of one text', unit: 'ms', min: 0 },
    lines: [
      {
        name: 'Time of one text',
        color,
        width: 2,
        symbol: marker.symbol,
        points: points.map(({ droppedLayers, msPerExample }) => [droppedLayers, msPerExample]),
      },
    ],
  }
}

/** How much each fused adapter counts in each layer. */
export function fusionHeatmap({ adapters, weights }: NonNullable<RunAnalysis['fusion']>): Heatmap {
  const places = new Set(weights.map(({ place }) => place))
  return {
    title: 'Fusion weights',
    x: {
      name: 'Layer',
      labels: weights.map(({ layer, place }) => (places.size > 1 ? `${layer} ${place}` : String(layer))),
    },
    y: { name: 'Adapter', labels: adapters },
    value: { name: 'Mean weight', percent: true, min: 0, max: 1 },
    cells: weights.flatMap((column, x) => column.weights.map((value, y) => ({ x, y, value }))),
  }
}

const partWords: Record<string, string> = {
  fusionRegularisation: 'fusion regularisation',
  mask: 'mask prediction',
}

/** What the loss is made of, where a method adds to the tasks' own. */
export function lossPartsChart(series: SeriesByName, smoothing: number): LineChart {
  const prefix = 'train.loss.'
  const parts = Object.keys(series).filter((name) => name.startsWith(prefix))
  const line = (name: string, label: string, color: string, dash: Line['dash']): Line => {
    const raw = seriesPoints(series[name])
    const smoothed = smooth(series[name]?.values ?? [], smoothing)
    const points = raw.map(([step], index) => [step, smoothed[index] ?? Number.NaN] as const)
    return { name: label, color, points, ...(dash === undefined ? {} : { dash }) }
  }
  const dashes = ['solid', 'dashed', 'dotted'] as const
  return {
    title: 'Parts of the loss',
    x: stepAxis,
    y: { name: 'Loss' },
    lines:
      parts.length === 0
        ? []
        : [
            line('train.taskLoss', 'task', '--text-muted', 'solid'),
            ...parts.map((name, index) => {
              const own = name.slice(prefix.length)
              return line(name, partWords[own] ?? own, '--accent', dashes[index % dashes.length])
            }),
          ],
  }
}

const figureWords: Record<string, string> = { maskBalancedAccuracy: 'Mask predictor, balanced accuracy' }

/** What a method measures of itself while it trains, per epoch: how well a mask predictor does. */
export function figuresChart(series: SeriesByName, stepsPerEpoch: number | undefined): LineChart {
  const lines = Object.entries(figureWords).flatMap(([name, label]): Line[] => {
    const points = epochPoints(series, `train.${name}`, stepsPerEpoch)
    return points.length === 0 ? [] : [{ name: label, color: '--variant-mam', symbol: 'rect', points }]
  })
  return {
    title: 'Mask predictor',
    x: { name: 'Epoch', whole: true, min: 1, max: 'dataMax' },
    y: { name: 'Balanced accuracy', percent: true },
    lines,
  }
}

const taskLooks = [
  { color: '--variant-adapter', symbol: 'circle', dash: 'solid' },
  { color: '--variant-drop', symbol: 'triangle', dash: 'dashed' },
  { color: '--variant-fusion', symbol: 'diamond', dash: 'dotted' },
  { color: '--variant-mam', symbol: 'rect', dash: 'solid' },
] as const

/** Validation score of each task per epoch, where several are trained together; at most the first eight. */
export function taskChart(
  series: SeriesByName,
  metric: ScoreName,
  stepsPerEpoch: number | undefined,
): LineChart {
  const pattern = new RegExp(`^validation\\.(.+)\\.${metric}$`)
  const names = Object.keys(series).flatMap((name) => pattern.exec(name)?.[1] ?? [])
  return {
    title: 'Validation score of each task',
    x: { name: 'Epoch', whole: true, min: 1, max: 'dataMax' },
    y: { name: scoreLabels[metric], percent: true },
    lines: names.map((task, index): Line => {
      const look = taskLooks[index % taskLooks.length] ?? taskLooks[0]
      return {
        name: task,
        ...look,
        points: epochPoints(series, `validation.${task}.${metric}`, stepsPerEpoch),
      }
    }),
  }
}
