import { describe, expect, it } from 'vitest'

import type {
  ComparedGroup,
  PartContributions,
  Scores,
  Spread,
  TaskSequence,
} from '../../../preload/contract.ts'
import { ablationHeat, changeChart, contributionChart } from '../../../renderer/charts/contributions.ts'
import { heatmapSummary } from '../../../renderer/charts/heatmap.ts'
import { lineCsv, lineOption, lineSummary } from '../../../renderer/charts/lines.ts'
import { sequenceCharts, sequenceHeat, sequenceHeatmap } from '../../../renderer/charts/sequences.ts'
import { summaryColumns } from '../../../renderer/lib/compare-summary.ts'
import { groupLooks } from '../../../renderer/lib/group-looks.ts'
import { figuresOf } from '../../../renderer/views/compare/figures.ts'
import { tokens } from './chart-tokens.ts'
import { makeComparison, makeGroup } from './make-group.ts'

const one = (mean: number): Spread => ({ values: [mean], mean, deviation: 0 })
const scores = (accuracy: number): Scores => ({ accuracy, macroF1: accuracy / 2, matthews: 0, loss: 1 })

const contributions: PartContributions = {
  parts: ['prefix', 'adapter'],
  changes: [
    [0.1, 0.3],
    [0, 0.5],
  ],
  ablations: [
    { without: [], scores: scores(0.9) },
    { without: ['prefix'], scores: scores(0.85) },
    { without: ['adapter'], scores: scores(0.6) },
    { without: ['prefix', 'adapter'], scores: scores(0.3) },
  ],
}

/** A compared variant with these contributions. */
function united(id: string, { parts, changes, ablations }: PartContributions): ComparedGroup {
  return makeGroup({
    id,
    family: 'mam',
    contributions: {
      parts,
      changes: changes.map((row) => row.map(one)),
      ablations: ablations.map(({ without, scores: own }) => ({
        without,
        score: one(own.accuracy),
        fall: one(0.9 - own.accuracy),
      })),
    },
  })
}

/** A variant that trained these tasks one after the other, with these scores `[stage][task]`. */
function sequential(id: string, tasks: string[], rows: number[][]): ComparedGroup {
  return makeGroup({
    id,
    sequence: {
      stages: tasks,
      tasks: tasks.map((name, stage) => ({ name, stage, split: 'test' })),
      scores: rows.flatMap((row, stage) => row.map((score, task) => ({ stage, task, score: one(score) }))),
      averageScore: one(0.7),
      forgetting: one(0.25),
      backwardTransfer: one(-0.25),
    },
  })
}

const mam = united('mam', contributions)
const other = united('other', {
  parts: ['lora', 'adapter'],
  changes: [[0.2, 0.1]],
  ablations: [
    { without: [], scores: scores(0.8) },
    { without: ['lora'], scores: scores(0.7) },
    { without: ['lora', 'adapter'], scores: scores(0.2) },
  ],
})
const full = sequential('full', ['news', 'mail', 'chat'], [[0.9], [0.6, 0.8], [0.4, 0.5, 0.7]])
const adapter = sequential('adapter', ['news', 'mail', 'chat'], [[0.9], [0.9, 0.7], [0.9, 0.7, 0.6]])
const groups = [mam, other, full, adapter]
const look = { metric: 'accuracy' as const, looks: groupLooks(groups) }

describe('what the parts of a method add', () => {
  it('is a line for each part over the layers, named where it ends', () => {
    const chart = contributionChart(contributions, '--variant-mam')
    expect(chart.lines.map(({ name, endLabel, dash }) => [name, endLabel, dash])).toEqual([
      ['prefix', 'prefix', 'solid'],
      ['adapter', 'adapter', 'dashed'],
    ])
    expect(chart.lines[1]?.points).toEqual([
      [0, 0.3],
      [1, 0.5],
    ])
    expect(lineSummary(chart)).toContain('adapter: 2 points from 30.0 to 50.0, last 50.0')
    const option = lineOption(chart, tokens)
    const series = Array.isArray(option.series) ? option.series : []
    expect(series.map((line) => 'endLabel' in line && line.endLabel?.formatter)).toEqual([
      'prefix',
      'adapter',
    ])
    const grid = Array.isArray(option.grid) ? option.grid[0] : option.grid
    expect(Number(grid?.right)).toBeGreaterThan(50)
  })

  it('is told variant by variant', () => {
    const chart = changeChart(groups, look)
    expect(chart.lines.map(({ id, name }) => [id, name])).toEqual([
      ['mam|prefix', 'mam: prefix'],
      ['mam|adapter', 'mam: adapter'],
      ['other|lora', 'other: lora'],
      ['other|adapter', 'other: adapter'],
    ])
    expect(lineCsv(chart).split('\r\n')[0]).toBe('Layer,mam: prefix,mam: adapter,other: lora,other: adapter')
  })

  it('shows what is left without each, a column for all that is switched off anywhere', () => {
    const heat = ablationHeat(groups, 'accuracy')
    expect(heat.x.labels).toEqual(['nothing', 'prefix', 'adapter', 'lora', 'all parts'])
    expect(heat.y.labels).toEqual(['mam', 'other'])
    const cell = (x: string, y: string) =>
      heat.cells.find((one) => heat.x.labels[one.x] === x && heat.y.labels[one.y] === y)?.value
    expect([cell('nothing', 'mam'), cell('adapter', 'mam'), cell('all parts', 'mam')]).toEqual([
      0.9, 0.6, 0.3,
    ])
    expect([cell('lora', 'other'), cell('prefix', 'other')]).toEqual([0.7, undefined])
    expect([heat.value.min, heat.value.max]).toEqual([0.2, 0.9])
  })
})

describe('tasks in sequence', () => {
  it('begin where they are trained, method beside method', () => {
    const [chart, ...others] = sequenceCharts(groups, look)
    if (!chart) throw new Error('no chart')
    expect(others).toEqual([])
    expect(chart.title).toBe('Each task’s score from its training on')
    expect(chart.x.labels).toEqual(['1 news', '2 mail', '3 chat'])
    expect(chart.lines.map(({ name, points }) => [name, points[0]?.[0], points.length])).toEqual([
      ['full: news', 0, 3],
      ['full: mail', 1, 2],
      ['full: chat', 2, 1],
      ['adapter: news', 0, 3],
      ['adapter: mail', 1, 2],
      ['adapter: chat', 2, 1],
    ])
    const { xAxis } = lineOption(chart, tokens)
    expect(xAxis).toMatchObject({ type: 'category', data: ['1 news', '2 mail', '3 chat'] })
    expect(lineCsv(chart).split('\r\n')[2]).toBe('2 mail,0.6,0.8,,0.9,0.7,')
  })

  it('have a chart for each order of tasks', () => {
    const turned = sequential('turned', ['mail', 'news'], [[0.8], [0.5, 0.9]])
    expect(sequenceCharts([full, turned], look).map(({ title }) => title)).toEqual([
      'Each task’s score from its training on · news → mail → chat',
      'Each task’s score from its training on · mail → news',
    ])
  })

  it('are a matrix of stages and tasks, empty above its diagonal', () => {
    const heat = sequenceHeat(full, 'accuracy')
    expect(heat.title).toBe('Score of each task after each stage · full')
    expect(heat.x).toEqual({ name: 'Task, on its test rows', labels: ['news', 'mail', 'chat'] })
    expect(heat.cells).toHaveLength(6)
    expect(heat.cells.every(({ x, y }) => x <= y)).toBe(true)
    expect(heatmapSummary(heat)).toContain('news: most 1 news, 90.0')
  })

  it('of one run are shown in the score that picks its checkpoint', () => {
    const sequence: TaskSequence = {
      stages: ['a', 'b'].map((runId) => ({ runId, name: `run ${runId}` })),
      tasks: ['news', 'mail'].map((name, stage) => ({ name, stage, split: 'test' })),
      scores: [
        { stage: 0, task: 0, scores: scores(0.9) },
        { stage: 1, task: 0, scores: scores(0.6) },
        { stage: 1, task: 1, scores: scores(0.8) },
      ],
      figures: { accuracy: {}, macroF1: {}, matthews: {} },
    }
    const heat = sequenceHeatmap(sequence, 'macroF1')
    expect(heat.y.labels).toEqual(['1 news', '2 mail'])
    expect(heat.cells.map(({ x, y, value }) => [x, y, value])).toEqual([
      [0, 0, 0.45],
      [0, 1, 0.3],
      [1, 1, 0.4],
    ])
  })

  it('are summed up in the table by three figures, with their definitions', () => {
    const columns = summaryColumns('accuracy').filter(({ hint }) => hint !== undefined)
    expect(columns.map(({ key, text }) => [key, text(full), text(mam)])).toEqual([
      ['tasks', '70.0', '–'],
      ['forgotten', '+25.0', '–'],
      ['transfer', '−25.0', '–'],
    ])
    expect(columns[1]?.hint).toContain('Chaudhry et al. 2018')
  })
})

describe('the charts of a comparison', () => {
  const titles = (visible: ComparedGroup[], datasetId = 'trec') =>
    figuresOf({
      ...{ comparison: makeComparison(groups), all: groups, visible, looks: look.looks, datasetId },
      ...{ sweep: undefined, mask: [], matrices: 4 },
    }).map(({ drawn }) => (drawn.empty === undefined ? drawn.title : `${drawn.title}: ${drawn.empty}`))

  it('have parts and sequences among them where there are such', () => {
    expect(titles(groups)).toEqual(
      expect.arrayContaining([
        'Change of each layer’s output by each part',
        'Score with parts switched off',
        'Each task’s score from its training on',
        'Score of each task after each stage · full',
        'Score of each task after each stage · adapter',
      ]),
    )
    const plain = titles([makeGroup({ id: 'plain' })], 'elsewhere')
    expect(plain).not.toContain('Score with parts switched off')
  })

  it('say so where all of them are hidden, and leave hidden ones out', () => {
    expect(titles([full])).toContain(
      'Score with parts switched off: The variants of several parts are hidden.',
    )
    expect(titles([full])).not.toContain('Score of each task after each stage · adapter')
  })

  it('show sequences beside whatever dataset is looked at', () => {
    expect(titles([], 'elsewhere')).toContain('Score of each task after each stage · adapter')
  })
})
