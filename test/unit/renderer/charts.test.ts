import { describe, expect, it } from 'vitest'

import {
  beyond,
  coarsen,
  histogramCsv,
  histogramOption,
  quantile,
  type Histogram,
} from '../../../renderer/charts/histogram.ts'
import { lineCsv, lineOption, lineSummary, type LineChart } from '../../../renderer/charts/lines.ts'
import { axisTitle, axisValue } from '../../../renderer/charts/options.ts'
import { lossChart, scoreChart, throughputChart } from '../../../renderer/charts/run-curves.ts'
import { sparklinePath } from '../../../renderer/charts/sparkline.ts'
import type { ChartTokens } from '../../../renderer/charts/tokens.ts'
import { appendPoints, smooth, type SeriesByName } from '../../../renderer/lib/series.ts'

const tokens: ChartTokens = {
  text: '#111111',
  muted: '#666666',
  grid: '#eeeeee',
  axis: '#cccccc',
  background: '#ffffff',
  fontFamily: 'sans-serif',
  color: (variable) => `color of ${variable}`,
}

const chart: LineChart = {
  title: 'Validation score',
  x: { name: 'Epoch', whole: true },
  y: { name: 'Score', percent: true },
  lines: [
    {
      name: 'Accuracy',
      color: '--variant-adapter',
      symbol: 'circle',
      points: [
        [1, 0.5],
        [2, 0.75],
      ],
    },
    { name: 'Macro F1', color: '--text-muted', dash: 'dashed', points: [[2, 0.7]] },
  ],
}

describe('line charts', () => {
  it('take their colours from the tokens and name their axes with units', () => {
    const option = lineOption(chart, tokens)
    expect(option.series).toMatchObject([
      { id: 'Accuracy', lineStyle: { color: 'color of --variant-adapter', type: 'solid' } },
      { id: 'Macro F1', lineStyle: { type: 'dashed' } },
    ])
    expect(option.yAxis).toMatchObject({ name: 'Score (%)' })
    expect(option.animation).toBe(false)
  })

  it('export their figures unrounded, with gaps where a line has no point', () => {
    expect(lineCsv(chart)).toBe('Epoch,Accuracy,Macro F1\r\n1,0.5,\r\n2,0.75,0.7\r\n')
  })

  it('say in words what they show', () => {
    expect(lineSummary(chart)).toContain('Accuracy: 2 points from 50.0 to 75.0, last 75.0')
    expect(lineSummary({ ...chart, lines: [] })).toContain('No points yet')
  })

  it('write values as their axis asks', () => {
    expect(axisTitle({ name: 'Speed', unit: '1/s' })).toBe('Speed (1/s)')
    expect(axisValue(chart.y, 0.8944)).toBe('89.4')
    expect(axisValue({ name: 'Step', whole: true }, 12345)).toBe('12,345')
    expect(axisValue({ name: 'Loss' }, 0.012345)).toBe('0.0123')
  })
})

describe('series', () => {
  it('grow point by point', () => {
    const series: SeriesByName = {}
    appendPoints(series, [
      { name: 'train.loss', step: 1, value: 2 },
      { name: 'train.loss', step: 2, value: 1 },
    ])
    expect(series['train.loss']).toEqual({ name: 'train.loss', steps: [1, 2], values: [2, 1] })
  })

  it('go back where a run was resumed from a checkpoint', () => {
    const series: SeriesByName = { loss: { name: 'loss', steps: [1, 2, 3, 4], values: [4, 3, 2, 1] } }
    appendPoints(series, [{ name: 'loss', step: 3, value: 9 }])
    expect(series['loss']).toEqual({ name: 'loss', steps: [1, 2, 3], values: [4, 3, 9] })
  })

  it('are smoothed without a pull towards zero', () => {
    expect(smooth([5, 5, 5], 0.9)).toEqual([5, 5, 5].map((value) => expect.closeTo(value, 12)))
    expect(smooth([1, 2], 0)).toEqual([1, 2])
    const [, second] = smooth([0, 1], 0.5)
    expect(second).toBeCloseTo(2 / 3, 12)
  })

  it('keep a NaN where it was', () => {
    expect(smooth([1, Number.NaN, 1], 0.5)).toEqual([1, Number.NaN, 1])
  })
})

describe('curves of a run', () => {
  const series: SeriesByName = {
    'train.loss': { name: 'train.loss', steps: [1, 2, 3, 4], values: [2, 1.5, 1.2, 1] },
    'validation.loss': { name: 'validation.loss', steps: [2, 4], values: [1.4, 1.1] },
    'validation.accuracy': { name: 'validation.accuracy', steps: [2, 4], values: [0.6, 0.7] },
    'validation.macroF1': { name: 'validation.macroF1', steps: [2, 4], values: [0.5, 0.6] },
  }
  const context = {
    family: 'adapter' as const,
    method: 'seq_bn',
    smoothing: 0.9,
    stepsPerEpoch: 2,
    best: { epoch: 2, metric: 'macroF1' as const },
  }

  it('show the loss as it came and smoothed, and the validation loss', () => {
    expect(lossChart(series, context).lines.map((line) => [line.name, line.points.length])).toEqual([
      ['each step', 4],
      ['train', 4],
      ['validation', 2],
    ])
    expect(lossChart(series, { ...context, smoothing: 0 }).lines.map((line) => line.name)).toEqual([
      'train',
      'validation',
    ])
  })

  it('put validation scores at their epochs and the chosen one first', () => {
    const scores = scoreChart(series, context)
    expect(scores.lines.map((line) => line.name)).toEqual(['Macro F1', 'Accuracy'])
    expect(scores.lines[0]?.points).toEqual([
      [1, 0.5],
      [2, 0.6],
    ])
    expect(scores.marks).toEqual([{ x: 2, label: 'best' }])
  })

  it('are empty before there are points', () => {
    expect(throughputChart({}, 0.9).lines).toEqual([])
    expect(lossChart({}, context).lines).toEqual([])
  })
})

describe('histograms', () => {
  const histogram: Histogram = {
    title: 'Lengths',
    x: { name: 'Length', unit: 'tokens' },
    y: { name: 'Texts' },
    bucket: 10,
    parts: [
      { name: 'Train', color: '--split-train', counts: [5, 10] },
      { name: 'Test', color: '--split-test', counts: [1] },
    ],
  }

  it('stack their parts over the middle of each bucket', () => {
    const option = histogramOption(histogram, tokens)
    expect(option.series).toMatchObject([
      {
        stack: 'lengths',
        data: [
          [5, 5],
          [15, 10],
        ],
      },
      { stack: 'lengths', data: [[5, 1]] },
    ])
  })

  it('export their counts', () => {
    expect(histogramCsv(histogram)).toBe('Length (tokens) from,Train,Test\r\n0,5,1\r\n10,10,0\r\n')
  })

  it('get coarser without losing a text', () => {
    expect(coarsen([1, 2, 3, 4, 5], 2)).toEqual({ counts: [6, 9], factor: 3 })
    expect(coarsen([1, 2], 10)).toEqual({ counts: [1, 2], factor: 1 })
  })

  it('say what a limit cuts', () => {
    expect(beyond([0, 5, 3, 2], 2)).toEqual({ count: 2, share: 0.2 })
    expect(beyond([], 2)).toEqual({ count: 0, share: 0 })
  })

  it('know their quantiles', () => {
    expect(quantile([0, 5, 3, 2], 0.5)).toBe(1)
    expect(quantile([0, 5, 3, 2], 1)).toBe(3)
    expect(quantile([], 0.5)).toBe(0)
  })
})

describe('sparklines', () => {
  it('fill the width and the height', () => {
    expect(sparklinePath([0, 1], 100, 20, 0)).toBe('M0 20L100 0')
  })

  it('break where a value is not a number', () => {
    expect(sparklinePath([0, Number.NaN, 1, 0], 90, 20, 0)).toBe('M0 20M60 0L90 20')
  })

  it('are nothing without values and level where all are equal', () => {
    expect(sparklinePath([], 90, 20)).toBe('')
    expect(sparklinePath([3, 3], 100, 20, 0)).toBe('M0 10L100 10')
  })
})
