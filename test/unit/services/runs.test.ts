import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { insertModel } from '../../../main/store/models.ts'
import type { LogLine, MetricPoint } from '../../../preload/contract.ts'
import {
  configOf,
  dataset,
  model,
  openRunsHome,
  removeHome,
  type RunsHome,
} from '../../fixtures/runs-home.ts'

let at: RunsHome

beforeEach(() => {
  at = openRunsHome()
})

afterEach(async () => {
  await at.close()
  removeHome(at.home)
})

/** A run that goes on until it is told to end. */
const endless = { steps: 1_000_000, stepMs: 2 }

describe('starting a run', () => {
  it('fills in name, learning rate and parameter counts, and queues it', async () => {
    const run = await at.runs['runs.start'](configOf({}, { training: { seed: 7 } }))
    expect(run).toMatchObject({
      name: 'reviews · scripted · seed 7',
      status: 'queued',
      family: 'adapter',
      modelName: 'tiny',
      seed: 7,
      trainableParameters: 10,
      backboneParameters: 100,
      resumable: false,
    })
    expect((await at.runs['runs.get']({ id: run.id })).config.training.learningRate).toBe(0.003)
  })

  it('keeps a name and a learning rate that are given', async () => {
    const run = await at.runs['runs.start'](configOf({}, { name: 'mine', training: { learningRate: 0.5 } }))
    expect(run.name).toBe('mine')
    expect((await at.runs['runs.get']({ id: run.id })).config.training.learningRate).toBe(0.5)
  })

  it.each([
    ['an unknown model', { modelId: 'none' }, 'not-found', /modelId: there is no model none/],
    ['an unknown dataset', { datasetId: 'none' }, 'not-found', /datasetId: there is no dataset none/],
    [
      'an unknown method',
      { method: { name: 'magic' } },
      'bad-input',
      /no method “magic”. Known are scripted/,
    ],
    [
      'texts longer than the model reads',
      { training: { maximumLength: 256 } },
      'bad-input',
      /at most 128 tokens/,
    ],
    [
      'a micro-batch above the batch',
      { training: { batchSize: 8, microBatchSize: 16 } },
      'bad-input',
      /microBatchSize: 16/,
    ],
    [
      'batches of fewer tokens than a text may have',
      { training: { batchTokens: 32, maximumLength: 64 } },
      'bad-input',
      /batchTokens: a batch of 32 tokens has no room for a text of 64/,
    ],
    [
      'products of 8 bits on a device that has none',
      { training: { backbonePrecision: 'int8' }, engine: { device: 'webgpu' } },
      'bad-input',
      /backbonePrecision: webgpu has no products of 8 bits/,
    ],
  ])('refuses %s and stores nothing', async (_, change, code, message) => {
    await expect(at.runs['runs.start'](configOf({}, change))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    })
    expect(at.runs['runs.list']({})).toEqual([])
  })
})

describe('a run that is left alone', () => {
  it('goes from the queue to its end and keeps all that it reported', async () => {
    const started = await at.runs['runs.start'](configOf({ steps: 25, checkpointSteps: 7 }, { name: 'a' }))
    const run = await at.reaches(started.id, 'finished', 'failed')
    expect(at.course).toEqual(['a queued', 'a running', 'a finished'])
    expect(run).toMatchObject({
      status: 'finished',
      best: { epoch: 3, metric: 'accuracy', value: 0.9 },
      test: { accuracy: 0.9 },
      peakRssBytes: 2000,
      seconds: 0.25,
      progress: { step: 25, steps: 25 },
      resumable: false,
    })
    expect(run.startedAt).toBeDefined()
    expect(run.endedAt).toBeDefined()

    const detail = await at.runs['runs.get']({ id: run.id })
    expect(detail).toMatchObject({
      datasetHash: dataset.hash,
      environment: { engine: 'scripted' },
      backboneHashBefore: 'backbone',
      backboneHashAfter: 'backbone',
      backboneUnchanged: true,
      folder: join(at.home, 'runs', run.id),
    })
    expect(detail.confusion[0]?.counts).toEqual([
      [1, 0],
      [0, 1],
    ])
    expect(detail.checkpoints.map(({ kind, step }) => [kind, step])).toEqual([
      ['best', 20],
      ['latest', 21],
    ])
    for (const checkpoint of detail.checkpoints) {
      expect(existsSync(checkpoint.path)).toBe(true)
      expect(checkpoint.bytes).toBeGreaterThan(10)
    }
    const series = await at.runs['runs.metrics']({ id: run.id })
    expect(series.map(({ name, steps }) => [name, steps.length])).toEqual([
      ['train.loss', 25],
      ['validation.accuracy', 2],
    ])
    const log = await at.runs['runs.log']({ id: run.id, after: 0 })
    expect(log.map((line) => line.text)).toEqual(['started'])
  })

  it('publishes every point and line that it stores, once', async () => {
    const points: MetricPoint[] = []
    const lines: LogLine[] = []
    at.events.subscribe('run.metrics', (message) => points.push(...message.points))
    at.events.subscribe('run.log', (message) => lines.push(...message.lines))
    const { id } = await at.runs['runs.start'](configOf({ steps: 12, burst: 10_000 }))
    await at.reaches(id, 'finished')
    const series = await at.runs['runs.metrics']({ id })
    expect(points).toHaveLength(10_000 + 12 + 1)
    expect(series.find(({ name }) => name === 'burst')?.steps).toHaveLength(10_000)
    expect(series.flatMap(({ values }) => values)).toHaveLength(points.length)
    expect(await at.runs['runs.log']({ id, after: 0 })).toEqual(lines)
  })

  it('tells its best score, and that it has a checkpoint, while it goes on', async () => {
    const { id } = await at.runs['runs.start'](configOf(endless))
    await at.reachesStep(id, 11)
    expect(await at.runs['runs.get']({ id })).toMatchObject({
      status: 'running',
      best: { metric: 'accuracy' },
      resumable: true,
    })
    await at.runs['runs.stop']({ id })
  })

  it('fails with the trainer’s own words', async () => {
    const { id } = await at.runs['runs.start'](configOf({ failAt: 12 }))
    const run = await at.reaches(id, 'failed')
    expect(run.error).toBe('The checkpoint could not be written: no space left on device.')
    expect(run.resumable).toBe(true)
    const log = await at.runs['runs.log']({ id, after: 0 })
    expect(log.at(-1)).toMatchObject({ level: 'error', text: run.error })
  })
})

describe('pausing, stopping and resuming', () => {
  it('a paused run that is resumed ends with the metrics of one that was never paused', async () => {
    const whole = await at.runs['runs.start'](configOf({ steps: 40 }))
    await at.reaches(whole.id, 'finished')
    const { id } = await at.runs['runs.start'](configOf({ steps: 40, waitAt: 13 }))
    await at.reachesStep(id, 13)
    const paused = await at.runs['runs.pause']({ id })
    expect(paused).toMatchObject({ status: 'paused', resumable: true })
    expect(paused.endedAt).toBeUndefined()
    expect(await at.runs['runs.resume']({ id })).toMatchObject({ status: 'queued' })
    await at.reaches(id, 'finished')
    expect(await at.runs['runs.metrics']({ id })).toEqual(await at.runs['runs.metrics']({ id: whole.id }))
  })

  it('a stopped run can go on from its checkpoint', async () => {
    const { id } = await at.runs['runs.start'](configOf({ steps: 30, waitAt: 3 }))
    await at.reachesStep(id, 3)
    expect(await at.runs['runs.stop']({ id })).toMatchObject({ status: 'stopped', resumable: true })
    await at.runs['runs.resume']({ id })
    const run = await at.reaches(id, 'finished')
    expect(run.progress?.step).toBe(30)
    const log = await at.runs['runs.log']({ id, after: 0 })
    expect(log.some((line) => /^resumed at step [1-9]/.test(line.text))).toBe(true)
  })

  it('a trainer that does not react is ended, and its run is put aside', async () => {
    await at.close()
    at = openRunsHome({ limits: { end: 300 } })
    const { id } = await at.runs['runs.start'](configOf({ ...endless, deaf: true }))
    await at.reachesStep(id, 12)
    expect(await at.runs['runs.pause']({ id })).toMatchObject({ status: 'interrupted', resumable: true })
  })

  it('a run that waits in the queue can be set aside and taken up again', async () => {
    const first = await at.runs['runs.start'](configOf(endless, { name: 'first' }))
    const second = await at.runs['runs.start'](configOf({}, { name: 'second' }))
    expect(await at.runs['runs.pause']({ id: second.id })).toMatchObject({
      status: 'paused',
      resumable: true,
    })
    await at.reaches(first.id, 'running')
    await at.runs['runs.stop']({ id: first.id })
    expect(await at.runs['runs.resume']({ id: second.id })).toMatchObject({ status: 'queued' })
    await at.reaches(second.id, 'finished')
  })

  it('a paused run can be given up', async () => {
    const { id } = await at.runs['runs.start'](configOf(endless))
    await at.reachesStep(id, 1)
    await at.runs['runs.pause']({ id })
    expect(await at.runs['runs.stop']({ id })).toMatchObject({ status: 'stopped' })
  })

  it('refuses what the status does not allow, saying why', async () => {
    const { id } = await at.runs['runs.start'](configOf({}, { name: 'mine' }))
    await at.reaches(id, 'finished')
    await expect(async () => at.runs['runs.pause']({ id })).rejects.toThrow(
      '“mine” is finished: there is nothing to pause.',
    )
    await expect(async () => at.runs['runs.stop']({ id })).rejects.toMatchObject({ code: 'conflict' })
    await expect(async () => at.runs['runs.resume']({ id })).rejects.toMatchObject({ code: 'conflict' })
    await expect(async () => at.runs['runs.get']({ id: 'none' })).rejects.toMatchObject({ code: 'not-found' })
  })

  it('does not resume on a model whose weights have changed', async () => {
    const { id } = await at.runs['runs.start'](configOf({ ...endless, checkpointSteps: 5 }))
    await at.reachesStep(id, 6)
    await at.runs['runs.pause']({ id })
    const changed = JSON.stringify(configOf({ ...endless, hash: 'other' }))
    at.database.prepare('UPDATE runs SET config = ? WHERE id = ?').run(changed, id)
    await at.runs['runs.resume']({ id })
    const run = await at.reaches(id, 'failed')
    expect(run.error).toMatch(/weights of the model “tiny” have changed/)
  })

  it('does not resume on a dataset that has been removed', async () => {
    const { id } = await at.runs['runs.start'](configOf(endless))
    await at.reachesStep(id, 1)
    await at.runs['runs.pause']({ id })
    at.database.prepare('DELETE FROM datasets').run()
    await expect(async () => at.runs['runs.resume']({ id })).rejects.toThrow(
      /dataset “reviews” .* has been removed/,
    )
    expect((await at.runs['runs.get']({ id })).status).toBe('paused')
  })
})

describe('the queue', () => {
  it('trains one run at a time, in the order in which they were started', async () => {
    const ids: string[] = []
    for (const name of ['a', 'b', 'c']) {
      ids.push((await at.runs['runs.start'](configOf({ steps: 5 }, { name }))).id)
    }
    await at.reaches(ids[2] ?? '', 'finished')
    expect(at.course.filter((entry) => !entry.endsWith('queued'))).toEqual([
      'a running',
      'a finished',
      'b running',
      'b finished',
      'c running',
      'c finished',
    ])
  })

  it('trains two at a time when it may', async () => {
    await at.close()
    at = openRunsHome({ limits: { concurrency: 2 } })
    const first = await at.runs['runs.start'](configOf(endless))
    const second = await at.runs['runs.start'](configOf(endless))
    await Promise.all([at.reachesStep(first.id, 2), at.reachesStep(second.id, 2)])
    const statuses = (await at.runs['runs.list']({})).map((run) => run.status)
    expect(statuses).toEqual(['running', 'running'])
  })

  it('goes on after a run that cannot be started', async () => {
    insertModel(at.database, { ...model, id: 'gone' })
    const first = await at.runs['runs.start'](configOf(endless))
    const broken = await at.runs['runs.start'](configOf({}, { modelId: 'gone' }))
    const last = await at.runs['runs.start'](configOf({ steps: 3 }))
    at.database.prepare("DELETE FROM models WHERE id = 'gone'").run()
    await at.reachesStep(first.id, 1)
    await at.runs['runs.stop']({ id: first.id })
    expect((await at.reaches(broken.id, 'failed')).error).toMatch(/model “tiny” .* has been removed/)
    await at.reaches(last.id, 'finished')
  })
})

describe('renaming and removing', () => {
  it('renames a run', async () => {
    const { id } = await at.runs['runs.start'](configOf())
    expect(await at.runs['runs.rename']({ id, name: 'better' })).toMatchObject({ name: 'better' })
    expect((await at.runs['runs.get']({ id })).name).toBe('better')
  })

  it('removes a run with its folder', async () => {
    const { id } = await at.runs['runs.start'](configOf({ steps: 12 }))
    await at.reaches(id, 'finished')
    const { folder } = await at.runs['runs.get']({ id })
    const removed: string[] = []
    at.events.subscribe('run.removed', (message) => removed.push(message.id))
    await at.runs['runs.remove']({ id })
    expect(existsSync(folder)).toBe(false)
    expect(at.runs['runs.list']({})).toEqual([])
    expect(removed).toEqual([id])
  })

  it('does not remove a run that is running, but one that waits', async () => {
    const running = await at.runs['runs.start'](configOf(endless, { name: 'first' }))
    const waiting = await at.runs['runs.start'](configOf({}))
    await at.reaches(running.id, 'running')
    await expect(async () => at.runs['runs.remove']({ id: running.id })).rejects.toMatchObject({
      code: 'conflict',
      message: '“first” is running. Stop it before you remove it.',
    })
    await at.runs['runs.remove']({ id: waiting.id })
    expect((await at.runs['runs.list']({})).map((run) => run.id)).toEqual([running.id])
  })
})
