import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { configOf } from '../../fixtures/runs-home.ts'
import { openDatabase, type Database } from '../../../main/store/database.ts'
import { listCheckpoints, writeCheckpoint } from '../../../main/store/run-checkpoints.ts'
import { appendLog, readLog } from '../../../main/store/run-log.ts'
import { readMetrics, writeMetrics } from '../../../main/store/run-metrics.ts'
import { listRunAdapters, listRunTasks } from '../../../main/store/run-tasks.ts'
import {
  getRun,
  insertRun,
  listRunIds,
  removeRun,
  requeueRun,
  updateRun,
  type NewRun,
} from '../../../main/store/runs.ts'

let database: Database

beforeEach(() => {
  database = openDatabase(':memory:')
})

afterEach(() => {
  database.close()
})

function task(datasetId: string): NewRun['tasks'][number] {
  return { datasetId, datasetName: datasetId, datasetHash: 'rows', name: datasetId, labels: ['bad', 'good'] }
}

function insert(id: string, config = configOf()): NewRun {
  const run: NewRun = {
    id,
    name: `run ${id}`,
    method: 'scripted',
    family: 'adapter',
    modelId: 'model',
    modelName: 'tiny',
    datasetId: 'dataset',
    datasetName: 'reviews',
    datasetHash: 'rows',
    tasks: [task('dataset'), task('other')],
    adapters: [],
    config,
    createdAt: '2026-01-02T03:04:05.000Z',
  }
  insertRun(database, run)
  return run
}

describe('runs in the store', () => {
  it('come back as they were stored, queued', () => {
    const run = insert('a')
    const { tasks, adapters, ...rest } = run
    expect(getRun(database, 'a')).toMatchObject({ ...rest, status: 'queued' })
    expect(listRunTasks(database, 'a')).toEqual(tasks)
    expect(listRunAdapters(database, 'a')).toEqual(adapters)
    expect(getRun(database, 'b')).toBeUndefined()
  })

  it('keep every state that is set, and forget what is set to undefined', () => {
    insert('a')
    const scores = { accuracy: 0.5, macroF1: 0.25, matthews: -0.125, loss: 0.75 }
    const state = {
      status: 'finished',
      startedAt: '2026-01-02T03:04:06.000Z',
      endedAt: '2026-01-02T03:04:07.000Z',
      trainerPid: 42,
      best: { epoch: 2, metric: 'accuracy', value: 0.5 },
      test: scores,
      confusion: [
        {
          split: 'test',
          labels: ['bad', 'good'],
          counts: [
            [1, 2],
            [3, 4],
          ],
        },
      ],
      analysis: {
        earlierTasks: [
          { ...{ runId: 'x', name: 'x', task: 't', split: 'test' }, before: scores, after: scores },
          { ...{ runId: 'y', name: 'y', task: 't', split: 'validation' }, before: scores, after: scores },
        ],
        contributions: {
          parts: ['prefix', 'adapter'],
          changes: [
            [0.5, 0.25],
            [0, 0.125],
          ],
          ablations: [
            { without: [], scores },
            { without: ['prefix'], scores },
          ],
        },
      },
      examplesPerSecond: 12.5,
      stepMs: 1.5,
      peakRssBytes: 5_000_000_000,
      seconds: 60.25,
      error: 'none',
    } as const
    updateRun(database, 'a', structuredClone(state) as never)
    expect(getRun(database, 'a')).toMatchObject(state)
    updateRun(database, 'a', { error: undefined, trainerPid: undefined })
    expect(getRun(database, 'a')).toMatchObject({ error: undefined, trainerPid: undefined, stepMs: 1.5 })
  })

  it('puts a run that is queued again behind the others, without its old error and end', () => {
    for (const id of ['a', 'b']) insert(id)
    updateRun(database, 'a', { status: 'failed', error: 'broken', endedAt: '2026-01-02T03:04:07.000Z' })
    expect(listRunIds(database, ['queued'])).toEqual(['b'])
    requeueRun(database, 'a')
    expect(listRunIds(database, ['queued'])).toEqual(['b', 'a'])
    expect(getRun(database, 'a')).toMatchObject({ error: undefined, endedAt: undefined })
  })

  it('tells the best score so far from the best checkpoint and the metric of its step', () => {
    insert('a', configOf({}, { training: { bestMetric: 'macroF1' } }))
    writeMetrics(database, 'a', [
      { name: 'validation.macroF1', step: 10, value: 0.5 },
      { name: 'validation.macroF1', step: 20, value: 0.25 },
    ])
    expect(getRun(database, 'a')?.best).toBeUndefined()
    writeCheckpoint(database, 'a', { kind: 'best', epoch: 1, step: 10, bytes: 1, path: 'best' })
    expect(getRun(database, 'a')?.best).toEqual({ epoch: 1, metric: 'macroF1', value: 0.5 })
  })

  it('takes metrics, log and checkpoints away with the run, and nobody else’s', () => {
    for (const id of ['a', 'b']) {
      insert(id)
      writeMetrics(database, id, [{ name: 'train.loss', step: 1, value: 1 }])
      appendLog(database, id, [{ time: 't', level: 'info', text: 'hello' }])
      writeCheckpoint(database, id, { kind: 'latest', epoch: 1, step: 1, bytes: 1, path: 'latest' })
    }
    expect(removeRun(database, 'a')).toBe(true)
    expect(removeRun(database, 'a')).toBe(false)
    for (const table of ['run_metrics', 'run_log', 'run_checkpoints']) {
      expect(database.prepare(`SELECT count(*) FROM ${table}`).pluck().get()).toBe(1)
    }
    expect(readMetrics(database, 'b')).toHaveLength(1)
  })
})

describe('metrics in the store', () => {
  it('keep a batch of 10,000 points in the order of their steps', () => {
    insert('a')
    const points = Array.from({ length: 10_000 }, (_, index) => ({
      name: 'train.loss',
      step: 10_000 - index,
      value: index / 3,
    }))
    writeMetrics(database, 'a', points)
    const [series] = readMetrics(database, 'a')
    expect(series?.steps).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 1))
    expect(series?.values).toEqual(points.map((point) => point.value).reverse())
  })

  it('replace a point of the same step', () => {
    insert('a')
    writeMetrics(database, 'a', [{ name: 'train.loss', step: 1, value: 1 }])
    writeMetrics(database, 'a', [{ name: 'train.loss', step: 1, value: 2 }])
    expect(readMetrics(database, 'a')).toEqual([{ name: 'train.loss', steps: [1], values: [2] }])
  })

  it('are all or nothing within a batch', () => {
    insert('a')
    const points = [
      { name: 'train.loss', step: 1, value: 1 },
      { name: 'train.loss', step: 2, value: Number.NaN },
    ]
    expect(() => writeMetrics(database, 'a', points)).toThrow(/NOT NULL/)
    expect(readMetrics(database, 'a')).toEqual([])
  })

  it('come by name', () => {
    insert('a')
    for (const name of ['train.loss', 'validation.loss', 'validation.accuracy']) {
      writeMetrics(database, 'a', [{ name, step: 1, value: 1 }])
    }
    const names = readMetrics(database, 'a', ['validation.loss', 'train.loss', 'none']).map(
      ({ name }) => name,
    )
    expect(names).toEqual(['train.loss', 'validation.loss'])
    expect(readMetrics(database, 'a', [])).toEqual([])
    expect(readMetrics(database, 'a')).toHaveLength(3)
  })
})

describe('the log in the store', () => {
  it('numbers the lines of each run from 1 and reads on from a number', () => {
    for (const id of ['a', 'b']) insert(id)
    const lines = ['one', 'two', 'three'].map((text) => ({ time: 't', level: 'info' as const, text }))
    expect(appendLog(database, 'a', lines).map((line) => line.sequence)).toEqual([1, 2, 3])
    expect(appendLog(database, 'b', lines.slice(0, 1)).map((line) => line.sequence)).toEqual([1])
    expect(readLog(database, 'a', 1).map((line) => line.text)).toEqual(['two', 'three'])
  })

  it('takes no line for a run that is gone', () => {
    expect(appendLog(database, 'a', [{ time: 't', level: 'info', text: 'late' }])).toEqual([])
  })
})

describe('checkpoints in the store', () => {
  it('are one per kind', () => {
    insert('a')
    writeCheckpoint(database, 'a', { kind: 'latest', epoch: 1, step: 10, bytes: 5, path: 'latest' })
    writeCheckpoint(database, 'a', { kind: 'latest', epoch: 2, step: 20, bytes: 6, path: 'latest' })
    writeCheckpoint(database, 'a', { kind: 'best', epoch: 1, step: 10, bytes: 5, path: 'best' })
    expect(listCheckpoints(database, 'a')).toEqual([
      { kind: 'best', epoch: 1, step: 10, bytes: 5, path: 'best' },
      { kind: 'latest', epoch: 2, step: 20, bytes: 6, path: 'latest' },
    ])
  })
})
