import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { DefaultExperiment, type ExperimentConfig } from '../../../preload/contract.ts'
import {
  adapter,
  openExperimentsHome,
  type ExperimentDraft,
  type ExperimentsHome,
} from '../../fixtures/experiments-home.ts'

let home: ExperimentsHome

beforeEach(() => {
  home = openExperimentsHome()
})

afterEach(() => home.close())

describe('a plan', () => {
  it('names a variant that its device cannot compute', async () => {
    const { problems } = await home.plan({
      engine: { device: 'webgpu' },
      variants: [
        { name: 'a', method: adapter },
        { name: 'b', method: adapter, training: { backbonePrecision: 'int8' } },
      ],
    })
    expect(problems).toEqual([
      expect.stringMatching(/^b: training.backbonePrecision: webgpu has no products/),
    ])
  })

  it('is datasets × variants × seeds × settings', async () => {
    const { total, runs, problems } = await home.plan({
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
    const { runs } = await home.plan({
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
    const { runs } = await home.plan({
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

  it.each<[string, ExperimentDraft, RegExp]>([
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
    expect((await home.plan(draft)).problems).toEqual([expect.stringMatching(problem)])
    await expect(home.create(draft)).rejects.toMatchObject({ code: 'bad-input' })
    expect(home.handlers['experiments.list']({})).toEqual([])
  })

  it('refuses more runs than can be in one experiment without making them', async () => {
    const values = Array.from({ length: 100 }, (_, index) => index / 1000)
    const paths = [
      'head.dropout',
      'training.warmup',
      'training.weightDecay',
      'training.beta1',
      'training.beta2',
    ]
    const parameters = paths.map((path) => ({ path, values }))
    const { total, problems } = await home.plan({
      variants: [{ name: 'a', method: adapter, sweep: { kind: 'grid', parameters } }],
    })
    expect(total).toBe(1e10)
    expect(problems).toEqual([expect.stringMatching(/10000000000 runs; at most 5000/)])
  })

  it('estimates the time by what finished here', async () => {
    expect((await home.plan({})).estimatedSeconds).toBeUndefined()
    const { id } = await home.create({ training: { epochs: 2 } })
    await home.reaches(id, 'finished')
    const { estimatedSeconds, measuredRuns } = await home.plan({ training: { epochs: 6 } })
    expect(measuredRuns).toBe(1)
    // The run took 0.1 s for 2 epochs over 3 rows, and there is one validation row in each.
    expect(estimatedSeconds).toBeCloseTo(0.3)
  })
})

describe('the default experiment', () => {
  it('has the families and what they are judged against, for these datasets', () => {
    const config = home.handlers['experiments.default'](
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
    const config = home.handlers['experiments.default'](
      DefaultExperiment.parse({ datasetIds: ['dataset'] }),
    ) as ExperimentConfig
    expect(config.variants.at(-1)?.uses?.over).toBe('seeds')
  })
})
