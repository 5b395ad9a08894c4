import { describe, expect, it } from 'vitest'

import { drawBoxes } from '../../../renderer/charts/boxes.ts'
import { learningChart, maskShareChart } from '../../../renderer/charts/compared-curves.ts'
import {
  calibrationChart,
  classHeat,
  confusionHeat,
  costChart,
  datasetHeat,
  dropChart,
  fusionHeat,
  pruningChart,
  spreadChart,
} from '../../../renderer/charts/compared.ts'
import { lineOption } from '../../../renderer/charts/lines.ts'
import {
  drawImportance,
  drawParallel,
  isLogarithmic,
  settingName,
} from '../../../renderer/charts/parallel.ts'
import { drawScatter, frontPoints, scatterOption } from '../../../renderer/charts/scatter.ts'
import { groupLooks } from '../../../renderer/lib/group-looks.ts'
import { tokens } from './chart-tokens.ts'
import { makeGroup, makeScore } from './make-group.ts'

const big = makeGroup({
  id: 'big',
  family: 'baseline',
  score: makeScore(0.92, 0.94),
  trainableParameters: 1_000_000,
  seconds: { values: [100, 120], mean: 110, deviation: 14 },
  runs: [1, 2].map((seed) => ({ id: `big-${seed}`, name: `big ${seed}`, seed, status: 'finished' as const })),
})
const small = makeGroup({ id: 'small', score: makeScore(0.9), trainableParameters: 1000 })
const frozen = makeGroup({ id: 'frozen', score: makeScore(0.5), trainableParameters: 0 })
const look = { metric: 'accuracy' as const, looks: groupLooks([big, small, frozen]) }

describe('cost against score', () => {
  const front = { datasetId: 'trec', parameters: ['big', 'small'], seconds: ['big'] }
  const chart = costChart('parameters', [big, small, frozen], front, look)

  it('has a point for each group that has both', () => {
    expect(chart.points.map(({ id, x }) => [id, x])).toEqual([
      ['big', 1_000_000],
      ['small', 1000],
      ['frozen', 0],
    ])
    expect(costChart('seconds', [big, small], front, look).points.map(({ id }) => id)).toEqual(['big'])
  })

  it('draws the front from left to right and leaves out what a logarithm cannot show', () => {
    expect(frontPoints(chart).map(({ id }) => id)).toEqual(['small', 'big'])
    const { series } = scatterOption(chart, tokens)
    const ids = Array.isArray(series) ? series.map(({ id }) => id) : []
    expect(ids).toEqual(['front', 'big|interval', 'small|interval', 'big', 'small'])
  })

  it('says in words and in CSV what it shows', () => {
    const drawn = drawScatter(chart)
    expect(drawn.summary).toContain('small: 90.0 at 1,000')
    expect(drawn.summary).toContain('On the front: small, big')
    expect(drawn.csv().split('\r\n')[2]).toMatch(/^small,1000,0\.9,/)
    expect(drawScatter({ ...chart, points: [] }, 'none yet').empty).toBe('none yet')
  })
})

describe('the spread over seeds', () => {
  it('has every value, and no box of a single one', () => {
    const drawn = drawBoxes(spreadChart([big, small, makeGroup({ id: 'unscored' })], look))
    const { series } = drawn.build(tokens)
    const ids = Array.isArray(series) ? series.map(({ id }) => id) : []
    expect(ids).toEqual(['big|box', 'big', 'small'])
    expect(drawn.csv()).toBe('Variant,Accuracy\r\nbig,0.92\r\nbig,0.94\r\nsmall,0.9\r\n')
  })
})

describe('curves by layers left out', () => {
  const point = (droppedLayers: number, mean: number, deviation: number) => ({
    droppedLayers,
    score: { values: [mean], mean, deviation },
    msPerExample: { values: [4], mean: 4 - droppedLayers, deviation: 0 },
  })
  const dropped = makeGroup({
    id: 'drop',
    family: 'drop',
    dropCurve: [point(0, 0.9, 0.01), point(1, 0.8, 0.02)],
  })

  it('have a band where seeds differ, and none where they do not', () => {
    const quality = dropChart('quality', [dropped, big], look)
    expect(quality.lines.map(({ id, points }) => [id, points])).toEqual([
      [
        'drop',
        [
          [0, 0.9],
          [1, 0.8],
        ],
      ],
    ])
    expect(quality.bands?.[0]?.points[1]?.map((value) => Number(value.toFixed(3)))).toEqual([1, 0.78, 0.82])
    expect(dropChart('time', [dropped], look).bands).toEqual([])
  })
})

describe('what a fusion listens to', () => {
  const fused = makeGroup({
    id: 'fused',
    family: 'fusion',
    fusion: {
      adapters: ['own', 'other'],
      weights: [
        { layer: 0, place: 'output', weights: [0.6, 0.4] },
        { layer: 1, place: 'output', weights: [0.9, 0.1] },
      ],
      pruned: [
        { kept: 2, score: { values: [0.9], mean: 0.9, deviation: 0 } },
        {
          kept: 1,
          score: { values: [0.8], mean: 0.8, deviation: 0 },
          msPerExample: { values: [3], mean: 3, deviation: 0 },
        },
      ],
    },
  })

  it('stands with the last layer on top', () => {
    const heat = fusionHeat(fused)
    expect(heat.y.labels).toEqual(['1', '0'])
    expect(heat.cells[0]).toEqual({ x: 0, y: 0, value: 0.9 })
  })

  it.each([
    [
      ['seq_bn_trec', 'seq_bn_sst'],
      ['trec', 'sst'],
    ],
    [
      ['seq_bn · trec · seed 1', 'seq_bn · trec · seed 2'],
      ['seed 1', 'seed 2'],
    ],
    [
      ['seq_bn', 'seq_bn_trec'],
      ['seq_bn', 'seq_bn_trec'],
    ],
    [['seq_bn_trec'], ['seq_bn_trec']],
    [
      ['trec', 'trec'],
      ['trec', 'trec'],
    ],
  ])('names the adapters %j %j', (adapters, labels) => {
    expect(fusionHeat({ name: 'fusion', fusion: { adapters, weights: [], pruned: [] } }).x.labels).toEqual(
      labels,
    )
  })

  it('is pruned from few adapters to all', () => {
    expect(pruningChart('quality', [fused, big], look).lines.map(({ points }) => points)).toEqual([
      [
        [1, 0.8],
        [2, 0.9],
      ],
    ])
  })

  it('shows the time of pruned fusions where it was measured', () => {
    const chart = pruningChart('time', [fused, big], look)
    expect(chart.y).toMatchObject({ unit: 'ms', min: 0 })
    expect(chart.lines.map(({ points }) => points)).toEqual([[[1, 3]]])
  })
})

describe('what single answers tell', () => {
  const classes = makeGroup({
    id: 'classes',
    score: makeScore(0.8),
    classScores: [
      { label: 'a', rows: 8, precision: 1, recall: 0.5, f1: 0.67 },
      { label: 'b', rows: 2, precision: 0.5, recall: 1, f1: 0.4 },
    ],
    confusion: {
      labels: ['a', 'b'],
      counts: [
        [6, 2],
        [0, 0],
      ],
    },
    calibration: {
      error: 0.05,
      bins: [
        { from: 0, to: 0.5, count: 0, confidence: 0, accuracy: 0 },
        { from: 0.5, to: 1, count: 10, confidence: 0.9, accuracy: 0.8 },
      ],
    },
  })

  it('is F1 per class and group', () => {
    const heat = classHeat([big, classes])
    expect(heat.x.labels).toEqual(['a (8)', 'b (2)'])
    expect(heat.cells).toEqual([
      { x: 0, y: 0, value: 0.67 },
      { x: 1, y: 0, value: 0.4 },
    ])
  })

  it('is confusion as shares of each class, 0 of an empty one', () => {
    expect(confusionHeat(classes).cells.map(({ value }) => value)).toEqual([0.75, 0.25, 0, 0])
  })

  it('is calibration without empty bins, beside the diagonal', () => {
    const { lines } = calibrationChart([classes], look)
    expect(lines[0]?.points).toEqual([[0.9, 0.8]])
    expect(lines).toHaveLength(2)
    expect(calibrationChart([big], look).lines).toEqual([])
  })
})

describe('every dataset', () => {
  it('has a cell per variant and dataset', () => {
    const elsewhere = makeGroup({ ...small, id: 'else', name: 'small', datasetId: 'sst', datasetName: 'SST' })
    const heat = datasetHeat([small, elsewhere, big], 'accuracy')
    expect(heat.x.labels).toEqual(['TREC', 'SST'])
    expect(heat.y.labels).toEqual(['small', 'big'])
    expect(heat.cells).toContainEqual({ x: 1, y: 0, value: 0.9 })
  })
})

describe('learning curves', () => {
  const curve = (runId: string, smoothed?: number[]) => ({
    runId,
    name: 'train.loss',
    x: [1, 2],
    y: [2, 1],
    total: 2,
    ...(smoothed === undefined ? {} : { smoothed }),
  })
  const curves = {
    curves: [curve('big-1', [2, 1.5]), curve('big-2', [2, 1.5]), curve('small-1', [2, 1.4])],
    bands: [{ band: 0, name: 'train.loss', x: [1, 2], mean: [2, 1], deviation: [0.5, 0.25] }],
  }
  const settings = { name: 'train.loss', x: 'step' as const, logX: false, logY: false, looks: look.looks }

  it('are the mean of each group with a band, single runs behind it', () => {
    const chart = learningChart(curves, [big, small], { ...settings, runs: false })
    expect(chart.lines.map(({ id, quiet }) => [id, quiet ?? false])).toEqual([
      ['big|big-1', true],
      ['big|big-2', true],
      ['small|small-1|raw', true],
      ['small|small-1', false],
      ['big', false],
    ])
    expect(chart.bands?.[0]).toMatchObject({
      id: 'big|band',
      points: [
        [1, 1.5, 2.5],
        [2, 0.75, 1.25],
      ],
    })
  })

  it('are every run, raw and smoothed, where asked for', () => {
    const chart = learningChart(curves, [big, small], { ...settings, runs: true })
    expect(chart.lines).toHaveLength(6)
    expect(chart.bands).toEqual([])
  })

  it('leave out on a logarithmic axis what it cannot show', () => {
    const chart = learningChart({ curves: [{ ...curve('small-1'), y: [0, 1] }], bands: [] }, [small], {
      ...settings,
      runs: true,
      logY: true,
    })
    const { series } = lineOption(chart, tokens)
    expect(Array.isArray(series) ? series.map(({ data }) => data) : []).toEqual([[[2, 1]]])
  })

  it('tell the share of the loss that is not the task’s own, at the steps that both have', () => {
    const masked = makeGroup({ id: 'masked', family: 'mam' })
    const parts = [
      { ...curve('masked-1'), name: 'train.taskLoss', x: [1, 2, 3], y: [1.5, 0.75, 1] },
      { ...curve('masked-1'), x: [1, 2], y: [2, 1] },
    ]
    const chart = maskShareChart({ curves: parts, bands: [] }, [masked, big], look.looks)
    expect(chart.lines.map(({ points }) => points)).toEqual([
      [
        [1, 0.25],
        [2, 0.25],
      ],
    ])
  })
})

describe('a sweep', () => {
  const sweep = {
    metric: 'accuracy' as const,
    settings: [
      {
        path: 'training.learningRate',
        values: [0.0001, 0.01],
        numeric: true,
        importance: 0.2,
        correlation: -0.5,
      },
      { path: 'method.options.non_linearity', values: ['relu', 'gelu'], numeric: false, importance: 0.8 },
    ],
    lines: [],
  }
  const line = {
    id: 'one',
    name: 'one',
    color: '--accent',
    values: { 'training.learningRate': 0.01, 'method.options.non_linearity': 'gelu' },
    score: 0.9,
  }

  it('has an axis per setting and one for the score', () => {
    const { parallelAxis, series } = drawParallel(sweep, [line]).build(tokens)
    expect(parallelAxis).toMatchObject([
      { name: 'learningRate', type: 'log' },
      { name: 'non_linearity', type: 'category' },
      { name: 'Accuracy (%)', type: 'value' },
    ])
    expect(series).toMatchObject([{ id: 'one', data: [[0.01, 'gelu', 90]] }])
  })

  it('goes to logarithms over a factor of ten only', () => {
    expect(isLogarithmic({ numeric: true, values: [1, 9] })).toBe(false)
    expect(isLogarithmic({ numeric: true, values: [0, 100] })).toBe(false)
    expect(isLogarithmic({ numeric: false, values: ['a', 'b'] })).toBe(false)
    expect(settingName('method.name')).toBe('method')
  })

  it('names what mattered most first', () => {
    const drawn = drawImportance(sweep)
    expect(drawn.csv().split('\r\n')[1]).toBe('method.options.non_linearity,0.8,')
    expect(drawn.summary).toContain('learningRate: 20.0 %, correlation -0.50')
  })
})
