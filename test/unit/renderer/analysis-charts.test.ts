import { describe, expect, it } from 'vitest'

import type { DropPoint, MetricSeries } from '../../../preload/contract.ts'
import {
  dropQualityChart,
  dropTimeChart,
  figuresChart,
  fusionHeatmap,
  lossPartsChart,
  taskChart,
} from '../../../renderer/charts/analysis.ts'
import { heatmapCsv, heatmapOption, heatmapSummary } from '../../../renderer/charts/heatmap.ts'
import { lineSummary } from '../../../renderer/charts/lines.ts'
import type { ChartTokens } from '../../../renderer/charts/tokens.ts'
import type { SeriesByName } from '../../../renderer/lib/series.ts'

const tokens: ChartTokens = {
  text: '#111111',
  muted: '#666666',
  grid: '#eeeeee',
  axis: '#cccccc',
  background: '#ffffff',
  fontFamily: 'sans-serif',
  color: (variable) => ({ '--heat': '1, 2, 3', '--heat-strength': '0.5' })[variable] ?? '#000000',
}

const series = (...entries: [name: string, values: number[]][]): SeriesByName =>
  Object.fromEntries(
    entries.map(([name, values]): [string, MetricSeries] => [
      name,
      { name, steps: values.map((_, index) => (index + 1) * 10), values },
    ]),
  )

describe('the drop curve', () => {
  const point = (droppedLayers: number, accuracy: number, msPerExample: number): DropPoint => ({
    droppedLayers,
    scores: { accuracy, macroF1: accuracy - 0.1, matthews: accuracy - 0.2, loss: 1 },
    msPerExample,
  })
  const curve = [point(0, 0.9, 4), point(1, 0.8, 3)]
  const look = { family: 'drop', method: 'adapter_drop_robust', metric: 'macroF1' } as const

  it('has quality against layers left out, the chosen score first and thick', () => {
    const chart = dropQualityChart(curve, look)
    expect(chart.lines.map(({ name, width }) => [name, width])).toEqual([
      ['Macro F1', 2],
      ['Accuracy', 1.25],
      ['Matthews', 1.25],
    ])
    expect(chart.lines[1]?.points).toEqual([
      [0, 0.9],
      [1, 0.8],
    ])
    expect(lineSummary(chart)).toContain('Validation score (%) over layers without adapters')
  })

  it('says that it is the mean of several tasks', () => {
    const tasks = [{ task: 'a', scores: point(0, 0.9, 4).scores }]
    const several = curve.map((one) => ({ ...one, tasks }))
    expect(dropQualityChart(several, look).y.name).toBe('Mean validation score')
    expect(dropQualityChart(curve, look).y.name).toBe('Validation score')
  })

  it('has the time of a text in milliseconds', () => {
    const chart = dropTimeChart(curve, look)
    expect(chart.y).toMatchObject({ unit: 'ms', min: 0 })
    expect(chart.lines[0]?.points).toEqual([
      [0, 4],
      [1, 3],
    ])
  })
})

describe('the fusion’s weights', () => {
  const fusion = {
    adapters: ['a', 'b'],
    weights: [
      { layer: 0, place: 'output' as const, weights: [0.25, 0.75] },
      { layer: 1, place: 'output' as const, weights: [0.6, 0.4] },
    ],
    pruned: [],
  }
  const chart = fusionHeatmap(fusion)

  it('are a cell per layer and adapter', () => {
    const option = heatmapOption(chart, tokens)
    const data = [
      [0, 0, 0.25],
      [0, 1, 0.75],
      [1, 0, 0.6],
      [1, 1, 0.4],
    ]
    expect(option.series).toMatchObject([{ type: 'heatmap', data }])
    expect(option.xAxis).toMatchObject({ name: 'Layer', data: ['0', '1'] })
    expect(option.yAxis).toMatchObject({ name: 'Adapter', data: ['a', 'b'], inverse: true })
    expect(option.visualMap).toMatchObject({
      inRange: { color: ['rgba(1, 2, 3, 0.040)', 'rgba(1, 2, 3, 0.540)'] },
    })
  })

  it('are told apart by place where adapters sit in two', () => {
    const both = fusionHeatmap({
      ...fusion,
      weights: [{ layer: 0, place: 'attention', weights: [1, 0] }, ...fusion.weights],
    })
    expect(both.x.labels).toEqual(['0 attention', '0 output', '1 output'])
  })

  it('have their columns’ names at a slant where there are many', () => {
    const layers = Array.from({ length: 12 }, (_, layer) => ({
      layer,
      place: layer % 2 === 0 ? ('attention' as const) : ('output' as const),
      weights: [1, 0],
    }))
    const rotation = (of: typeof chart) => heatmapOption(of, tokens).xAxis
    expect(rotation(fusionHeatmap({ ...fusion, weights: layers }))).toMatchObject({
      axisLabel: { rotate: 50 },
    })
    expect(rotation(chart)).toMatchObject({ axisLabel: { rotate: 0 } })
  })

  it('are exported unrounded and told in a sentence', () => {
    expect(heatmapCsv(chart)).toContain('Layer,Adapter,Mean weight\r\n0,a,0.25\r\n0,b,0.75\r\n')
    expect(heatmapSummary(chart)).toBe(
      'Mean weight (%) by layer and adapter. 0: most b, 75.0; 1: most a, 60.0.',
    )
  })
})

describe('what a method adds', () => {
  it('to the loss is drawn beside the tasks’ own', () => {
    const chart = lossPartsChart(series(['train.taskLoss', [1, 0.5]], ['train.loss.mask', [0.7, 0.6]]), 0)
    expect(chart.lines.map(({ name, points }) => [name, points.at(-1)])).toEqual([
      ['task', [20, 0.5]],
      ['mask prediction', [20, 0.6]],
    ])
    expect(lossPartsChart(series(['train.loss', [1]]), 0).lines).toEqual([])
  })

  it('as a figure of its own is drawn per epoch', () => {
    const [line] = figuresChart(series(['train.maskBalancedAccuracy', [0.5, 0.6]]), 10).lines
    expect(line?.points).toEqual([
      [1, 0.5],
      [2, 0.6],
    ])
    expect(figuresChart({}, 10).lines).toEqual([])
  })
})

it('each task has its own line, and the mean of all is no task', () => {
  const chart = taskChart(
    series(
      ['validation.accuracy', [0.5]],
      ['validation.reviews.accuracy', [0.4]],
      ['validation.questions.accuracy', [0.6]],
      ['validation.reviews.loss', [1]],
    ),
    'accuracy',
    10,
  )
  expect(chart.lines.map(({ name }) => name)).toEqual(['reviews', 'questions'])
  expect(new Set(chart.lines.map(({ symbol }) => symbol)).size).toBe(2)
})
