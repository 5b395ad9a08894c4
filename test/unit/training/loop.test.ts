import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { RunConfig, type MetricPoint } from '../../../preload/contract.ts'
import { train, type Control } from '../../../main/training/loop.ts'
import type { FromTrainer, TrainJob, TrainResult } from '../../../main/training/messages.ts'
import { predict } from '../../../main/training/predict.ts'
import { makeModelFolder } from '../../fixtures/tiny-model.ts'

let folder: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'workbench-loop-'))
  await makeModelFolder(join(folder, 'model'))
  mkdirSync(join(folder, 'cache'))
  writeFileSync(
    join(folder, 'rows.jsonl'),
    rows()
      .map((row) => `${JSON.stringify(row)}\n`)
      .join(''),
  )
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Texts whose class is which of two words they hold: learnable by anything that looks at the text. */
function rows() {
  const filler = ['the', 'a', 'of', 'in', 'and', 'to']
  return Array.from({ length: 120 }, (_, i) => {
    const good = i % 2 === 0
    const words = Array.from({ length: 3 + (i % 5) }, (_, j) => filler[(i * 7 + j * 3) % filler.length])
    words.splice(i % 3, 0, good ? 'good' : 'bad')
    const split = i < 80 ? 'train' : i < 100 ? 'validation' : 'test'
    return { split, text: words.join(' '), label: good ? 'yes' : 'no' }
  })
}

type Overrides = {
  method?: string
  options?: Record<string, unknown>
  training?: Record<string, unknown>
  head?: Record<string, unknown>
}

function jobFor(
  name: string,
  { method = 'seq_bn', options = {}, training = {}, head = {} }: Overrides = {},
): TrainJob {
  const runFolder = join(folder, name)
  mkdirSync(runFolder, { recursive: true })
  return {
    runId: name,
    config: RunConfig.parse({
      modelId: 'tiny',
      datasetId: 'words',
      method: {
        name: method,
        options: { ...(method === 'seq_bn' ? { reduction_factor: 4 } : {}), ...options },
      },
      head,
      training: {
        epochs: 3,
        batchSize: 8,
        learningRate: 5e-3,
        maximumLength: 16,
        checkpointSteps: 4,
        ...training,
      },
      engine: { threads: 1 },
    }),
    modelFolder: join(folder, 'model'),
    tasks: [
      { datasetId: 'words', name: 'words', datasetFile: join(folder, 'rows.jsonl'), labels: ['no', 'yes'] },
    ],
    adapters: [],
    runFolder,
    cacheFolder: join(folder, 'cache'),
    resume: false,
  }
}

interface Heard {
  messages: FromTrainer[]
  points: Map<string, MetricPoint>
  result: TrainResult | undefined
}

/** Runs a job, asking it to end as soon as `until` is true of what was heard. */
async function run(
  job: TrainJob,
  until?: (points: Map<string, MetricPoint>) => 'pause' | 'stop' | undefined,
): Promise<Heard> {
  const control: Control = { requested: undefined }
  const heard: Heard = { messages: [], points: new Map(), result: undefined }
  await train(
    job,
    (message) => {
      heard.messages.push(message)
      if (message.type === 'metrics') {
        for (const point of message.points) heard.points.set(`${point.name}@${point.step}`, point)
      }
      if (message.type === 'finished') heard.result = message.result
      control.requested ??= until?.(heard.points)
    },
    control,
  )
  return heard
}

/** Everything that must not depend on how fast or in how many sittings a run was made. */
function numbers({ points, result }: Heard) {
  const kept = [...points].filter(([key]) =>
    /^(train\.(loss|learningRate|gradientNorm)|validation|test)/.test(key),
  )
  return {
    points: kept.map(([key, { value }]) => [key, value]).sort(),
    result: result && withoutTimes(result),
  }
}

function withoutTimes({ analysis, parts, ...result }: TrainResult) {
  const dropCurve = analysis.dropCurve?.map((point) => ({ ...point, msPerExample: 0 }))
  return {
    ...result,
    ...{ examplesPerSecond: 0, stepMs: 0, peakRssBytes: 0, seconds: 0 },
    analysis: { ...analysis, dropCurve },
    parts: parts.map(({ path, ...part }) => ({ ...part, file: basename(path) })),
  }
}

describe('a run', () => {
  it('learns, and says what came of it', async () => {
    const { messages, points, result } = await run(jobFor('a', { training: { epochs: 8 } }))
    expect(messages.map(({ type }) => type)).toContain('started')
    expect(result?.test?.accuracy).toBeGreaterThan(0.9)
    expect(result?.best.value).toBe(result?.validation.accuracy)
    expect(result?.confusion.map(({ split }) => split)).toEqual(['validation', 'test'])
    expect(points.get('train.loss@30')?.value).toBeLessThan(points.get('train.loss@1')?.value ?? 0)
    expect(messages.at(-1)?.type).toBe('finished')
  })

  it.each(['head', 'double_seq_bn', 'par_bn'])('of %s leaves the backbone as it was', async (method) => {
    const { messages, result } = await run(jobFor(method, { method, training: { epochs: 1 } }))
    const started = messages.find((message) => message.type === 'started')
    expect(started?.backboneHashBefore).toBe(result?.backboneHashAfter)
  })

  it('of all parameters changes the backbone, and says so', async () => {
    const { messages, result } = await run(
      jobFor('full', { method: 'full', training: { epochs: 1, learningRate: 1e-3 } }),
    )
    const started = messages.find((message) => message.type === 'started')
    expect(started?.backboneHashBefore).not.toBe(result?.backboneHashAfter)
  })

  it('gives the same numbers again with the same seed, and others with another', async () => {
    const first = numbers(await run(jobFor('one', { training: { epochs: 1 } })))
    expect(numbers(await run(jobFor('two', { training: { epochs: 1 } })))).toEqual(first)
    expect(numbers(await run(jobFor('three', { training: { epochs: 1, seed: 2 } })))).not.toEqual(first)
  })

  it('gives nearly the same numbers in micro-batches', async () => {
    const whole = await run(jobFor('whole', { training: { epochs: 1 } }))
    const parts = await run(jobFor('parts', { training: { epochs: 1, microBatchSize: 3 } }))
    for (const step of [1, 5, 10]) {
      const expected = whole.points.get(`train.loss@${step}`)?.value
      expect(parts.points.get(`train.loss@${step}`)?.value).toBeCloseTo(expected ?? Number.NaN, 4)
    }
  })

  it('without a test split has no test score', async () => {
    writeFileSync(
      join(folder, 'rows.jsonl'),
      rows()
        .filter(({ split }) => split !== 'test')
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(''),
    )
    const { result } = await run(jobFor('a', { training: { epochs: 1 } }))
    expect(result).not.toHaveProperty('test')
  })

  it('stops early where validation no longer improves', async () => {
    const { messages, points } = await run(jobFor('patient', { training: { epochs: 50, patience: 2 } }))
    const epochs = [...points.keys()].filter((key) => key.startsWith('validation.accuracy@')).length
    expect(epochs).toBeLessThan(50)
    expect(messages.some((message) => message.type === 'log' && message.text.includes('Stopped early'))).toBe(
      true,
    )
  })

  it('reads the mean of the tokens through one layer as well', async () => {
    const { result } = await run(
      jobFor('mean', { head: { pooling: 'mean', layers: 1 }, training: { epochs: 12 } }),
    )
    expect(result?.test?.accuracy).toBeGreaterThan(0.9)
  })

  it('that diverges ends with the step and the learning rate', async () => {
    const job = jobFor('wild', { options: { scaling: 3e38 } })
    await expect(run(job)).rejects.toThrow(/at step 1 .* learning rate 0\.00.*lower learning rate/)
  })

  it('refuses more tokens than the model has positions', async () => {
    await expect(run(jobFor('long', { training: { maximumLength: 100 } }))).rejects.toThrow(
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
    const whole = await run(jobFor('whole', options))
    const job = jobFor('parted', options)
    const first = await run(job, until)
    expect(first.messages.at(-1)?.type).toBe(ending)
    expect(first.result).toBeUndefined()
    const second = await run({ ...job, resume: true })
    const together = { ...second, points: new Map([...first.points, ...second.points]) }
    expect(numbers(together)).toEqual(numbers(whole))
  })

  it('by losing what came after its checkpoint ends the same, and tells those metrics again', async () => {
    const whole = await run(jobFor('whole', options))
    const job = jobFor('killed', options)
    await run(job, (points) => (points.has('train.loss@12') ? 'stop' : undefined))
    // The workbench heard nothing since the checkpoint before.
    const second = await run({ ...job, resume: true })
    expect(second.points.has('train.loss@12')).toBe(true)
    expect(numbers(second).result).toEqual(numbers(whole).result)
  })

  it('begins anew where no checkpoint was written yet', async () => {
    const { result } = await run({ ...jobFor('fresh', { training: { epochs: 1 } }), resume: true })
    expect(result?.best.epoch).toBe(1)
  })

  it('refuses a checkpoint of other parameters', async () => {
    const job = jobFor('changed', { training: { epochs: 1 } })
    await run(job)
    const other = { ...jobFor('changed', { options: { reduction_factor: 8 } }), resume: true }
    await expect(run(other)).rejects.toThrow(/other parameters/)
  })

  it('leaves no half-written checkpoint behind', async () => {
    const job = jobFor('whole')
    await run(job)
    expect(existsSync(join(job.runFolder, 'best.safetensors'))).toBe(true)
    expect(readFileSync(join(job.runFolder, 'latest.safetensors')).length).toBeGreaterThan(1000)
  })
})

describe('prediction', () => {
  it('classifies texts with the best checkpoint', async () => {
    const job = jobFor('a')
    await run(job)
    const texts = [{ text: 'a good thing' }, { text: 'the bad of it' }]
    const predictions = await predict({ ...job, texts, task: 0, active: 'all' })
    expect(predictions.map(({ scores: [no = 0, yes = 0] }) => yes > no)).toEqual([true, false])
    expect(predictions.map(({ task }) => task)).toEqual([0, 0])
    expect(predictions[0]?.scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 6)
  })

  it('says that a run has no checkpoint yet', async () => {
    const job = { ...jobFor('none'), texts: [{ text: 'good' }], task: 0, active: 'all' }
    await expect(predict(job)).rejects.toThrow(/not finished an epoch/)
  })
})
