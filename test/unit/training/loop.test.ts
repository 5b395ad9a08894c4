import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { predict } from '../../../main/training/predict.ts'
import type { MetricPoint } from '../../../preload/contract.ts'
import { numbers, run, trainingFolderForEachTest, wordRows } from '../../fixtures/training-run.ts'

const folder = trainingFolderForEachTest()

describe('a run', () => {
  it('learns, and says what came of it', async () => {
    const { messages, points, result } = await run(folder.jobFor('a', { training: { epochs: 8 } }))
    expect(messages.map(({ type }) => type)).toContain('started')
    expect(result?.test?.accuracy).toBeGreaterThan(0.9)
    expect(result?.best.value).toBe(result?.validation.accuracy)
    expect(result?.confusion.map(({ split }) => split)).toEqual(['validation', 'test'])
    expect(points.get('train.loss@30')?.value).toBeLessThan(points.get('train.loss@1')?.value ?? 0)
    expect(messages.at(-1)?.type).toBe('finished')
  })

  it.each(['head', 'double_seq_bn', 'par_bn'])('of %s leaves the backbone as it was', async (method) => {
    const { messages, result } = await run(folder.jobFor(method, { method, training: { epochs: 1 } }))
    const started = messages.find((message) => message.type === 'started')
    expect(started?.backboneHashBefore).toBe(result?.backboneHashAfter)
  })

  it('of all parameters changes the backbone, and says so', async () => {
    const { messages, result } = await run(
      folder.jobFor('full', { method: 'full', training: { epochs: 1, learningRate: 1e-3 } }),
    )
    const started = messages.find((message) => message.type === 'started')
    expect(started?.backboneHashBefore).not.toBe(result?.backboneHashAfter)
  })

  it('gives the same numbers again with the same seed, and others with another', async () => {
    const first = numbers(await run(folder.jobFor('one', { training: { epochs: 1 } })))
    expect(numbers(await run(folder.jobFor('two', { training: { epochs: 1 } })))).toEqual(first)
    expect(numbers(await run(folder.jobFor('three', { training: { epochs: 1, seed: 2 } })))).not.toEqual(
      first,
    )
  })

  it('gives nearly the same numbers in micro-batches', async () => {
    const whole = await run(folder.jobFor('whole', { training: { epochs: 1 } }))
    const parts = await run(folder.jobFor('parts', { training: { epochs: 1, microBatchSize: 3 } }))
    for (const step of [1, 5, 10]) {
      const expected = whole.points.get(`train.loss@${step}`)?.value
      expect(parts.points.get(`train.loss@${step}`)?.value).toBeCloseTo(expected ?? Number.NaN, 4)
    }
  })

  it('whose batches have so many tokens gives the same numbers in micro-batches, and after a pause', async () => {
    const training = { batchTokens: 48, checkpointSteps: 3 }
    const whole = await run(folder.jobFor('whole', { training }))
    const rows = [...whole.points.values()].filter(({ name }) => name === 'train.rows')
    const perEpoch = rows.reduce((sum, { value }) => sum + value, 0) / 3
    expect(perEpoch).toBe(80)
    expect(new Set(rows.map(({ value }) => value)).size).toBeGreaterThan(2)
    const job = folder.jobFor('paused', { training })
    const before = await run(job, (points) => (points.has('train.loss@14') ? 'pause' : undefined))
    expect(before.messages.at(-1)?.type).toBe('paused')
    const after = await run({ ...job, resume: true })
    expect(numbers({ ...after, points: new Map([...before.points, ...after.points]) })).toEqual(
      numbers(whole),
    )
    const parts = await run(folder.jobFor('parts', { training: { ...training, microBatchSize: 3 } }))
    const loss = (heard: typeof whole) => heard.points.get(`train.loss@${rows.length}`)?.value
    expect(loss(parts)).toBeCloseTo(loss(whole) ?? Number.NaN, 3)
    const { progress } = whole.messages.findLast((message) => message.type === 'progress') ?? {}
    expect(progress).toMatchObject({ epoch: 3, step: rows.length, steps: rows.length })
  })

  it('without a test split has no test score', async () => {
    const tasks = [
      folder.task(
        'short',
        wordRows().filter(({ split }) => split !== 'test'),
      ),
    ]
    const { result } = await run(folder.jobFor('a', { tasks, training: { epochs: 1 } }))
    expect(result).not.toHaveProperty('test')
  })

  it('stops early where validation no longer improves', async () => {
    const { messages, points } = await run(
      folder.jobFor('patient', { training: { epochs: 50, patience: 2 } }),
    )
    const epochs = [...points.keys()].filter((key) => key.startsWith('validation.accuracy@')).length
    expect(epochs).toBeLessThan(50)
    expect(messages.some((message) => message.type === 'log' && message.text.includes('Stopped early'))).toBe(
      true,
    )
  })

  it('reads the mean of the tokens through one layer as well', async () => {
    const { result } = await run(
      folder.jobFor('mean', { head: { pooling: 'mean', layers: 1 }, training: { epochs: 12 } }),
    )
    expect(result?.test?.accuracy).toBeGreaterThan(0.9)
  })

  it('that diverges ends with the step and the learning rate', async () => {
    const job = folder.jobFor('wild', { options: { scaling: 3e38 } })
    await expect(run(job)).rejects.toThrow(/at step 1 .* learning rate 0\.00.*lower learning rate/)
  })

  it('refuses more tokens than the model has positions', async () => {
    await expect(run(folder.jobFor('long', { training: { maximumLength: 100 } }))).rejects.toThrow(
      /100 tokens.*64 positions/,
    )
  })
})

describe('a run that was interrupted', () => {
  const options = { options: { dropout: 0.2 }, head: { dropout: 0.1 } }

  it.each([
    [
      'paused in the middle of an epoch',
      (points: Map<string, MetricPoint>) => (points.has('train.loss@14') ? 'pause' : undefined),
      'paused',
    ],
    [
      'stopped after an epoch',
      (points: Map<string, MetricPoint>) => (points.has('validation.accuracy@10') ? 'stop' : undefined),
      'stopped',
    ],
  ] as const)('%s ends as if it had not been', async (_what, until, ending) => {
    const whole = await run(folder.jobFor('whole', options))
    const job = folder.jobFor('parted', options)
    const first = await run(job, until)
    expect(first.messages.at(-1)?.type).toBe(ending)
    expect(first.result).toBeUndefined()
    const second = await run({ ...job, resume: true })
    const together = { ...second, points: new Map([...first.points, ...second.points]) }
    expect(numbers(together)).toEqual(numbers(whole))
  })

  it('by losing what came after its checkpoint ends the same, and tells those metrics again', async () => {
    const whole = await run(folder.jobFor('whole', options))
    const job = folder.jobFor('killed', options)
    await run(job, (points) => (points.has('train.loss@12') ? 'stop' : undefined))
    // The workbench heard nothing since the checkpoint before.
    const second = await run({ ...job, resume: true })
    expect(second.points.has('train.loss@12')).toBe(true)
    expect(numbers(second).result).toEqual(numbers(whole).result)
  })

  it('begins anew where no checkpoint was written yet', async () => {
    const { result } = await run({ ...folder.jobFor('fresh', { training: { epochs: 1 } }), resume: true })
    expect(result?.best.epoch).toBe(1)
  })

  it('refuses a checkpoint of other parameters', async () => {
    const job = folder.jobFor('changed', { training: { epochs: 1 } })
    await run(job)
    const other = { ...folder.jobFor('changed', { options: { reduction_factor: 8 } }), resume: true }
    await expect(run(other)).rejects.toThrow(/other parameters/)
  })

  it('leaves no half-written checkpoint behind', async () => {
    const job = folder.jobFor('whole')
    await run(job)
    expect(existsSync(join(job.runFolder, 'best.safetensors'))).toBe(true)
    expect(readFileSync(join(job.runFolder, 'latest.safetensors')).length).toBeGreaterThan(1000)
  })
})

describe('prediction', () => {
  it('classifies texts with the best checkpoint', async () => {
    const job = folder.jobFor('a')
    await run(job)
    const texts = [{ text: 'a good thing' }, { text: 'the bad of it' }]
    const predictions = await predict({ ...job, texts, task: 0, active: 'all' })
    expect(predictions.map(({ scores: [no = 0, yes = 0] }) => yes > no)).toEqual([true, false])
    expect(predictions.map(({ task }) => task)).toEqual([0, 0])
    expect(predictions[0]?.scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 6)
  })

  it('says that a run has no checkpoint yet', async () => {
    const job = { ...folder.jobFor('none'), texts: [{ text: 'good' }], task: 0, active: 'all' }
    await expect(predict(job)).rejects.toThrow(/not finished an epoch/)
  })
})
