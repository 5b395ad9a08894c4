import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createComparisonService } from '../../../main/services/comparison.ts'
import { createReportService } from '../../../main/services/report.ts'
import { toRunDetail } from '../../../main/services/run-views.ts'
import { taskSequence } from '../../../main/services/task-sequence.ts'
import { getRun, removeRun } from '../../../main/store/runs.ts'
import {
  ComparisonInput,
  ReportInput,
  type Comparison,
  type EarlierTask,
  type InputOf,
  type Scores,
  type TaskSequence,
} from '../../../preload/contract.ts'
import { addFinishedRun, openComparedHome, wrongAt, type ComparedHome } from '../../fixtures/compared-runs.ts'
import { removeHome } from '../../fixtures/runs-home.ts'

let at: ComparedHome
beforeEach(() => {
  at = openComparedHome()
})
afterEach(() => {
  at.database.close()
  removeHome(at.home)
})

const scores = (accuracy: number): Scores => ({ accuracy, macroF1: 0, matthews: 0, loss: 0 })
const measured = (run: string, task: string, before: number, after: number): EarlierTask => ({
  ...{ runId: run, name: `old name of ${run}`, task, split: 'test' },
  before: scores(before),
  after: scores(after),
})

/**
 * Three tasks one after the other: 0.9, 0.8 and 0.7 right on each when it has been trained. After the second stage the
 * first task is at `first`, after the third the first two are at `last`.
 */
async function addChain(
  method: string,
  seed: number,
  first: number,
  last: [number, number],
): Promise<string[]> {
  const [a, b, c] = ['a', 'b', 'c'].map((stage) => `${method}-${stage}${seed}`)
  if (!a || !b || !c) throw new Error('three runs')
  const shared = { method, seed }
  await addFinishedRun(at, { ...shared, id: a, task: 'news', predicted: wrongAt(0) })
  await addFinishedRun(at, {
    ...{ ...shared, id: b, task: 'mail', earlierRunId: a, predicted: wrongAt(0, 1) },
    analysis: { earlierTasks: [measured(a, 'news', 0.9, first)] },
  })
  await addFinishedRun(at, {
    ...{ ...shared, id: c, task: 'chat', earlierRunId: b, predicted: wrongAt(0, 1, 2) },
    analysis: { earlierTasks: [measured(a, 'news', first, last[0]), measured(b, 'mail', 0.8, last[1])] },
  })
  return [a, b, c]
}

function sequenceOf(id: string): TaskSequence | undefined {
  const run = getRun(at.database, id)
  if (!run) throw new Error(`there is no run ${id}`)
  return taskSequence(at.database, run)
}

/** `[stage][task]` */
function accuracies({ stages, tasks, scores: cells }: TaskSequence): (number | undefined)[][] {
  return stages.map((_, stage) =>
    tasks.map(
      (__, task) => cells.find((cell) => cell.stage === stage && cell.task === task)?.scores.accuracy,
    ),
  )
}

const compare = async (input: InputOf<'comparison.get'>): Promise<Comparison> =>
  createComparisonService(at).handlers['comparison.get'](ComparisonInput.parse(input))

describe('the sequence of a run', () => {
  it('has every score of every stage from the records of its runs', async () => {
    const [a, b, c = ''] = await addChain('full', 1, 0.6, [0.4, 0.5])
    const sequence = sequenceOf(c)
    if (!sequence) throw new Error('no sequence')
    expect(sequence.stages.map(({ runId }) => runId)).toEqual([a, b, c])
    expect(sequence.stages[0]?.name).toBe(a)
    expect(sequence.tasks).toEqual([
      { name: 'news', stage: 0, split: 'test' },
      { name: 'mail', stage: 1, split: 'test' },
      { name: 'chat', stage: 2, split: 'test' },
    ])
    expect(accuracies(sequence)).toEqual([
      [0.9, undefined, undefined],
      [0.6, 0.8, undefined],
      [0.4, 0.5, 0.7],
    ])
    const { averageScore, forgetting, backwardTransfer } = sequence.figures.accuracy
    expect(averageScore).toBeCloseTo(1.6 / 3)
    expect(forgetting).toBeCloseTo((0.5 + 0.3) / 2)
    expect(backwardTransfer).toBeCloseTo(-(0.5 + 0.3) / 2)
  })

  it('is in the run’s details, and not in those of a run that goes on from none', async () => {
    const [a = '', , c = ''] = await addChain('full', 1, 0.6, [0.4, 0.5])
    const detail = (id: string) => {
      const run = getRun(at.database, id)
      return run && toRunDetail(at.database, at.home, run)
    }
    expect(detail(c)?.sequence?.stages).toHaveLength(3)
    expect(detail(a)).not.toHaveProperty('sequence')
  })

  it('takes what a removed run had found from the run after it', async () => {
    const [a = '', b = '', c = ''] = await addChain('full', 1, 0.6, [0.4, 0.5])
    removeRun(at.database, b)
    const whole = [
      [0.9, undefined, undefined],
      [0.6, 0.8, undefined],
      [0.4, 0.5, 0.7],
    ]
    const withoutSecond = sequenceOf(c)
    expect(withoutSecond && accuracies(withoutSecond)).toEqual(whole)
    expect(withoutSecond?.stages[1]?.name).toBe(`old name of ${b}`)
    removeRun(at.database, a)
    const withoutBoth = sequenceOf(c)
    expect(withoutBoth && accuracies(withoutBoth)).toEqual([
      [undefined, undefined, undefined],
      ...whole.slice(1),
    ])
    expect(withoutBoth?.figures.accuracy).not.toHaveProperty('backwardTransfer')
    expect(withoutBoth?.figures.accuracy.averageScore).toBeCloseTo(1.6 / 3)
  })
})

describe('comparing sequences', () => {
  async function bothMethods(): Promise<string[]> {
    return [
      ...(await addChain('full', 1, 0.6, [0.4, 0.5])),
      ...(await addChain('full', 2, 0.8, [0.6, 0.7])),
      ...(await addChain('seq_bn', 1, 0.9, [0.9, 0.8])),
    ]
  }

  it('gives means over seeds, method beside method, once for each chain', async () => {
    const { groups } = await compare({ runIds: await bothMethods() })
    const withSequence = groups.filter(({ sequence }) => sequence !== undefined)
    expect(withSequence.map(({ name, runs }) => [name, runs.length])).toEqual([
      ['full · after news → mail', 2],
      ['seq_bn · after news → mail', 1],
    ])
    const [full, adapter] = withSequence.map(({ sequence }) => sequence)
    expect(full?.stages).toEqual(['news', 'mail', 'chat'])
    const cell = full?.scores.find(({ stage, task }) => stage === 1 && task === 0)
    expect(cell?.score.values).toEqual([0.6, 0.8])
    expect(full?.forgetting?.mean).toBeCloseTo(0.3)
    expect(full?.backwardTransfer?.mean).toBeCloseTo(-0.3)
    expect(full?.averageScore?.mean).toBeCloseTo((1.6 + 2) / 6)
    expect(adapter?.forgetting?.mean).toBeCloseTo(0)
  })

  it('shows the sequence of a run in the middle where the last one is not compared', async () => {
    const ids = await bothMethods()
    const { groups } = await compare({ runIds: ids.filter((id) => !id.includes('-c')) })
    expect(groups.flatMap(({ sequence }) => sequence?.stages.join() ?? [])).toEqual([
      'news,mail',
      'news,mail',
    ])
  })

  it('tells a run from one that began anew in its name, and is no setting of a sweep', async () => {
    const [, , last = ''] = await addChain('full', 1, 0.6, [0.4, 0.5])
    await addFinishedRun(at, { id: 'alone', method: 'full', task: 'chat', predicted: wrongAt(0) })
    const runIds = [last, 'alone']
    const { groups } = await compare({ runIds })
    expect(groups.map(({ name }) => name)).toEqual(['full · after news → mail', 'full'])
    const sweep = await createComparisonService(at).handlers['comparison.sweep'](
      ComparisonInput.parse({ runIds }),
    )
    expect(sweep.settings).toEqual([])
  })

  it('is in every report: tables with the formulas, a chart, columns', async () => {
    const runIds = await bothMethods()
    const { 'report.create': create } = createReportService({
      ...at,
      compare: createComparisonService(at).handlers['comparison.get'],
    })
    const html = (await create(ReportInput.parse({ runIds }))).content
    expect(html).toContain('<h2>Tasks one after the other</h2>')
    expect(html).toContain('news → mail → chat')
    expect(html).toContain('+30.00 ± 14.14')
    expect(html).toContain('Chaudhry et al. 2018')
    expect(html).toContain('Score of each task after each stage')
    expect(html).toMatch(/full · after news → mail at the end: news 50\.0, mail 60\.0, chat 70\.0/)
    expect(html).toMatch(/--seed 1 --name full-b1 --after full-a1\n/)
    expect(html).toMatch(/--seed 1 --after full-b1\n/)
    const markdown = (await create(ReportInput.parse({ runIds, format: 'markdown' }))).content
    expect(markdown).toContain('| 2 | mail | 70.0 ± 14.1 | 80.0 ± 0.0 | – |')
    const csv = (await create(ReportInput.parse({ runIds, format: 'csv' }))).content.split('\r\n')
    const columns = csv[0]?.split(',') ?? []
    const last = csv.find((line) => line.includes('full-c1'))?.split(',') ?? []
    expect(Number(last[columns.indexOf('forgettingOfTasks')])).toBeCloseTo(0.4)
    expect(Number(last[columns.indexOf('backwardTransfer')])).toBeCloseTo(-0.4)
  })
})
