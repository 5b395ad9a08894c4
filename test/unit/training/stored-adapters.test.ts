import { describe, expect, it } from 'vitest'

import { readSafetensors } from '../../../main/models/checkpoint/safetensors.ts'
import type { JobAdapter } from '../../../main/training/messages.ts'
import { predict } from '../../../main/training/predict.ts'
import { prepare } from '../../../main/training/prepare.ts'
import {
  numbers,
  run,
  trainingFolderForEachTest,
  wordRows,
  type Overrides,
} from '../../fixtures/training-run.ts'

const folder = trainingFolderForEachTest()

const options = { reduction_factor: 4 }

/** Trains an adapter and gives it as another run may take it. */
async function trained(
  name: string,
  words: [string, string],
  overrides: Overrides = {},
): Promise<JobAdapter> {
  const job = folder.jobFor(name, { options, tasks: [folder.task(name, wordRows(words))], ...overrides })
  const { result } = await run(job)
  const file = result?.parts.find(({ kind }) => kind === 'adapter')?.path ?? ''
  return { id: `id-${name}`, name, method: job.config.method, file }
}

async function twoAdapters(): Promise<JobAdapter[]> {
  return [await trained('first', ['bad', 'good']), await trained('second', ['thing', 'it'])]
}

describe('an adapter that a run leaves', () => {
  it('is a file of its own with the adapter’s parameters and nothing else', async () => {
    const { result } = await run(folder.jobFor('a', { options }))
    expect(result?.parts.map(({ kind }) => kind)).toEqual(['adapter', 'head'])
    const [adapter] = result?.parts ?? []
    const file = await readSafetensors(adapter?.path ?? '')
    const names = [...file.tensors.keys()]
    expect(names).toContain('encoder.layer.1.output.adapters.run.adapter_up.weight')
    expect(names.every((name) => name.includes('.adapters.run.'))).toBe(true)
    expect(adapter?.parameters).toBe(2 * (32 * 8 * 2 + 32 + 8))
    await file.close()
  })
})

describe('adapters that a run of several tasks leaves', () => {
  it.each(['parallel', 'task_drop', 'masked'])(
    'by %s are one for each task, which others can be built on',
    async (method) => {
      const tasks = [
        folder.task('one', wordRows(['bad', 'good'])),
        folder.task('two', wordRows(['thing', 'it'])),
      ]
      const { result } = await run(folder.jobFor(method, { method, options, tasks, training: { epochs: 1 } }))
      const left = result?.parts.filter(({ kind }) => kind === 'adapter') ?? []
      expect(left.map(({ task }) => task)).toEqual([0, 1])
      const adapters = left.map(({ path, method: own }, i): JobAdapter => {
        expect(own?.name).toBe('seq_bn')
        return { id: `${i}`, name: `task${i}`, method: own ?? { name: '', options: {} }, file: path }
      })
      const job = folder.jobFor('mean', { method: 'fusion_mean', adapters, training: { epochs: 1 } })
      expect((await run(job)).result?.test?.accuracy).toBeGreaterThan(0.4)
    },
  )
})

describe('an adapter on top of others, and an average of them', () => {
  it.each(['stack', 'average_parameters'])('by %s is left as an adapter of its own', async (method) => {
    const adapters = await twoAdapters()
    const { result } = await run(folder.jobFor(method, { method, adapters, training: { epochs: 1 } }))
    const [left] = result?.parts ?? []
    expect(left).toMatchObject({ kind: 'adapter', method: { name: 'seq_bn' } })
    const again: JobAdapter = {
      id: 'x',
      name: 'again',
      method: left?.method ?? { name: '', options: {} },
      file: left?.path ?? '',
    }
    const job = folder.jobFor('again', { method: 'stack', adapters: [again], training: { epochs: 1 } })
    expect((await run(job)).result?.parts).toHaveLength(2)
  })
})

describe('a fusion of trained adapters', () => {
  const fused = { method: 'fusion', training: { epochs: 14 } }

  it('leaves them as they are, learns, and says what it listens to', async () => {
    const adapters = await twoAdapters()
    const job = folder.jobFor('fused', { ...fused, adapters })
    const { result } = await run(job)
    expect(result?.test?.accuracy).toBeGreaterThan(0.9)
    expect(result?.parts.map(({ kind }) => kind)).toEqual(['fusion', 'head'])
    const prepared = await prepare(job)
    for (const { name, file: path } of adapters) {
      const file = await readSafetensors(path)
      const stored = await file.read('encoder.layer.0.output.adapters.run.adapter_up.weight')
      const used = prepared.model.constants.get(`encoder.layer.0.output.adapters.${name}.adapter_up.weight`)
      expect(used?.data).toEqual(stored)
      await file.close()
    }
    await prepared.checkpoint.close()
    const fusion = result?.analysis.fusion
    expect(fusion?.adapters).toEqual(['first', 'second'])
    expect(fusion?.weights.map(({ layer, place }) => [layer, place])).toEqual([
      [0, 'output'],
      [1, 'output'],
    ])
    for (const { weights } of fusion?.weights ?? []) {
      expect(weights.length).toBe(2)
      expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5)
    }
    expect(fusion?.trainingWeights?.length).toBe(2)
    const [whole, one, ...others] = fusion?.pruned ?? []
    expect([whole?.kept, one?.kept, others]).toEqual([2, 1, []])
    expect(whole?.scores).toEqual(result?.validation)
    expect(whole?.forwardFlops).toBe(result?.analysis.cost?.forwardFlops)
    expect(one?.forwardFlops).toBeLessThan(whole?.forwardFlops ?? 0)
    for (const point of [whole, one]) expect(point?.msPerExample).toBeGreaterThan(0)
  })

  it('predicts with the adapters that each layer listens to most, or with those named', async () => {
    const adapters = await twoAdapters()
    const job = folder.jobFor('asked', { ...fused, adapters })
    const { result } = await run(job)
    const fusion = result?.analysis.fusion ?? { adapters: [], weights: [], pruned: [] }
    const texts = [{ text: 'a good of' }]
    const answer = async (active: string) => (await predict({ ...job, texts, task: 0, active, fusion }))[0]
    expect(await answer('top2')).toEqual(await answer('all'))
    expect(await answer('first,second')).toEqual(await answer('all'))
    const strongest = (fusion.trainingWeights ?? []).map(({ weights: [first = 0, second = 0] }) =>
      first >= second ? 0 : 1,
    )
    const top = await answer('top1')
    expect(top?.scores).not.toEqual((await answer('all'))?.scores)
    expect(top?.fusion?.map(({ weights }) => weights)).toEqual(
      strongest.map((index) => (index === 0 ? [1, 0] : [0, 1])),
    )
    const named = await answer('second')
    expect(named?.fusion?.map(({ weights }) => weights)).toEqual([
      [0, 1],
      [0, 1],
    ])
    await expect(answer('third')).rejects.toThrow(/no fused adapter "third".*first, second/)
    await expect(answer('own')).rejects.toThrow(/no fused adapter "own"/)
    await expect(answer('top3')).rejects.toThrow(/3 of 2 fused adapters/)
  })

  it('gives the same numbers after a pause, and predicts', async () => {
    const adapters = await twoAdapters()
    const whole = await run(folder.jobFor('whole', { ...fused, adapters }))
    const job = folder.jobFor('parted', { ...fused, adapters })
    const first = await run(job, (points) => (points.has('train.loss@25') ? 'pause' : undefined))
    const rest = await run({ ...job, resume: true })
    const together = { ...rest, points: new Map([...first.points, ...rest.points]) }
    expect(numbers(together)).toEqual(numbers(whole))
    const texts = [{ text: 'a good of' }, { text: 'a bad of' }]
    const predictions = await predict({ ...job, texts, task: 0, active: 'all' })
    expect(predictions.map(({ scores: [no = 0, yes = 0] }) => yes > no)).toEqual([true, false])
    for (const { fusion = [] } of predictions) {
      expect(fusion.map(({ layer, place }) => `${layer} ${place}`)).toEqual(['0 output', '1 output'])
      for (const { weights } of fusion)
        expect(weights.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 5)
    }
    // Another text is listened to otherwise.
    expect(predictions[0]?.fusion).not.toEqual(predictions[1]?.fusion)
  })

  it('may go on training them, from what they were', async () => {
    const adapters = await twoAdapters()
    const name = 'encoder.layer.0.output.adapters.first.adapter_up.weight'
    const job = folder.jobFor('open', {
      method: 'fusion',
      options: { train_adapters: true },
      training: { epochs: 1, learningRate: 1e-9 },
      adapters,
    })
    const { result } = await run(job)
    const fusion = await readSafetensors(result?.parts.find(({ kind }) => kind === 'fusion')?.path ?? '')
    const first = await readSafetensors(adapters[0]?.file ?? '')
    const before = await first.read(name.replace('.first.', '.run.'))
    const after = await fusion.read(name)
    after.forEach((value, i) => expect(value).toBeCloseTo(before[i] ?? Number.NaN, 6))
    await fusion.close()
    await first.close()
  })

  it('gives an adapter no weight in layers where it does not sit', async () => {
    const first = await trained('first', ['bad', 'good'], { training: { epochs: 1 } })
    const second = await trained('second', ['thing', 'it'], {
      options: { ...options, leave_out: [0] },
      training: { epochs: 1 },
    })
    const { result } = await run(
      folder.jobFor('part', { method: 'fusion_weights', adapters: [second, first], training: { epochs: 1 } }),
    )
    expect(result?.analysis.fusion?.weights[0]).toEqual({ layer: 0, place: 'output', weights: [0, 1] })
    expect(result?.analysis.fusion?.weights[1]?.weights.every((weight) => weight > 0.3)).toBe(true)
    expect(result?.analysis.fusion?.pruned.map(({ kept }) => kept)).toEqual([2, 1])
  })

  it('by their mean says the same weights for every text', async () => {
    const adapters = await twoAdapters()
    const { result } = await run(
      folder.jobFor('weights', { method: 'fusion_mean', adapters, training: { epochs: 1 } }),
    )
    for (const { weights } of result?.analysis.fusion?.weights ?? []) expect(weights).toEqual([0.5, 0.5])
    expect(result?.analysis.fusion?.weights.length).toBe(2)
  })
})

describe('a stored adapter that does not fit', () => {
  it('because it was trained with other options is refused with its file and tensor', async () => {
    const adapter = await trained('first', ['bad', 'good'], { training: { epochs: 1 } })
    const wrong = { ...adapter, method: { name: 'seq_bn', options: { reduction_factor: 2 } } }
    await expect(run(folder.jobFor('fused', { method: 'fusion', adapters: [wrong] }))).rejects.toThrow(
      /stored adapter "first".*adapter\.safetensors has the shape \[8, 32\].*\[16, 32\]/,
    )
  })

  it('refuse a file that does not hold what its method says, naming the tensor', async () => {
    const adapter = await trained('first', ['bad', 'good'])
    const other = { ...adapter, name: 'other', method: { name: 'double_seq_bn', options } }
    await expect(run(folder.jobFor('fused', { method: 'fusion', adapters: [other] }))).rejects.toThrow(
      /stored adapter "other".*lacks.*attention.output.adapters.run.*one task/,
    )
  })
})
