import { beforeEach, describe, expect, it } from 'vitest'

import {
  WorkbenchError,
  type AdapterDetail,
  type MethodDescription,
  type RunDetail,
} from '../../../preload/contract.ts'
import { dataset, run } from './answers.ts'
import { stubbed } from './stubbed.ts'

const at = stubbed()
const { cli, inputOf } = at

const adapter: AdapterDetail = {
  id: '1234abcd-0000',
  name: 'seq_bn · TREC',
  kind: 'adapter',
  method: { name: 'seq_bn', options: { reduction_factor: 8, leave_out: [0], non_linearity: 'relu' } },
  family: 'adapter',
  modelHash: '0123456789',
  modelName: 'starter',
  modelId: 'm1',
  runId: 'abcd1234',
  datasetName: 'TREC',
  labels: [],
  adapterIds: [],
  parameters: 19_248,
  bytes: 78_900,
  score: { metric: 'accuracy', value: 0.91 },
  createdAt: '2026-01-01T00:00:00.000Z',
  file: '/home/adapters/1234abcd-0000.safetensors',
  tensors: [{ name: 'down.weight', shape: [8, 64] }],
  usedBy: [{ id: 'r2', name: 'my fusion' }],
}

const fusion: MethodDescription = {
  name: 'fusion',
  label: 'AdapterFusion',
  family: 'fusion',
  summary: 'Learns which adapters to listen to.',
  source: 'Pfeiffer et al. 2020',
  fields: [
    {
      name: 'query',
      label: 'Query',
      hint: 'Learn what to ask.',
      kind: 'boolean',
      default: true,
      advanced: true,
    },
    {
      ...{ name: 'dropout_prob', label: 'Dropout', hint: 'Share set to 0.', kind: 'number', default: 0 },
      ...{ minimum: 0, maximum: 0.9, advanced: false },
    },
    {
      ...{ name: 'place', label: 'Place', hint: 'Where.', kind: 'choice', default: undefined },
      ...{ choices: ['a', 'b'], advanced: false },
    },
  ],
  learningRate: 5e-4,
  takes: 'adapters',
  manyTasks: false,
}

beforeEach(() => {
  const second = { ...adapter, id: '5678efgh-0000', name: 'seq_bn · RTE', runId: 'other' }
  at.answers['methods.list'] = () => [{ ...fusion, name: 'seq_bn', takes: 'none', fields: [] }, fusion]
  at.answers['models.list'] = () => [{ id: 'm1', name: 'starter', folder: '/models/starter' }]
  at.answers['datasets.list'] = () => [dataset, { ...dataset, id: 'd2', name: 'RTE' }]
  at.answers['adapters.list'] = () => [adapter, second]
  at.answers['adapters.get'] = () => adapter
  at.answers['runs.list'] = () => [run]
})

describe('train', () => {
  function finishAtOnce(change: Partial<RunDetail> = {}): void {
    const finished = { ...run, ...change }
    at.answers['runs.start'] = at.answers['runs.get'] = () => finished
  }

  it('builds on stored adapters, by name and by the beginning of an id, in the order given', async () => {
    finishAtOnce()
    const flags = ['--method', 'fusion[query=false]', '--adapters', 'seq_bn · RTE,1234abcd']
    const ended = await cli('train', '--dataset', 'd1', ...flags, '--json')
    expect(ended.code).toBe(0)
    expect(inputOf('runs.start')).toMatchObject({
      method: { name: 'fusion', options: { query: false } },
      adapterIds: ['5678efgh-0000', '1234abcd-0000'],
    })
    // Only what this run has trained.
    expect(JSON.parse(ended.stdout)).toMatchObject({
      stored: [{ id: '1234abcd-0000', name: 'seq_bn · TREC', kind: 'adapter' }],
    })
  })

  it('begins with stored heads and a stored fusion, by name and by the beginning of an id', async () => {
    finishAtOnce()
    const flags = ['--heads', 'seq_bn · RTE,1234abcd', '--fusion', '1234abcd']
    expect((await cli('train', '--datasets', 'TREC,RTE', ...flags, '--json')).code).toBe(0)
    expect(inputOf('runs.start')).toMatchObject({
      headIds: ['5678efgh-0000', '1234abcd-0000'],
      fusionId: '1234abcd-0000',
    })
  })

  it('takes several datasets, each a task', async () => {
    const task = { datasetId: 'd1', name: 'TREC', validation: run.test, confusion: [] }
    finishAtOnce({ tasks: [task, { ...task, name: 'RTE' }] as RunDetail['tasks'] })
    const flags = ['--task-sampling', 'even', '--unfreeze', '3, 2', '--decay-exempt']
    const ended = await cli('train', '--datasets', 'TREC,RTE', ...flags, '--json')
    expect(inputOf('runs.start')).toMatchObject({
      datasetId: 'd1',
      moreDatasetIds: ['d2'],
      taskSampling: 'even',
      training: { unfreezeLayers: [3, 2], decayExempt: true },
    })
    expect(JSON.parse(ended.stdout)).toMatchObject({ tasks: [{ name: 'TREC' }, { name: 'RTE' }] })
  })

  it('takes --dataset several times, and learning rates of single groups', async () => {
    finishAtOnce()
    await cli('train', '--dataset', 'TREC', '--dataset', 'RTE', '--learning-rate', '1e-3,head=1e-4')
    expect(inputOf('runs.start')).toMatchObject({
      moreDatasetIds: ['d2'],
      training: { learningRate: 1e-3, groupLearningRates: { head: 1e-4 } },
    })
  })

  it('refuses an adapter that is not there, before anything starts', async () => {
    const ended = await cli('train', '--dataset', 'd1', '--method', 'fusion', '--adapters', 'nothing')
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining('"nothing"')])
    expect(inputOf('runs.start')).toBeUndefined()
  })

  it.each([
    [['--learning-rate', 'gate=1'], /adapter, fusion, head, backbone/],
    [['--learning-rate', '1,2'], /--learning-rate/],
    [['--learning-rate', 'head=-1'], /--learning-rate/],
    [['--unfreeze', 'all'], /--unfreeze/],
    [['--unfreeze', '-1'], /--unfreeze/],
    [['--adapters', ','], /--adapters/],
    [['--task-sampling', 'random'], /--task-sampling/],
    [['--train', 'a.csv'], /either --dataset or files/],
  ])('refuses %j and touches nothing', async (flags, message) => {
    const ended = await cli('train', '--dataset', 'd1', ...flags)
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringMatching(message)])
    expect(at.calls).toEqual([])
  })
})

describe('adapters', () => {
  it('are listed with the method as --method takes it', async () => {
    const { stdout } = await cli('adapters', 'list')
    expect(stdout).toContain('seq_bn[reduction_factor=8,leave_out=[0],non_linearity=relu]')
    expect(stdout).toMatch(/seq_bn · TREC .* 19,248 .* accuracy 91\.0 %/)
    expect(inputOf('adapters.list')).toEqual({})
    await cli('adapters', 'list', '--model', 'starter', '--json')
    expect(at.calls.at(-1)).toEqual({ name: 'adapters.list', input: { modelId: 'm1' } })
  })

  it('are shown, renamed and removed by name or the beginning of an id', async () => {
    at.answers['adapters.rename'] = () => ({ ...adapter, name: 'mine' })
    at.answers['adapters.remove'] = () => undefined
    const shown = await cli('adapters', 'show', '1234')
    expect(shown.stdout).toMatch(/down\.weight +\[8, 64\]/)
    expect(shown.stdout).toContain('my fusion (r2)')
    expect((await cli('adapters', 'rename', 'seq_bn · TREC', 'mine')).stdout).toContain('now called mine')
    expect(inputOf('adapters.rename')).toEqual({ id: '1234abcd-0000', name: 'mine' })
    expect(JSON.parse((await cli('adapters', 'remove', '1234abcd', '--json')).stdout)).toEqual({
      id: '1234abcd-0000',
      removed: true,
    })
  })

  it('fail in the words of the workbench', async () => {
    at.answers['adapters.remove'] = () => {
      throw new WorkbenchError('conflict', 'The adapter is what the run “my fusion” builds on.')
    }
    const refused = await cli('adapters', 'remove', '1234', '--json')
    expect([refused.code, JSON.parse(refused.stdout)]).toEqual([
      1,
      { error: { code: 'conflict', message: 'The adapter is what the run “my fusion” builds on.' } },
    ])
    const unknown = await cli('adapters', 'show', 'nothing')
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      expect.stringContaining('no stored adapter "nothing"'),
    ])
    expect((await cli('adapters', 'rename', '1234')).code).toBe(2)
  })
})

describe('methods', () => {
  it('are listed with and without saying so', async () => {
    for (const args of [['methods'], ['methods', 'list']]) {
      expect((await cli(...args)).stdout).toMatch(/fusion +Fusion +adapters +one +Learns which/)
    }
    expect(JSON.parse((await cli('methods', '--json')).stdout)).toHaveLength(2)
  })

  it('are shown with their options, what they may be and what they do', async () => {
    const { stdout } = await cli('methods', 'show', 'fusion')
    expect(stdout).toMatch(/query +true +true, false +Learn what to ask\./)
    expect(stdout).toMatch(/dropout_prob +0 +0 to 0\.9/)
    expect(stdout).toMatch(/place +none +a, b/)
    expect((await cli('methods', 'show', 'seq_bn')).stdout).toContain('It has no options.')
    expect((await cli('methods', 'show', 'magic')).code).toBe(2)
  })
})

describe('predict', () => {
  it('passes task and selection on, and says which task answered', async () => {
    const scores = [{ label: 'NUM', score: 1 }]
    at.answers['runs.predict'] = () => [{ task: 'RTE', label: 'NUM', scores }]
    const ended = await cli('predict', 'abcd1234', 'x', '--task', 'RTE', '--active', 'top2')
    expect(inputOf('runs.predict')).toMatchObject({ id: 'abcd1234', task: 'RTE', active: 'top2' })
    expect(ended.stdout).toMatch(/RTE +NUM +100\.0 % +x/)
  })

  it('prints what a fusion listened to in each layer, of the first texts', async () => {
    const scores = [{ label: 'NUM', score: 1 }]
    const fusion = [0.6, 0.8].map((share, layer) => ({
      ...{ layer, place: 'output' as const },
      weights: [share, 1 - share],
    }))
    at.answers['runs.predict'] = (input) =>
      (input as { texts: unknown[] }).texts.map(() => ({ task: 'TREC', label: 'NUM', scores, fusion }))
    at.answers['runs.get'] = () => ({
      ...run,
      analysis: { fusion: { adapters: ['trec', 'rte'], weights: [], pruned: [] } },
    })
    const { stdout } = await cli('predict', 'abcd1234', 'How many ?', 'Who ?')
    expect(stdout).toMatch(
      /“How many \?”\nlayer +trec +rte\n.*\n +0 +60\.0 % +40\.0 %\n +1 +80\.0 % +20\.0 %/,
    )
    expect(stdout).toContain('“Who ?”')
    const many = await cli('predict', 'abcd1234', 'one', 'two', 'three', 'four', 'five')
    expect(many.stdout).toContain('“three”')
    expect(many.stdout).not.toContain('“four”')
    expect(many.stdout).toContain('2 more texts: with --json')
  })
})
