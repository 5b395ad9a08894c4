import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createPlayground, type Playground } from '../../../main/services/playground.ts'
import { forkTrainer } from '../../../main/services/trainer-process.ts'
import { createJob } from '../../../main/services/run-job.ts'
import { requireRun } from '../../../main/services/run-views.ts'
import { insertAdapter, listUsers } from '../../../main/store/adapters.ts'
import { insertDataset } from '../../../main/store/datasets.ts'
import { listRunAdapters, listRunTasks } from '../../../main/store/run-tasks.ts'
import {
  configOf,
  dataset,
  model,
  openRunsHome,
  removeHome,
  scriptedTrainer,
  type RunsHome,
} from '../../fixtures/runs-home.ts'

let at: RunsHome
let playground: Playground

const questions = {
  ...dataset,
  id: 'questions',
  name: 'question types',
  hash: 'other rows',
  labels: ['how', 'who'],
}

beforeEach(() => {
  at = openRunsHome()
  insertDataset(at.database, questions, 'datasets/questions')
  const { home, database } = at
  playground = createPlayground({
    home,
    database,
    spawnTrainer: forkTrainer(scriptedTrainer),
    silence: 10_000,
  })
})

afterEach(async () => {
  await playground.close()
  await at.close()
  removeHome(at.home)
})

const start = async (rest: object) => at.runs['runs.start'](configOf({}, rest))
const together = (options: object = {}) => ({
  method: { name: 'together', options },
  moreDatasetIds: ['questions'],
})

function store(id: string, change: object = {}): void {
  insertAdapter(at.database, {
    id,
    name: `adapter ${id}`,
    kind: 'adapter',
    method: { name: 'scripted', options: {} },
    family: 'adapter',
    modelHash: model.hash,
    modelName: model.name,
    datasetName: 'reviews',
    labels: [],
    adapterIds: [],
    parameters: 2,
    bytes: 80,
    createdAt: '2026-01-02T03:04:05.000Z',
    file: `adapters/${id}.safetensors`,
    ...change,
  })
}

describe('a run on several datasets', () => {
  it('has a task for each, named after it, and all their results', async () => {
    const run = await start(together({ steps: 10 }))
    expect(run).toMatchObject({
      name: 'reviews + question types · together · seed 1',
      datasetName: 'reviews + question types',
    })
    expect(listRunTasks(at.database, run.id)).toMatchObject([
      { datasetId: 'dataset', name: 'reviews', labels: ['bad', 'good'] },
      { datasetId: 'questions', name: 'question_types', labels: ['how', 'who'] },
    ])
    expect((await at.runs['runs.get']({ id: run.id })).tasks).toEqual([])
    await at.reaches(run.id, 'finished')
    const detail = await at.runs['runs.get']({ id: run.id })
    expect(detail.tasks.map(({ name, test }) => [name, test?.accuracy])).toEqual([
      ['reviews', 0.9],
      ['question_types', 0.9],
    ])
    expect(detail.analysis.cost).toEqual({ forwardFlops: 1000, backwardFlops: 500, activationBytes: 2000 })
  })

  it('answers with the task that was asked for, and with the one that the trainer chose', async () => {
    const { id } = await start(together({ steps: 10 }))
    await at.reaches(id, 'finished')
    const ask = async (rest: { task?: string; active?: string }) =>
      (
        await playground.handlers['runs.predict']({ id, texts: [{ text: 'good' }], active: 'all', ...rest })
      )[0]
    expect(await ask({})).toMatchObject({ task: 'reviews', label: 'good' })
    expect(await ask({ task: 'question_types' })).toMatchObject({ task: 'question_types', label: 'who' })
    expect(await ask({ active: 'confident' })).toMatchObject({ task: 'question_types', label: 'who' })
    await expect(ask({ task: 'weather' })).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/no task “weather”; it has reviews, question_types/) as string,
    })
  })

  it('is another variant than on one', async () => {
    const one = await start({ method: { name: 'together' } })
    const two = await start(together())
    expect(two.variant).not.toBe(one.variant)
  })
})

describe('a run on stored adapters', () => {
  it('links them under names of their own, in the order given', async () => {
    store('b')
    store('a', { name: 'reviews' })
    const run = await start({ method: { name: 'fuse' }, adapterIds: ['b', 'a'] })
    expect(listRunAdapters(at.database, run.id)).toEqual([
      { adapterId: 'b', name: 'adapter_b' },
      // The task has that name already.
      { adapterId: 'a', name: 'reviews_2' },
    ])
  })

  it('has one for each of its datasets, in their order', async () => {
    store('b')
    store('a', { name: 'run reviews' })
    const run = await start({ ...together(), adapterIds: ['b', 'a'] })
    expect(listRunAdapters(at.database, run.id)).toEqual([
      { adapterId: 'b', name: 'adapter_b' },
      // The adapter that the run trains for this task has that name.
      { adapterId: 'a', name: 'run_reviews_2' },
    ])
  })
})

describe('a run that begins with stored heads and a stored fusion', () => {
  it('hands them to its trainer, and keeps them for as long as it is there', async () => {
    store('a')
    store('head', { kind: 'head', labels: ['bad', 'good'] })
    store('fused', { kind: 'fusion', adapterIds: ['a'], method: { name: 'fuse', options: {} } })
    const begins = { headIds: ['head'], fusionId: 'fused' }
    const { id } = await start({
      method: { name: 'fuse', options: { steps: 10 } },
      adapterIds: ['a'],
      ...begins,
    })
    expect(listRunAdapters(at.database, id).map(({ adapterId }) => adapterId)).toEqual(['a'])
    expect(listUsers(at.database, 'head').map((user) => user.id)).toEqual([id])
    expect(listUsers(at.database, 'fused').map((user) => user.id)).toEqual([id])
    const job = createJob(at.database, at.home, requireRun(at.database, id))
    expect(job.adapters.map((adapter) => adapter.id)).toEqual(['a'])
    expect(job.beginnings).toEqual([
      { kind: 'head', name: 'adapter head', task: 0, file: join(at.home, 'adapters/head.safetensors') },
      {
        ...{ kind: 'fusion', name: 'adapter fused', method: { name: 'fuse', options: {} } },
        file: join(at.home, 'adapters/fused.safetensors'),
      },
    ])
  })

  it('may take one head for two datasets of the same classes', async () => {
    store('head', { kind: 'head', labels: ['bad', 'good'] })
    insertDataset(at.database, { ...dataset, id: 'films', name: 'films', hash: 'films' }, 'datasets/films')
    const run = await start({
      ...together(),
      moreDatasetIds: ['films'],
      headIds: ['head', 'head'],
    })
    expect(listUsers(at.database, 'head').map(({ id }) => id)).toEqual([run.id])
  })
})

describe('a run that goes on from one that tuned the backbone', () => {
  const tuned = async () => {
    store('a')
    store('b')
    store('tuned a', { modelHash: 'tuned weights' })
    store('tuned b', { modelHash: 'tuned weights' })
    store('foreign', { modelHash: '1234567890', modelName: 'large' })
    const options = { steps: 10, hash: model.hash, hashAfter: 'tuned weights' }
    const first = await start({ name: 'first', method: { name: 'scripted', options } })
    await at.reaches(first.id, 'finished')
    return first.id
  }

  it('begins with per-task adapters of that backbone, and not of the pretrained one', async () => {
    const earlierRunId = await tuned()
    const run = await start({ ...together(), earlierRunId, adapterIds: ['tuned a', 'tuned b'] })
    expect(listRunAdapters(at.database, run.id).map(({ adapterId }) => adapterId)).toEqual([
      'tuned a',
      'tuned b',
    ])
    const pretrained = { ...together(), adapterIds: ['a', 'b'], earlierRunId }
    await expect(start(pretrained)).rejects.toThrow(
      /“adapter a” was trained on the backbone “tiny” \(weights weights\) and does not fit “tiny” as “first” left it \(weights tuned we\)/,
    )
  })

  it('fuses adapters of that backbone and of the pretrained one, and none of another', async () => {
    const fuse = { method: { name: 'fuse' }, earlierRunId: await tuned() }
    const run = await start({ ...fuse, adapterIds: ['a', 'tuned b'] })
    expect(listRunAdapters(at.database, run.id)).toHaveLength(2)
    const foreign = { ...fuse, adapterIds: ['foreign'] }
    await expect(start(foreign)).rejects.toThrow(
      /“adapter foreign” .* does not fit “tiny” as “first” left it/,
    )
  })
})

describe('runs of several seeds that begin with what their own seed left', () => {
  it('are one variant for a head, and another for a head of another variant', async () => {
    const begun = async (seed: number, options: object) => {
      const first = await start({ method: { name: 'scripted', options }, training: { seed } })
      const head = `head of ${first.id}`
      store(head, { kind: 'head', labels: dataset.labels, runId: first.id })
      return (await start({ headIds: [head], training: { seed } })).variant
    }
    const one = await begun(1, {})
    expect(await begun(2, {})).toBe(one)
    expect(await begun(2, { steps: 20 })).not.toBe(one)
  })

  it('are one variant for a fusion', async () => {
    store('a')
    const fuse = { method: { name: 'fuse' }, adapterIds: ['a'] }
    const begun = async (seed: number) => {
      const first = await start({ ...fuse, training: { seed } })
      const fusionId = `fusion of ${first.id}`
      store(fusionId, { kind: 'fusion', adapterIds: ['a'], runId: first.id })
      return (await start({ ...fuse, fusionId, training: { seed } })).variant
    }
    expect(await begun(1)).toBe(await begun(2))
  })

  it('are others for the heads of one run’s tasks the other way round', async () => {
    insertDataset(at.database, { ...dataset, id: 'films', name: 'films', hash: 'films' }, 'datasets/films')
    const both = { ...together(), moreDatasetIds: ['films'] }
    const first = await start(both)
    for (const datasetName of ['reviews', 'films']) {
      store(datasetName, { kind: 'head', labels: dataset.labels, runId: first.id, datasetName })
    }
    const { variant } = await start({ ...both, headIds: ['reviews', 'films'] })
    expect((await start({ ...both, headIds: ['films', 'reviews'] })).variant).not.toBe(variant)
  })
})

describe('is refused, and nothing stored, for', () => {
  const fuse = { method: { name: 'fuse' } }
  it.each([
    [
      'a dataset twice',
      { ...together(), datasetId: 'questions' },
      'bad-input',
      /“question types” is named twice/,
    ],
    [
      'an unknown further dataset',
      { ...together(), moreDatasetIds: ['x'] },
      'not-found',
      /moreDatasetIds: .* x/,
    ],
    [
      'several datasets where the method trains one',
      { moreDatasetIds: ['questions'] },
      'bad-input',
      /moreDatasetIds: the method scripted trains one dataset at a time/,
    ],
    [
      'adapters where the method takes none',
      { adapterIds: ['a'] },
      'bad-input',
      /builds on no trained adapters/,
    ],
    ['no adapters where it needs them', fuse, 'bad-input', /Train an adapter first/],
    [
      'fewer adapters than datasets that begin with them',
      { ...together(), adapterIds: ['a'] },
      'bad-input',
      /together begins with one trained adapter for each dataset.* 1 are named for 2 datasets/,
    ],
    [
      'fewer heads than datasets',
      { ...together(), headIds: ['head'] },
      'bad-input',
      /headIds: 1 stored head for 2 tasks\. Name one for each dataset/,
    ],
    ['an unknown head', { headIds: ['x'] }, 'not-found', /headIds: there is no stored head x/],
    [
      'an adapter as a head',
      { headIds: ['a'] },
      'bad-input',
      /headIds: “adapter a” is an adapter, and no head/,
    ],
    [
      'a head of other classes',
      { headIds: ['head'] },
      'bad-input',
      /the head “adapter head” tells how, who apart, and the dataset “reviews” has bad, good/,
    ],
    [
      'a head of another backbone',
      { headIds: ['foreign head'] },
      'bad-input',
      /headIds: the head “adapter foreign head” was trained on the backbone “large” \(weights 12345678\)/,
    ],
    ['an unknown fusion', { ...fuse, adapterIds: ['a'], fusionId: 'x' }, 'not-found', /no stored fusion x/],
    [
      'a fusion of other adapters',
      { ...fuse, adapterIds: ['a'], fusionId: 'fused' },
      'bad-input',
      /fusionId: the fusion “adapter fused” weighs “adapter a”, “adapter foreign”, in this order/,
    ],
    [
      'a fusion inside a composition',
      { ...fuse, adapterIds: ['a'], fusionId: 'nested' },
      'bad-input',
      /fusionId: the fusion “adapter nested” is part of a composition, which no run can begin with/,
    ],
    ['an unknown adapter', { ...fuse, adapterIds: ['x'] }, 'not-found', /adapterIds: .* x/],
    ['an adapter twice', { ...fuse, adapterIds: ['a', 'a'] }, 'bad-input', /“adapter a” is named twice/],
    ['a head', { ...fuse, adapterIds: ['head'] }, 'bad-input', /“adapter head” is a head/],
    [
      'an adapter of another backbone',
      { ...fuse, adapterIds: ['a', 'foreign'] },
      'bad-input',
      /“adapter foreign” was trained on the backbone “large” \(weights 12345678\) and does not fit “tiny” \(weights weights\)/,
    ],
    [
      'a layer that the model does not have',
      { training: { unfreezeLayers: [1, 2] } },
      'bad-input',
      /layers 0 to 1, and no layer 2/,
    ],
    [
      'a learning rate of a group of which nothing is trained',
      { training: { groupLearningRates: { head: 0.1, fusion: 0.1 } } },
      'bad-input',
      /rate for fusion, of which scripted trains nothing here; it trains adapter, head/,
    ],
  ])('%s', async (_, rest, code, message) => {
    store('a')
    store('head', { kind: 'head', labels: ['how', 'who'] })
    store('fused', { kind: 'fusion', adapterIds: ['a', 'foreign'] })
    store('nested', { kind: 'fusion', adapterIds: ['a'], method: { name: 'compose', options: {} } })
    store('foreign head', { kind: 'head', modelHash: '1234567890', modelName: 'large' })
    store('foreign', { modelHash: '1234567890', modelName: 'large' })
    await expect(start(rest)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    })
    expect(at.runs['runs.list']({})).toEqual([])
  })
})
