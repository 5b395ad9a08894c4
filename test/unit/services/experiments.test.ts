import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { adapter, openExperimentsHome, type ExperimentsHome } from '../../fixtures/experiments-home.ts'
import { model } from '../../fixtures/runs-home.ts'

let home: ExperimentsHome

beforeEach(() => {
  home = openExperimentsHome()
})

afterEach(() => home.close())

describe('an experiment', () => {
  it('trains what a fusion needs, then the fusion on it, and ends', async () => {
    const { id } = await home.create({
      datasetIds: ['dataset', 'second'],
      tags: ['paper'],
      variants: [
        { name: 'Adapter', method: adapter },
        { name: 'Fusion', method: { name: 'fuse', options: { steps: 10 } }, uses: { variant: 'Adapter' } },
      ],
    })
    const done = await home.reaches(id, 'finished', 'failed')
    expect(done).toMatchObject({ status: 'finished', counts: { total: 4, finished: 4 }, done: 1 })
    const runs = await home.at.runs['runs.list']({ experimentId: id })
    expect(runs.map(({ experiment }) => experiment?.variant)).toEqual([
      'Fusion',
      'Fusion',
      'Adapter',
      'Adapter',
    ])
    expect(runs.every(({ tags }) => tags?.[0] === 'paper')).toBe(true)
    const fusion = done.steps.find(({ variant, datasetId }) => variant === 'Fusion' && datasetId === 'second')
    const { config } = await home.at.runs['runs.get']({ id: fusion?.runId ?? '' })
    expect(config.adapterIds).toHaveLength(2)
    expect(done.best).toEqual([
      { datasetName: 'reviews', modelName: 'tiny', variant: 'Adapter', mean: 0.9, runs: 1 },
      { datasetName: 'news', modelName: 'tiny', variant: 'Adapter', mean: 0.9, runs: 1 },
    ])
  })

  it('counts seeds of a fusion as one variant, though each builds on adapters of its own', async () => {
    const { id } = await home.create({
      datasetIds: ['dataset', 'second'],
      seeds: [1, 2],
      variants: [
        { name: 'Adapter', method: adapter },
        { name: 'Fusion', method: { name: 'fuse', options: { steps: 10 } }, uses: { variant: 'Adapter' } },
      ],
    })
    await home.reaches(id, 'finished')
    const runs = await home.at.runs['runs.list']({ experimentId: id })
    const fusions = runs.filter(({ method, datasetId }) => method === 'fuse' && datasetId === 'dataset')
    expect(fusions).toHaveLength(2)
    expect(new Set(fusions.map(({ variant }) => variant)).size).toBe(1)
  })

  it('runs one after the other', async () => {
    let most = 0
    home.at.events.subscribe('queue.changed', ({ devices, queued }) => {
      const running = devices.reduce((sum, device) => sum + device.running.length, 0)
      most = Math.max(most, running + queued.length)
    })
    const { id } = await home.create({ seeds: [1, 2, 3] })
    await home.reaches(id, 'finished')
    expect(most).toBe(1)
  })

  it('runs as many at once as the device may', async () => {
    await home.at.runs['runs.setConcurrency']({ device: 'cpu', runs: 2 })
    let most = 0
    home.at.events.subscribe('queue.changed', ({ devices }) => {
      most = Math.max(most, devices[0]?.running.length ?? 0)
    })
    const { id } = await home.create({ seeds: [1, 2, 3, 4] })
    await home.reaches(id, 'finished')
    expect(most).toBe(2)
  })

  it('blocks what builds on a failure, and goes on when that is retried', async () => {
    const { id } = await home.create({
      variants: [
        {
          name: 'Adapter',
          method: {
            name: 'scripted',
            options: { steps: 20, failAt: 12, parts: ['adapter'], hash: model.hash },
          },
        },
        { name: 'Fusion', method: { name: 'fuse', options: { steps: 10 } }, uses: { variant: 'Adapter' } },
        { name: 'Other', method: adapter },
      ],
    })
    const failed = await home.reaches(id, 'failed')
    expect(failed.steps.map(({ variant, status }) => [variant, status])).toEqual([
      ['Adapter', 'failed'],
      ['Fusion', 'blocked'],
      ['Other', 'finished'],
    ])
    expect(failed.steps[0]?.error).toMatch(/no space left/)
    expect(failed.steps[1]?.error).toMatch(/builds on “Adapter/)
    // It goes on from its checkpoint, and the scripted trainer fails once only.
    await home.handlers['experiments.retry']({ id })
    expect((await home.reaches(id, 'finished', 'failed')).counts.finished).toBe(3)
  })

  it('sets its runs aside when it is paused, and takes them up again', async () => {
    const { id } = await home.create({
      seeds: [1, 2],
      variants: [{ name: 'a', method: { name: 'scripted', options: { steps: 30, waitAt: 15 } } }],
    })
    const [first] = (await home.handlers['experiments.get']({ id })).steps
    await home.at.reachesStep(first?.runId ?? '', 15)
    const paused = await home.handlers['experiments.pause']({ id })
    expect(paused).toMatchObject({ status: 'paused', counts: { active: 1, waiting: 1 } })
    expect((await home.at.runs['runs.get']({ id: first?.runId ?? '' })).status).toBe('paused')
    await home.handlers['experiments.resume']({ id })
    const [again] = (await home.handlers['experiments.get']({ id })).steps
    expect(again?.runId).toBe(first?.runId)
    await home.at.reaches(first?.runId ?? '', 'finished')
  })

  it('leaves out the rest when it is cancelled, and keeps what has finished', async () => {
    const { id } = await home.create({
      seeds: [1, 2, 3],
      variants: [{ name: 'a', method: { name: 'scripted', options: { steps: 30, waitAt: 15 } } }],
    })
    const [first] = (await home.handlers['experiments.get']({ id })).steps
    await home.at.reachesStep(first?.runId ?? '', 15)
    await home.handlers['experiments.cancel']({ id })
    const { status, steps } = await home.handlers['experiments.get']({ id })
    expect(status).toBe('cancelled')
    expect(steps.map((step) => step.status)).toEqual(['stopped', 'left-out', 'left-out'])
    expect(home.at.runs['runs.list']({})).toHaveLength(1)
  })

  it.each([
    ['pause', 'paused'],
    ['cancel', 'stopped'],
  ] as const)(
    'leaves nothing running that was just starting when it was told to %s',
    async (action, ends) => {
      const method = { name: 'scripted', options: { steps: 30, waitAt: 15 } }
      const { id } = await home.create({ variants: [{ name: 'a', method }] }, false)
      const started = home.handlers['experiments.start']({ id })
      await home.handlers[`experiments.${action}`]({ id })
      await started
      const { steps } = await home.handlers['experiments.get']({ id })
      expect(steps.map(({ status }) => status)).toEqual([ends])
    },
  )

  it('trains only the best of a rung for longer', async () => {
    const { id } = await home.create({
      training: { epochs: 2 },
      variants: [
        {
          name: 'a',
          method: adapter,
          sweep: {
            kind: 'halving',
            count: 2,
            factor: 2,
            parameters: [{ path: 'training.learningRate', values: [0.1, 0.2] }],
          },
        },
      ],
    })
    const { steps } = await home.reaches(id, 'finished')
    expect(steps.map(({ rung, status }) => [rung, status])).toEqual([
      [0, 'finished'],
      [0, 'finished'],
      [1, 'finished'],
    ])
    const run = await home.at.runs['runs.get']({ id: steps[2]?.runId ?? '' })
    expect([0.1, 0.2]).toContain(run.config.training.learningRate)
    expect(run.config.training.epochs).toBe(2)
  })

  it('of higher priority goes first', async () => {
    await home.at.runs['runs.setConcurrency']({ device: 'cpu', runs: 1 })
    const waiting = { name: 'scripted', options: { steps: 20, waitAt: 5 } }
    const blocker = await home.create({ name: 'blocker', variants: [{ name: 'x', method: waiting }] })
    const low = await home.create({ name: 'low', priority: -1 })
    const high = await home.create({ name: 'high', priority: 1 })
    await home.handlers['experiments.cancel']({ id: blocker.id })
    await home.reaches(low.id, 'finished')
    const started = (await home.at.runs['runs.list']({})).map(({ experiment }) => experiment?.name).reverse()
    expect(started).toEqual(['blocker', 'high', 'low'])
    expect((await home.reaches(high.id, 'finished')).done).toBe(1)
  })

  it('goes on after a restart with what was running and what was still to come', async () => {
    const { id } = await home.create({
      seeds: [1, 2],
      variants: [{ name: 'a', method: { name: 'scripted', options: { steps: 30, waitAt: 15 } } }],
    })
    const [first] = (await home.handlers['experiments.get']({ id })).steps
    await home.at.reachesStep(first?.runId ?? '', 15)
    await home.restart()
    const resumed = await home.at.reaches(first?.runId ?? '', 'finished')
    expect(resumed.id).toBe(first?.runId)
    const second = await new Promise<string>((resolve) => {
      home.at.events.subscribe('run.changed', (run) => {
        if (run.experiment?.id === id && run.id !== first?.runId) resolve(run.id)
      })
    })
    await home.at.reachesStep(second, 15)
    const { steps } = await home.handlers['experiments.get']({ id })
    expect(steps.map((step) => step.status)).toEqual(['finished', 'running'])
    await home.handlers['experiments.cancel']({ id })
  })

  it('cannot be removed while it runs; its runs stay when it is', async () => {
    const { id } = await home.create({})
    await expect(async () => home.handlers['experiments.remove']({ id })).rejects.toThrow(/is running/)
    await home.reaches(id, 'finished')
    home.handlers['experiments.remove']({ id })
    expect(home.handlers['experiments.list']({})).toEqual([])
    const [run] = await home.at.runs['runs.list']({})
    expect(run?.experiment).toBeUndefined()
  })

  it('is given another name and question, and keeps them', async () => {
    const { id } = await home.create({ question: 'Which one?' }, false)
    await home.handlers['experiments.update']({
      id,
      name: 'another',
      question: 'Which one, and at what cost?',
    })
    await home.restart()
    expect(await home.handlers['experiments.get']({ id })).toMatchObject({
      name: 'another',
      question: 'Which one, and at what cost?',
      config: { name: 'another', question: 'Which one, and at what cost?' },
    })
    await home.handlers['experiments.update']({ id, question: '' })
    const after = await home.handlers['experiments.get']({ id })
    expect(after).toMatchObject({ name: 'another', question: '' })
  })
})
