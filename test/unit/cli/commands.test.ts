import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { beforeEach, describe, expect, it } from 'vitest'

import { WorkbenchError, type RunDetail, type RunQuery } from '../../../preload/contract.ts'
import { dataset, run } from './answers.ts'
import { runProgram, startProgram } from './program.ts'
import { stubbed } from './stubbed.ts'

const at = stubbed()
const { cli, inputOf } = at

beforeEach(() => {
  at.answers['methods.list'] = () => [{ name: 'seq_bn' }, { name: 'full' }]
  at.answers['adapters.list'] = () => []
  at.answers['models.list'] = () => [{ id: 'm1', name: 'starter', folder: '/models/starter' }]
})

/** Answers for a run that goes through these states, one by one. */
function scriptRun(states: Partial<RunDetail>[]): void {
  let state: RunDetail = { ...run, status: 'queued' }
  const play = async (): Promise<void> => {
    for (const next of states) {
      await new Promise((done) => setTimeout(done, 5))
      state = { ...state, ...next }
      at.publish('run.changed', state)
    }
  }
  at.answers['runs.start'] = at.answers['runs.resume'] = () => {
    void play()
    return state
  }
  at.answers['runs.list'] = () => [state]
  at.answers['runs.get'] = () => state
}

const running: Partial<RunDetail> = {
  status: 'running',
  progress: { epoch: 1, epochs: 10, step: 10, steps: 100, seconds: 1, secondsLeft: 9, phase: 'training' },
}

describe('train', () => {
  it('ends with one JSON document, all else on stderr', async () => {
    scriptRun([running, { status: 'finished' }])
    at.answers['datasets.import'] = () => dataset
    const ended = await cli('train', '--train', 'TREC.train', '--epochs', '10', '--json')
    expect(ended.code).toBe(0)
    expect(JSON.parse(ended.stdout)).toEqual({
      runId: 'abcd1234',
      method: 'seq_bn',
      seed: 1,
      trainableParameters: 57_462,
      backboneParameters: 3_357_000,
      best: { epoch: 9, metric: 'accuracy', value: 0.91 },
      test: { accuracy: 0.895, macroF1: 0.88, matthews: 0.86, loss: 0.31 },
      examplesPerSecond: 1400,
      stepMs: 22,
      peakRssBytes: 3e8,
      seconds: 40,
      stored: [],
    })
    expect(ended.stderr).toContain('rejected: /data/TREC.train, line 7: no label')
    expect(ended.stderr).toContain('epoch 1/10, training 10 %, 9 s left')
  })

  it('has no test in its answer where there was no test split', async () => {
    scriptRun([{ status: 'finished', test: undefined } as unknown as Partial<RunDetail>])
    at.answers['datasets.list'] = () => [dataset]
    const { stdout } = await cli('train', '--dataset', 'TREC', '--json')
    expect(JSON.parse(stdout)).not.toHaveProperty('test')
  })

  it('passes every flag on to its setting', async () => {
    scriptRun([{ status: 'finished' }])
    at.answers['datasets.list'] = () => [dataset]
    const flags = {
      ...{
        dataset: 'd1',
        method: 'seq_bn[ln_before=true]',
        option: 'reduction_factor=4',
        epochs: 3,
        seed: 7,
      },
      ...{ 'learning-rate': 0.002, 'batch-size': 16, 'micro-batch-size': 8, 'maximum-length': 128 },
      ...{ 'head-layers': 3, 'head-activation': 'relu', pooling: 'mean' },
      ...{ patience: 2, 'best-metric': 'matthews', engine: 'onnxruntime' },
      ...{
        device: 'cpu',
        threads: 1,
        'weight-decay': 0,
        warmup: 0.1,
        schedule: 'cosine',
        'clip-norm': 0.5,
        name: 'mine',
      },
    }
    const ended = await cli(
      'train',
      ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]),
    )
    expect(ended.code).toBe(0)
    expect(inputOf('runs.start')).toMatchObject({
      name: 'mine',
      modelId: 'm1',
      datasetId: 'd1',
      method: { name: 'seq_bn', options: { ln_before: true, reduction_factor: 4 } },
      head: { layers: 3, activation: 'relu', pooling: 'mean' },
      training: {
        ...{ epochs: 3, seed: 7, learningRate: 0.002, batchSize: 16, microBatchSize: 8, maximumLength: 128 },
        ...{
          patience: 2,
          bestMetric: 'matthews',
          weightDecay: 0,
          warmup: 0.1,
          schedule: 'cosine',
          clipNorm: 0.5,
        },
      },
      engine: { engine: 'onnxruntime', device: 'cpu', threads: 1 },
    })
    expect(ended.stdout).toContain('accuracy 89.5 %')
  })

  it('cuts texts where the model ends when that is before the usual length, unless a flag says more', async () => {
    at.answers['models.list'] = () => [{ id: 'm1', name: 'starter', maximumLength: 40 }]
    at.answers['datasets.list'] = () => [dataset]
    const lengthWith = async (...flags: string[]) => {
      at.calls.length = 0
      await cli('train', '--dataset', 'd1', ...flags)
      return inputOf('runs.start')
    }
    expect(await lengthWith()).toMatchObject({ training: { maximumLength: 40 } })
    expect(await lengthWith('--maximum-length', '50')).toMatchObject({ training: { maximumLength: 50 } })
    at.answers['models.list'] = () => [{ id: 'm1', name: 'starter', maximumLength: 512 }]
    expect(await lengthWith()).toMatchObject({ training: { maximumLength: 64 } })
  })

  it('makes a folder known that is no known model', async () => {
    scriptRun([{ status: 'finished' }])
    at.answers['datasets.list'] = () => [dataset]
    at.answers['models.add'] = () => ({ id: 'm2', name: 'other', folder: at.home })
    await cli('train', '--dataset', 'd1', '--model', at.home)
    expect(inputOf('models.add')).toEqual({ folder: at.home })
    expect(inputOf('runs.start')).toMatchObject({ modelId: 'm2' })
  })

  it('fails when the run fails, saying why and how to go on', async () => {
    scriptRun([running, { status: 'failed', error: 'The loss is not a number at step 12.', resumable: true }])
    at.answers['datasets.list'] = () => [dataset]
    const ended = await cli('train', '--dataset', 'd1', '--json')
    expect(ended.code).toBe(1)
    expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'engine' } })
    expect(ended.stderr).toContain('The loss is not a number at step 12.')
    expect(ended.stderr).toContain('runs resume abcd1234')
  })

  it('pauses on Ctrl-C and says how to resume', async () => {
    scriptRun([running])
    at.answers['datasets.list'] = () => [dataset]
    at.answers['runs.pause'] = () => ({ ...run, status: 'paused', resumable: true })
    const { child, read, ended } = startProgram('cli', ['train', '--dataset', 'd1', '--json'], {
      home: at.home,
    })
    await expect.poll(() => read.stderr, { timeout: 20_000 }).toContain('epoch 1/10')
    child.kill('SIGINT')
    child.kill('SIGINT')
    const { code, stdout, stderr } = await ended
    expect(code).toBe(1)
    expect(inputOf('runs.pause')).toEqual({ id: 'abcd1234' })
    expect(JSON.parse(stdout)).toMatchObject({ runId: 'abcd1234', status: 'paused', resumable: true })
    expect(stderr).toContain('workbench runs resume abcd1234')
  })

  it('says so when the workbench it is attached to goes away', async () => {
    scriptRun([running])
    at.answers['datasets.list'] = () => [dataset]
    const { read, ended } = startProgram('cli', ['train', '--dataset', 'd1'], { home: at.home })
    await expect.poll(() => read.stderr, { timeout: 20_000 }).toContain('epoch 1/10')
    await at.close()
    const { code, stderr } = await ended
    expect(code).toBe(1)
    expect(stderr).toContain('runs resume abcd1234')
  })

  it('knows its methods, models and datasets before it imports anything', async () => {
    at.answers['datasets.list'] = () => [dataset]
    const method = await cli('train', '--train', 'a.csv', '--method', 'magic')
    expect([method.code, method.stderr]).toEqual([2, expect.stringContaining('full, seq_bn')])
    const model = await cli('train', '--train', 'a.csv', '--model', 'nowhere')
    expect([model.code, model.stderr]).toEqual([1, expect.stringContaining('starter')])
    const unknown = await cli('train', '--dataset', 'nothing')
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('TREC')])
    expect(inputOf('datasets.import')).toBeUndefined()
  })
})

describe('datasets import', () => {
  it('answers with these fields and no others', async () => {
    at.answers['datasets.import'] = () => dataset
    const flags = ['--name', 'TREC', '--text', '2', '--label', '1', '--delimiter', 'tab', '--header', 'no']
    const ended = await cli('datasets', 'import', '--train', '/data/TREC.train', ...flags, '--json')
    expect(JSON.parse(ended.stdout)).toEqual({
      ...{ id: 'd1', name: 'TREC', rows: 10, rejected: 1, labels: ['DESC', 'NUM'] },
      splits: { train: 9, validation: 1 },
    })
    expect(inputOf('datasets.import')).toMatchObject({
      name: 'TREC',
      files: [{ path: '/data/TREC.train', split: 'train' }],
      options: { text: '2', label: '1', delimiter: 'tab', header: false },
    })
  })

  it("fails with the workbench's words", async () => {
    at.answers['datasets.import'] = () => {
      throw new WorkbenchError('bad-input', '/data/empty.csv is empty.')
    }
    const ended = await cli('datasets', 'import', '--train', '/data/empty.csv', '--json')
    expect(ended.code).toBe(1)
    expect(JSON.parse(ended.stdout)).toEqual({
      error: { code: 'bad-input', message: '/data/empty.csv is empty.' },
    })
    expect(ended.stderr).toContain('/data/empty.csv is empty.')
  })
})

describe('runs', () => {
  beforeEach(() => scriptRun([{ status: 'finished' }]))

  it('are listed with percent on screen and fractions in JSON', async () => {
    expect((await cli('runs', 'list')).stdout).toMatch(/TREC · seq_bn .* 89\.5 % .* 57,462/)
    expect(JSON.parse((await cli('runs', 'list', '--json')).stdout)).toMatchObject([
      { test: { accuracy: 0.895 } },
    ])
  })

  it('are shown by id, by its beginning and by name', async () => {
    for (const wanted of ['abcd1234', 'abcd', 'TREC · seq_bn']) {
      const { code, stdout } = await cli('runs', 'show', wanted)
      expect(code).toBe(0)
      expect(stdout).toContain('DESC     5    1')
    }
    expect((await cli('runs', 'show', 'nothing', '--json')).code).toBe(1)
  })

  it('are found in the archive as well', async () => {
    at.answers['runs.list'] = (input) => ((input as RunQuery).archived === 'all' ? [run] : [])
    expect((await cli('runs', 'show', 'abcd1234')).code).toBe(0)
  })

  it('say so where they cannot be exported to a file', async () => {
    const { code, stderr } = await cli('runs', 'export', '--output', join(at.home, 'missing', 'runs.csv'))
    expect([code, stderr]).toEqual([1, expect.stringMatching(/runs\.csv could not be written: ENOENT/)])
  })

  it('are resumed and watched until they end', async () => {
    const { code, stdout } = await cli('runs', 'resume', 'abcd1234', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ runId: 'abcd1234', best: { epoch: 9 } })
    expect(inputOf('runs.resume')).toEqual({ id: 'abcd1234' })
  })

  it('go on on cpu where that is asked for, and say which device they were on', async () => {
    await cli('runs', 'resume', 'abcd1234', '--on-cpu')
    expect(inputOf('runs.resume')).toEqual({ id: 'abcd1234', onCpu: true })
    const failedDevice = {
      engine: 'tensorflow',
      device: 'webgpu',
      hardware: 'NVIDIA T4',
      savedStep: 40,
      reason: 'The device was lost.',
    }
    const environment = {
      engine: 'onnxruntime',
      engineVersion: '1.30.0',
      device: 'cpu',
      threads: 2,
      failedDevice,
    }
    at.answers['runs.get'] = () => ({ ...run, environment })
    const { stdout } = await cli('runs', 'show', 'abcd1234')
    expect(stdout).toContain('device       onnxruntime 1.30.0 on cpu, 2 threads')
    expect(stdout).toContain(
      'moved        from tensorflow on webgpu (NVIDIA T4) after step 40: The device was lost.',
    )
    at.answers['runs.get'] = () => ({ ...run, environment: { ...environment, hardware: 'A card' } })
    expect((await cli('runs', 'show', 'abcd1234')).stdout).toContain('on cpu (A card), 2 threads')
  })

  it('are stopped and paused', async () => {
    at.answers['runs.stop'] = () => ({ ...run, status: 'stopped' })
    at.answers['runs.pause'] = () => ({ ...run, status: 'paused', resumable: true })
    expect((await cli('runs', 'stop', 'abcd')).stdout).toBe('TREC · seq_bn is stopped\n')
    expect(JSON.parse((await cli('runs', 'pause', 'abcd', '--json')).stdout)).toMatchObject({
      status: 'paused',
    })
  })
})

describe('predict', () => {
  beforeEach(() => {
    scriptRun([])
    at.answers['runs.predict'] = (input) =>
      (input as { texts: { text: string }[] }).texts.map(() => ({
        label: 'NUM',
        scores: [
          { label: 'NUM', score: 0.75 },
          { label: 'DESC', score: 0.25 },
        ],
      }))
  })

  it('classifies texts given, from a file and from stdin', async () => {
    const file = join(at.home, 'texts.txt')
    writeFileSync(file, 'How many?\r\n\r\nfirst\tsecond\n')
    const given = await cli('predict', 'abcd1234', 'How many?', '--json')
    expect(JSON.parse(given.stdout)).toMatchObject([
      { text: 'How many?', label: 'NUM', scores: [{ score: 0.75 }, {}] },
    ])
    const fromFile = await cli('predict', 'abcd1234', '--file', file, '--json')
    expect(JSON.parse(fromFile.stdout)).toMatchObject([
      { text: 'How many?' },
      { text: 'first', secondText: 'second' },
    ])
    const fromStdin = await runProgram(['predict', 'abcd1234'], { home: at.home, input: 'How many?\n' })
    expect(fromStdin.stdout).toMatch(/NUM {4}75\.0 % {2}How many\?/)
  })

  it('refuses no text at all', async () => {
    expect((await cli('predict', 'abcd1234')).code).toBe(2)
    expect((await cli('predict', 'abcd1234', '--file', join(at.home, 'missing'))).code).toBe(1)
    expect((await cli('predict', 'abcd1234', 'a', 'b', '--second', 'c')).code).toBe(2)
  })
})

describe('bad usage', () => {
  it.each([
    [[]],
    [['nonsense']],
    [['runs']],
    [['runs', 'show']],
    [['train']],
    [['train', '--train']],
    [['train', '--dataset', 'a', '--train', 'b']],
    [['train', '--train', 'a', '--epochs', 'many']],
    [['train', '--train', 'a', '--epochs', '0']],
    [['train', '--train', 'a', '--head-layers', '5']],
    [['train', '--train', 'a', '--device', 'abacus']],
    [['train', '--train', 'a', '--method', 'seq_bn[']],
    [['train', '--train', 'a', '--option', 'x']],
    [['train', '--dataset', 'a', '--maximum-rows', '5']],
    [['runs', 'export', '--output', 'runs.csv', '--names', 'train.loss']],
    [['experiment', 'run', '--datasets', 'a', '--report', 'report.pdf']],
    [['experiment', 'run', '--datasets', 'a', '--plan', '--report', 'report.html']],
    [['experiment', 'report', 'a', '--output', 'report']],
    [['demo', '--report', 'report.html']],
    [['datasets', 'import']],
    [['datasets', 'import', '--train', 'a', '--header', 'maybe']],
    [['models', 'add']],
    [['serve', '--port', 'http']],
    [['verify']],
    [['devices', '--unknown']],
  ])('%j ends with status 2 and touches nothing', async (args) => {
    const plain = await cli(...args)
    expect(plain).toMatchObject({ code: 2, stdout: '' })
    expect(plain.stderr).not.toBe('')
    expect(at.calls).toEqual([])
  })

  it('still gives one JSON document with --json', async () => {
    const { code, stdout } = await cli('train', '--json', '--epochs', 'many')
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'bad-input' } })
  })

  it('is not to ask for help', async () => {
    const { code, stdout } = await cli('train', '--help')
    expect(code).toBe(0)
    for (const flag of ['--second-text', '--micro-batch-size', '--best-metric', '--clip-norm']) {
      expect(stdout).toContain(flag)
    }
  })
})
