import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createRunLibrary } from '../../../main/services/run-library.ts'
import { RunAnnotation, type InputOf, type RunSummary } from '../../../preload/contract.ts'
import { configOf, openRunsHome, removeHome, type RunsHome } from '../../fixtures/runs-home.ts'

let at: RunsHome

beforeEach(() => {
  at = openRunsHome()
})

afterEach(async () => {
  await at.close()
  removeHome(at.home)
})

const library = () => createRunLibrary({ ...at, publish: at.events.publish })
const annotate = (input: InputOf<'runs.annotate'>) =>
  library()['runs.annotate'](RunAnnotation.parse(input)) as RunSummary[]

async function finishedRun(name: string, rest: object = {}, steps = 20): Promise<string> {
  const { id } = await at.runs['runs.start'](configOf({ steps }, { name, ...rest }))
  await at.reaches(id, 'finished')
  return id
}

describe('what is written on runs', () => {
  it('is tags, added and taken away, and notes', async () => {
    const id = await finishedRun('a')
    annotate({ ids: [id], addTags: ['paper', 'best'], notes: 'look again' })
    const [run] = annotate({ ids: [id], addTags: ['paper'], removeTags: ['best'] })
    expect(run).toMatchObject({ tags: ['paper'], notes: 'look again' })
    const [bare] = annotate({ ids: [id], removeTags: ['paper'], notes: '' })
    expect(bare?.tags).toBeUndefined()
    expect(bare?.notes).toBeUndefined()
  })

  it('is told to everyone who listens', async () => {
    const id = await finishedRun('a')
    const heard: RunSummary[] = []
    at.events.subscribe('run.changed', (run) => heard.push(run))
    annotate({ ids: [id, 'gone'], addTags: ['x'] })
    expect(heard.map((run) => [run.id, run.tags])).toEqual([[id, ['x']]])
  })
})

describe('the archive', () => {
  it('hides runs from the list until they are asked for', async () => {
    const id = await finishedRun('a')
    const other = await finishedRun('b')
    annotate({ ids: [id], archived: true })
    const listed = async (archived?: 'hide' | 'only' | 'all') =>
      (await at.runs['runs.list'](archived === undefined ? {} : { archived })).map((run) => run.id)
    expect(await listed()).toEqual([other])
    expect(await listed('only')).toEqual([id])
    expect(await listed('all')).toEqual([other, id])
    annotate({ ids: [id], archived: false })
    expect(await listed()).toEqual([other, id])
  })

  it('takes no run that is still going on', async () => {
    const { id } = await at.runs['runs.start'](configOf({ steps: 1e6, stepMs: 2 }))
    await at.reaches(id, 'running')
    expect(() => annotate({ ids: [id], archived: true })).toThrow(/is running and cannot be archived/)
    await at.runs['runs.stop']({ id })
  })
})

describe('configurations', () => {
  it('are cloned without the name', async () => {
    const id = await finishedRun('a', { training: { epochs: 3 } })
    const config = await library()['runs.clone']({ id })
    expect(config.name).toBeUndefined()
    expect(config.training.epochs).toBe(3)
    expect((await at.runs['runs.start'](config)).name).toBe('reviews · scripted · seed 1')
  })

  it('are compared by what differs, or whole', async () => {
    const a = await finishedRun('a', { training: { epochs: 3 } })
    const b = await finishedRun('b', { training: { epochs: 4 }, head: { dropout: 0.1 } }, 30)
    const diff = await library()['runs.diff']({ ids: [a, b], all: false })
    expect(Object.fromEntries(diff.settings.map(({ path, values }) => [path, values]))).toEqual({
      'method.options.steps': [20, 30],
      'training.epochs': [3, 4],
      'head.dropout': [0, 0.1],
    })
    const whole = await library()['runs.diff']({ ids: [a, b], all: true })
    expect(whole.settings.find(({ path }) => path === 'training.batchSize')).toEqual({
      path: 'training.batchSize',
      values: [32, 32],
      differs: false,
    })
  })
})

describe('figures of metrics', () => {
  it('are the last, smallest and largest value of each run', async () => {
    const id = await finishedRun('a', {}, 40)
    const [figures] = await library()['runs.figures']({ names: ['validation.accuracy'] })
    expect(figures).toMatchObject({
      runId: id,
      points: 4,
      last: 1 - 1 / 40,
      minimum: 0.9,
      maximum: 1 - 1 / 40,
    })
    expect(await library()['runs.figures']({ names: ['train.loss'], ids: ['gone'] })).toEqual([])
  })

  it('come as sparklines of few points', async () => {
    const id = await finishedRun('a', {}, 60)
    const [line] = await library()['runs.sparklines']({ ids: [id, 'gone'], name: 'train.loss', points: 10 })
    expect(line?.runId).toBe(id)
    expect(line?.steps).toHaveLength(10)
    expect([line?.steps[0], line?.steps.at(-1)]).toEqual([1, 60])
  })
})

describe('the queue', () => {
  it('goes in the order that it was put into, also after a restart', async () => {
    const first = await at.runs['runs.start'](configOf({ steps: 1e6, stepMs: 2 }, { name: 'first' }))
    const names = ['a', 'b', 'c']
    const ids: string[] = []
    for (const name of names) ids.push((await at.runs['runs.start'](configOf({ steps: 5 }, { name }))).id)
    const [a = '', b = '', c = ''] = ids
    expect((await at.runs['runs.queue']({})).queued).toEqual([a, b, c])
    expect((await at.runs['runs.reorder']({ id: c, before: a })).queued).toEqual([c, a, b])
    expect((await at.runs['runs.reorder']({ id: a })).queued).toEqual([c, b, a])
    expect(() => at.runs['runs.reorder']({ id: first.id })).toThrow(/does not wait in the queue/)
    await at.reaches(first.id, 'running')
    const { home } = at
    await at.close()
    at = openRunsHome({ home })
    await at.reaches(a, 'finished')
    expect(at.course.filter((entry) => entry.endsWith('running'))).toEqual([
      'c running',
      'b running',
      'a running',
    ])
  })

  it('starts as many at once as its device may', async () => {
    const endless = { steps: 1e6, stepMs: 2 }
    const ids: string[] = []
    for (const name of ['a', 'b', 'c'])
      ids.push((await at.runs['runs.start'](configOf(endless, { name }))).id)
    const [a = '', b = '', c = ''] = ids
    await at.reaches(a, 'running')
    expect(await at.runs['runs.queue']({})).toEqual({
      devices: [{ device: 'cpu', concurrency: 1, running: [a] }],
      queued: [b, c],
    })
    const state = await at.runs['runs.setConcurrency']({ device: 'cpu', runs: 2 })
    expect(state).toEqual({ devices: [{ device: 'cpu', concurrency: 2, running: [a, b] }], queued: [c] })
    await at.reaches(b, 'running')
    const { home } = at
    await at.close()
    at = openRunsHome({ home, continueQueue: false })
    expect((await at.runs['runs.queue']({})).devices).toMatchObject([{ device: 'cpu', concurrency: 2 }])
    for (const id of [c, b, a]) await at.runs['runs.stop']({ id })
  })
})
