import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createExperimentService, type ExperimentService } from '../../../main/services/experiments.ts'
import { insertDataset } from '../../../main/store/datasets.ts'
import {
  DefaultExperiment,
  ExperimentConfig,
  type ExperimentDetail,
  type ExperimentSummary,
  type InputOf,
} from '../../../preload/contract.ts'
import { dataset, methods, model, openRunsHome, removeHome, type RunsHome } from '../../fixtures/runs-home.ts'

let at: RunsHome
let service: ExperimentService

beforeEach(() => {
  at = openRunsHome()
  insertDataset(
    at.database,
    { ...dataset, id: 'second', name: 'news', hash: 'other rows' },
    'datasets/others',
  )
  service = open(at)
})

afterEach(async () => {
  service.close()
  await at.close()
  removeHome(at.home)
})

function open(home: RunsHome): ExperimentService {
  return createExperimentService({ ...home, methods, runs: home.service, continueQueue: true })
}

type Draft = Partial<InputOf<'experiments.plan'>>

/** Short runs of the scripted trainer, which leave an adapter. */
const adapter = { name: 'scripted', options: { steps: 10, parts: ['adapter'], hash: model.hash } }

function configOf(draft: Draft = {}): ExperimentConfig {
  return ExperimentConfig.parse({
    name: 'question',
    modelIds: [model.id],
    datasetIds: [dataset.id],
    seeds: [1],
    variants: [{ name: 'Adapter', method: adapter }],
    ...draft,
  })
}

const plan = (draft: Draft) => service.handlers['experiments.plan'](configOf(draft))

async function create(draft: Draft, start = true): Promise<ExperimentDetail> {
  return service.handlers['experiments.create']({ config: configOf(draft), start })
}

/** Resolves with the experiment once it has one of these statuses. */
function reaches(id: string, ...statuses: ExperimentSummary['status'][]): Promise<ExperimentDetail> {
  return new Promise((resolve) => {
    const look = async (): Promise<void> => {
      const found = await service.handlers['experiments.get']({ id })
      if (statuses.includes(found.status)) {
        unsubscribe()
        resolve(found)
      }
    }
    const unsubscribe = at.events.subscribe('experiment.changed', (one) => {
      if (one.id === id) void look()
    })
    void look()
  })
}

describe('a plan', () => {
  it('is datasets × variants × seeds × settings', async () => {
    const { total, runs, problems } = await plan({
      datasetIds: ['dataset', 'second'],
      seeds: [1, 2, 3],
      variants: [
        { name: 'a', method: adapter },
        {
          name: 'b',
          method: adapter,
          sweep: {
            kind: 'grid',
            parameters: [
              { path: 'training.learningRate', values: [0.1, 0.01] },
              { path: 'head.dropout', values: [0, 0.1, 0.2] },
            ],
          },
        },
      ],
    })
    expect(problems).toEqual([])
    expect(total).toBe(2 * 3 * (1 + 6))
    expect(new Set(runs.map(({ key }) => key)).size).toBe(total)
    expect(
      runs
        .filter(({ variant }) => variant === 'b')
        .slice(0, 2)
        .map(({ settings }) => settings),
    ).toEqual([
      { 'training.learningRate': 0.1, 'head.dropout': 0 },
      { 'training.learningRate': 0.1, 'head.dropout': 0.1 },
    ])
    expect(runs[0]?.trainableParameters).toBe(10)
  })

  it('lets a fusion wait for the adapters of every dataset, its own first', async () => {
    const { runs } = await plan({
      datasetIds: ['dataset', 'second'],
      variants: [
        { name: 'a', method: adapter },
        { name: 'f', method: { name: 'fuse' }, uses: { variant: 'a' } },
      ],
    })
    const fusion = runs.find(({ variant, datasetId }) => variant === 'f' && datasetId === 'second')
    expect(fusion?.dependsOn).toEqual(['a / model / second / seed 1', 'a / model / dataset / seed 1'])
  })

  it('halves again and again', async () => {
    const { runs } = await plan({
      training: { epochs: 9 },
      variants: [
        {
          name: 'a',
          method: adapter,
          sweep: {
            kind: 'halving',
            count: 9,
            parameters: [{ path: 'training.learningRate', range: { low: 1e-4, high: 1e-1, scale: 'log' } }],
          },
        },
      ],
    })
    expect(runs.map(({ rung, epochs }) => `${rung}: ${epochs}`)).toEqual([
      ...Array<string>(9).fill('0: 1'),
      ...Array<string>(3).fill('1: 3'),
      '2: 9',
    ])
    const drawn = runs.slice(0, 9).map(({ settings }) => Number(settings['training.learningRate']))
    expect(new Set(drawn).size).toBe(9)
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(1e-4)
    expect(Math.max(...drawn)).toBeLessThanOrEqual(1e-1)
    expect(runs[9]?.settings).toEqual({})
  })

  it.each<[string, Draft, RegExp]>([
    ['an unknown model', { modelIds: ['none'] }, /no model none/],
    [
      'an unknown method',
      { variants: [{ name: 'a', method: { name: 'magic' } }] },
      /a: there is no method “magic”/,
    ],
    [
      'a fusion of nothing',
      { variants: [{ name: 'f', method: { name: 'fuse' } }] },
      /f: fuse builds on trained/,
    ],
    [
      'a fusion of what comes later',
      {
        variants: [
          { name: 'f', method: { name: 'fuse' }, uses: { variant: 'a' } },
          { name: 'a', method: adapter },
        ],
      },
      /f: it uses “a”, which is no variant before it/,
    ],
    [
      'a sweep over an option that the method lacks',
      {
        variants: [
          {
            name: 'a',
            method: adapter,
            sweep: { kind: 'grid', parameters: [{ path: 'method.options.width', values: [1] }] },
          },
        ],
      },
      /a: sweep: scripted has no option “width”/,
    ],
    [
      'a value that a setting cannot have',
      {
        variants: [
          {
            name: 'a',
            method: adapter,
            sweep: { kind: 'grid', parameters: [{ path: 'training.epochs', values: [0] }] },
          },
        ],
      },
      /a: training\.epochs/,
    ],
    [
      'a name that comes twice',
      { variants: ['a', 'a'].map((name) => ({ name, method: adapter })) },
      /named twice/,
    ],
  ])('refuses %s', async (_, draft, problem) => {
    expect((await plan(draft)).problems).toEqual([expect.stringMatching(problem)])
    await expect(create(draft)).rejects.toMatchObject({ code: 'bad-input' })
    expect(service.handlers['experiments.list']({})).toEqual([])
  })

  it('estimates the time by what finished here', async () => {
    expect((await plan({})).estimatedSeconds).toBeUndefined()
    const { id } = await create({ training: { epochs: 2 } })
    await reaches(id, 'finished')
    const { estimatedSeconds, measuredRuns } = await plan({ training: { epochs: 6 } })
    expect(measuredRuns).toBe(1)
    // The run took 0.1 s for 2 epochs over 3 rows, and there is one validation row in each.
    expect(estimatedSeconds).toBeCloseTo(0.3)
  })
})

describe('an experiment', () => {
  it('trains what a fusion needs, then the fusion on it, and ends', async () => {
    const { id } = await create({
      datasetIds: ['dataset', 'second'],
      tags: ['paper'],
      variants: [
        { name: 'Adapter', method: adapter },
        { name: 'Fusion', method: { name: 'fuse', options: { steps: 10 } }, uses: { variant: 'Adapter' } },
      ],
    })
    const done = await reaches(id, 'finished', 'failed')
    expect(done).toMatchObject({ status: 'finished', counts: { total: 4, finished: 4 }, done: 1 })
    const runs = await at.runs['runs.list']({ experimentId: id })
    expect(runs.map(({ experiment }) => experiment?.variant)).toEqual([
      'Fusion',
      'Fusion',
      'Adapter',
      'Adapter',
    ])
    expect(runs.every(({ tags }) => tags?.[0] === 'paper')).toBe(true)
    const fusion = done.steps.find(({ variant, datasetId }) => variant === 'Fusion' && datasetId === 'second')
    const { config } = await at.runs['runs.get']({ id: fusion?.runId ?? '' })
    expect(config.adapterIds).toHaveLength(2)
    expect(done.best).toEqual([
      { datasetName: 'reviews', modelName: 'tiny', variant: 'Adapter', mean: 0.9, runs: 1 },
      { datasetName: 'news', modelName: 'tiny', variant: 'Adapter', mean: 0.9, runs: 1 },
    ])
  })

  it('counts seeds of a fusion as one variant, though each builds on adapters of its own', async () => {
    const { id } = await create({
      datasetIds: ['dataset', 'second'],
      seeds: [1, 2],
      variants: [
        { name: 'Adapter', method: adapter },
        { name: 'Fusion', method: { name: 'fuse', options: { steps: 10 } }, uses: { variant: 'Adapter' } },
      ],
    })
    await reaches(id, 'finished')
    const runs = await at.runs['runs.list']({ experimentId: id })
    const fusions = runs.filter(({ method, datasetId }) => method === 'fuse' && datasetId === 'dataset')
    expect(fusions).toHaveLength(2)
    expect(new Set(fusions.map(({ variant }) => variant)).size).toBe(1)
  })

  it('runs one after the other', async () => {
    let most = 0
    at.events.subscribe('queue.changed', ({ devices, queued }) => {
      const running = devices.reduce((sum, device) => sum + device.running.length, 0)
      most = Math.max(most, running + queued.length)
    })
    const { id } = await create({ seeds: [1, 2, 3] })
    await reaches(id, 'finished')
    expect(most).toBe(1)
  })

  it('runs as many at once as the device may', async () => {
    await at.runs['runs.setConcurrency']({ device: 'cpu', runs: 2 })
    let most = 0
    at.events.subscribe('queue.changed', ({ devices }) => {
      most = Math.max(most, devices[0]?.running.length ?? 0)
    })
    const { id } = await create({ seeds: [1, 2, 3, 4] })
    await reaches(id, 'finished')
    expect(most).toBe(2)
  })

  it('blocks what builds on a failure, and goes on when that is retried', async () => {
    const { id } = await create({
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
    const failed = await reaches(id, 'failed')
    expect(failed.steps.map(({ variant, status }) => [variant, status])).toEqual([
      ['Adapter', 'failed'],
      ['Fusion', 'blocked'],
      ['Other', 'finished'],
    ])
    expect(failed.steps[0]?.error).toMatch(/no space left/)
    expect(failed.steps[1]?.error).toMatch(/builds on “Adapter/)
    // It goes on from its checkpoint, and the scripted trainer fails once only.
    await service.handlers['experiments.retry']({ id })
    expect((await reaches(id, 'finished', 'failed')).counts.finished).toBe(3)
  })

  it('sets its runs aside when it is paused, and takes them up again', async () => {
    const { id } = await create({
      seeds: [1, 2],
      variants: [{ name: 'a', method: { name: 'scripted', options: { steps: 30, waitAt: 15 } } }],
    })
    const [first] = (await service.handlers['experiments.get']({ id })).steps
    await at.reachesStep(first?.runId ?? '', 15)
    const paused = await service.handlers['experiments.pause']({ id })
    expect(paused).toMatchObject({ status: 'paused', counts: { active: 1, waiting: 1 } })
    expect((await at.runs['runs.get']({ id: first?.runId ?? '' })).status).toBe('paused')
    await service.handlers['experiments.resume']({ id })
    const [again] = (await service.handlers['experiments.get']({ id })).steps
    expect(again?.runId).toBe(first?.runId)
    await at.reaches(first?.runId ?? '', 'finished')
  })

  it('leaves out the rest when it is cancelled, and keeps what has finished', async () => {
    const { id } = await create({
      seeds: [1, 2, 3],
      variants: [{ name: 'a', method: { name: 'scripted', options: { steps: 30, waitAt: 15 } } }],
    })
    const [first] = (await service.handlers['experiments.get']({ id })).steps
    await at.reachesStep(first?.runId ?? '', 15)
    await service.handlers['experiments.cancel']({ id })
    const { status, steps } = await service.handlers['experiments.get']({ id })
    expect(status).toBe('cancelled')
    expect(steps.map((step) => step.status)).toEqual(['stopped', 'left-out', 'left-out'])
    expect(at.runs['runs.list']({})).toHaveLength(1)
  })

  it('trains only the best of a rung for longer', async () => {
    const { id } = await create({
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
    const { steps } = await reaches(id, 'finished')
    expect(steps.map(({ rung, status }) => [rung, status])).toEqual([
      [0, 'finished'],
      [0, 'finished'],
      [1, 'finished'],
    ])
    const run = await at.runs['runs.get']({ id: steps[2]?.runId ?? '' })
    expect([0.1, 0.2]).toContain(run.config.training.learningRate)
    expect(run.config.training.epochs).toBe(2)
  })

  it('of higher priority goes first', async () => {
    await at.runs['runs.setConcurrency']({ device: 'cpu', runs: 1 })
    const waiting = { name: 'scripted', options: { steps: 20, waitAt: 5 } }
    const blocker = await create({ name: 'blocker', variants: [{ name: 'x', method: waiting }] })
    const low = await create({ name: 'low', priority: -1 })
    const high = await create({ name: 'high', priority: 1 })
    await service.handlers['experiments.cancel']({ id: blocker.id })
    await reaches(low.id, 'finished')
    const started = (await at.runs['runs.list']({})).map(({ experiment }) => experiment?.name).reverse()
    expect(started).toEqual(['blocker', 'high', 'low'])
    expect((await reaches(high.id, 'finished')).done).toBe(1)
  })

  it('goes on after a restart with what was running and what was still to come', async () => {
    const { id } = await create({
      seeds: [1, 2],
      variants: [{ name: 'a', method: { name: 'scripted', options: { steps: 30, waitAt: 15 } } }],
    })
    const [first] = (await service.handlers['experiments.get']({ id })).steps
    await at.reachesStep(first?.runId ?? '', 15)
    service.close()
    const { home } = at
    await at.close()
    at = openRunsHome({ home })
    service = open(at)
    const resumed = await at.reaches(first?.runId ?? '', 'finished')
    expect(resumed.id).toBe(first?.runId)
    const second = await new Promise<string>((resolve) => {
      at.events.subscribe('run.changed', (run) => {
        if (run.experiment?.id === id && run.id !== first?.runId) resolve(run.id)
      })
    })
    await at.reachesStep(second, 15)
    const { steps } = await service.handlers['experiments.get']({ id })
    expect(steps.map((step) => step.status)).toEqual(['finished', 'running'])
    await service.handlers['experiments.cancel']({ id })
  })

  it('cannot be removed while it runs; its runs stay when it is', async () => {
    const { id } = await create({})
    await expect(async () => service.handlers['experiments.remove']({ id })).rejects.toThrow(/is running/)
    await reaches(id, 'finished')
    service.handlers['experiments.remove']({ id })
    expect(service.handlers['experiments.list']({})).toEqual([])
    const [run] = await at.runs['runs.list']({})
    expect(run?.experiment).toBeUndefined()
  })
})

describe('the default experiment', () => {
  it('has the families and what they are judged against, for these datasets', () => {
    const config = service.handlers['experiments.default'](
      DefaultExperiment.parse({ datasetIds: ['dataset', 'second'], seeds: [1, 2] }),
    ) as ExperimentConfig
    expect(config.variants.map(({ method }) => method.name)).toEqual([
      'head',
      'seq_bn',
      'adapter_drop_robust',
      'mam',
      'masked',
      'lora',
      'full',
      'fusion',
    ])
    expect(config.variants.at(-1)?.uses).toEqual({ variant: 'Adapter', over: 'datasets' })
    expect(config).toMatchObject({ modelIds: ['model'], seeds: [1, 2], head: { pooling: 'mean' } })
  })

  it('fuses the seeds of a single dataset', () => {
    const config = service.handlers['experiments.default'](
      DefaultExperiment.parse({ datasetIds: ['dataset'] }),
    ) as ExperimentConfig
    expect(config.variants.at(-1)?.uses?.over).toBe('seeds')
  })
})
