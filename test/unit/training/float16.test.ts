import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { openEngine } from '../../../main/engines/devices.ts'
import { createOnnxRuntimeEngine } from '../../../main/engines/onnxruntime.ts'
import { Graph } from '../../../main/graph/index.ts'
import { readSafetensors, writeSafetensors } from '../../../main/models/checkpoint/safetensors.ts'
import { latestPath, type Position } from '../../../main/training/checkpoint.ts'
import type { TrainJob } from '../../../main/training/messages.ts'
import { inHalf, toHalf } from '../../fixtures/half-engine.ts'
import {
  makeTrainingFolder,
  numbers,
  run,
  type Heard,
  type Overrides,
  type TrainingFolder,
} from '../../fixtures/training-run.ts'

let folder: TrainingFolder
beforeEach(async () => {
  folder = await makeTrainingFolder()
})
afterEach(() => folder.remove())

const float16 = { backbonePrecision: 'float16' }
const openInHalf: typeof openEngine = async (...choice) => inHalf(await openEngine(...choice))
const runInHalf = (job: TrainJob, until?: Parameters<typeof run>[1]) => run(job, until, openInHalf)

describe('a run on a backbone in half precision', () => {
  it('learns, near what it learns without, and leaves the backbone as it was', async () => {
    const exact = await run(folder.jobFor('exact', { training: { epochs: 8 } }))
    const heard = await run(folder.jobFor('half', { training: { epochs: 8, ...float16 } }))
    expect(heard.result?.test?.accuracy).toBeGreaterThan(0.9)
    expectNear(heard, exact, 5e-3)
    expect(value(heard, 'train.loss@1')).not.toBe(value(exact, 'train.loss@1'))
    const started = startOf(heard)
    expect(started?.backboneHashBefore).toBe(heard.result?.backboneHashAfter)
    expect(started?.environment.precision).toMatch(/stored in half precision and computed with in float32/)
    expect(startOf(exact)?.environment).not.toHaveProperty('precision')
  })

  it('scales no loss where its device computes in float32', async () => {
    const { points } = await run(folder.jobFor('half', { training: { epochs: 1, ...float16 } }))
    expect([...points.keys()].filter((key) => key.startsWith('train.lossScale'))).toEqual([])
  })

  it('ends with an error where the stored weights are no more what they were', async () => {
    const job = folder.jobFor('half', { training: { epochs: 2, ...float16 } })
    let isChanged = false
    const ending = run(job, (points) => {
      if (points.has('train.loss@10') && !isChanged) changeAWeight(job.cacheFolder)
      isChanged ||= points.has('train.loss@10')
      return undefined
    })
    await expect(ending).rejects.toThrow(/frozen backbone changed/)
  })

  it('goes with tensorflow as with onnxruntime', async () => {
    const training = { epochs: 1, ...float16 }
    const reference = await run(folder.jobFor('reference', { training }))
    const engine = { engine: 'tensorflow', device: 'wasm' }
    expectNear(await run(folder.jobFor('half', { training, engine })), reference, 1e-3)
  })

  it.each([
    ['full fine-tuning', { method: 'full', training: float16 }],
    ['unfrozen layers', { training: { ...float16, unfreezeLayers: [0] } }],
  ])('refuses %s, saying why', async (_, overrides) => {
    await expect(run(folder.jobFor('refused', overrides))).rejects.toThrow(
      /float16 is for a backbone whose weights stay as they are/,
    )
  })
})

describe('a run whose products with the backbone are in half precision', () => {
  const cases: [string, Overrides][] = [
    ['adapters', {}],
    ['LoRA', { method: 'lora' }],
    ['prefixes', { method: 'prefix_tuning' }],
    ['layers drawn', { method: 'adapter_drop_robust' }],
    ['micro-batches', { training: { microBatchSize: 3 } }],
    ['nothing kept of the frozen part', { engine: { cacheMegabytes: 0 } }],
  ]

  it.each(cases)('learns near what it learns in float32, with %s', async (_, overrides) => {
    const training = { epochs: 2, ...overrides.training }
    const exact = await run(folder.jobFor('exact', { ...overrides, training }))
    const heard = await runInHalf(
      folder.jobFor('half', { ...overrides, training: { ...training, ...float16 } }),
    )
    expectNear(heard, exact, 0.02)
    expect(value(heard, 'train.lossScale@1')).toBe(2 ** 15)
    expect(startOf(heard)?.environment.precision).toMatch(/products with them in half precision/)
  })

  it('scales no loss where no gradient runs through them', async () => {
    const heard = await runInHalf(
      folder.jobFor('head', { method: 'head', training: { epochs: 1, ...float16 } }),
    )
    expect(value(heard, 'train.loss@1')).toBeGreaterThan(0)
    expect([...heard.points.keys()].filter((key) => key.startsWith('train.lossScale'))).toEqual([])
  })

  it('leaves a step out whose gradients are beyond half precision, and goes on with a smaller scale', async () => {
    const job = await startedAtScale('large', 2 ** 30)
    const heard = await runInHalf({ ...job, resume: true })
    const scales = scalesOf(heard)
    expect(scales[4]).toBe(2 ** 30)
    const skipped = scales.filter((scale, i) => i >= 4 && (scales[i + 1] ?? scale) < scale).length
    expect(skipped).toBeGreaterThan(0)
    expect(textOf(heard)).toContain('was left out')
    // What it learns is what a run learns that began with a scale that fits, a few steps later.
    expect(value(heard, 'validation.loss@30')).toBeLessThan(value(heard, 'validation.loss@10'))
    for (const [key, point] of heard.points) expect(point.value, key).toSatisfy(Number.isFinite)
  })

  it('leaves parameters and moments alone in such a step', async () => {
    const job = await startedAtScale('large', 2 ** 30)
    const before = await checkpointOf(job)
    await runInHalf({ ...job, resume: true }, (points) =>
      points.has('train.lossScale@5') ? 'pause' : undefined,
    )
    const after = await checkpointOf(job)
    expect(after.position.lossScaling?.skipped).toBe(after.position.step - before.position.step)
    expect(after.vectors).toEqual(before.vectors)
  })

  it('begins micro-batches anew after such a step', async () => {
    const job = await startedAtScale('large', 2 ** 30, { microBatchSize: 3 })
    const heard = await runInHalf({ ...job, resume: true })
    expect(textOf(heard)).toContain('was left out')
    expect(value(heard, 'validation.loss@30')).toBeLessThan(value(heard, 'validation.loss@10'))
  })

  it('that was paused goes on with the scale that it had', async () => {
    const training = { epochs: 1, ...float16 }
    const whole = await runInHalf(folder.jobFor('whole', { training }))
    const job = folder.jobFor('paused', { training })
    const before = await runInHalf(job, (points) => (points.has('train.loss@3') ? 'pause' : undefined))
    const after = await runInHalf({ ...job, resume: true })
    const joined: Heard = { ...after, points: new Map([...before.points, ...after.points]) }
    expect(numbers(joined)).toEqual(numbers(whole))
  })

  /** A run that was paused after four steps, and whose loss has the given scale from there on. */
  async function startedAtScale(name: string, scale: number, training = {}): Promise<TrainJob> {
    const job = folder.jobFor(name, { training: { epochs: 3, ...float16, ...training } })
    await runInHalf(job, (points) => (points.has('train.loss@4') ? 'pause' : undefined))
    const { position, vectors } = await checkpointOf(job)
    const changed = { ...position, lossScaling: { ...position.lossScaling, scale } }
    const { layout } = vectors.metadata
    await writeSafetensors(latestPath(job.runFolder), vectors.tensors, {
      position: JSON.stringify(changed),
      layout: layout ?? '',
    })
    return job
  }
})

async function checkpointOf({ runFolder }: TrainJob) {
  const file = await readSafetensors(latestPath(runFolder))
  try {
    const tensors = []
    for (const { name, shape } of file.tensors.values())
      tensors.push({ name, shape, data: await file.read(name) })
    const { metadata } = file
    const position = JSON.parse(metadata['position'] ?? '') as Position
    return { position, vectors: { tensors, metadata: { layout: metadata['layout'] } } }
  } finally {
    await file.close()
  }
}

/** Turns a bit of a half-precision weight over, as a defect disk may. */
function changeAWeight(cacheFolder: string): void {
  const name = readdirSync(cacheFolder).find((file) => file.endsWith('.float16.bin'))
  const path = join(cacheFolder, name ?? '')
  const bytes = readFileSync(path)
  bytes[0] = (bytes[0] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

describe('arithmetic that rounds to half precision', () => {
  it('gives what the hardware’s type gives', async () => {
    const values = Float32Array.of(0.1, -3.14159, 1e-6, -3e-8, 1e-9, 6.1e-5, 60001, 70000, -1e9, 0)
    const graph = new Graph()
    graph.output('y', toHalf(graph.input('x', 'float32', ['n'])))
    const compiled = await createOnnxRuntimeEngine({ threads: 1 }).compile(graph)
    const { y } = await compiled.run({ x: { data: values, shape: [values.length] } }, ['y'])
    expect([...(y?.data ?? [])].map((number) => Number(number) + 0)).toEqual(
      [...new Float16Array(values)].map((number) => number + 0),
    )
    await compiled.dispose()
  })
})

function startOf({ messages }: Heard) {
  return messages.find((message) => message.type === 'started')
}

function value({ points }: Heard, key: string): number {
  return points.get(key)?.value ?? Number.NaN
}

function textOf({ messages }: Heard): string {
  return messages.flatMap((message) => (message.type === 'log' ? [message.text] : [])).join('\n')
}

function scalesOf({ points }: Heard): number[] {
  return [...points.values()]
    .filter(({ name }) => name === 'train.lossScale')
    .sort((a, b) => a.step - b.step)
    .map((point) => point.value)
}

function expectNear(found: Heard, exact: Heard, tolerance: number): void {
  const losses = [...exact.points].filter(([key]) => /^train\.loss@/.test(key))
  expect(losses.length).toBeGreaterThan(5)
  const far = losses.map(([key, point]) => Math.abs(value(found, key) - point.value))
  expect(Math.max(...far)).toBeLessThan(tolerance)
}
