import { describe, expect, it } from 'vitest'

import { readSafetensors } from '../../../main/models/checkpoint/safetensors.ts'
import type { JobAdapter, JobBeginning, TrainedPart } from '../../../main/training/messages.ts'
import { run, trainingFolderForEachTest, wordRows, type Overrides } from '../../fixtures/training-run.ts'

const folder = trainingFolderForEachTest()

const options = { reduction_factor: 4 }
const short = { epochs: 1 }
/** A run so slow that it ends where it began. */
const still = { epochs: 1, learningRate: 1e-9 }

const twoTasks = () => [
  folder.task('one', wordRows(['bad', 'good'])),
  folder.task('two', wordRows(['thing', 'it'])),
]

async function parts(name: string, overrides: Overrides): Promise<TrainedPart[]> {
  return (await run(folder.jobFor(name, overrides))).result?.parts ?? []
}

const fileOf = (left: readonly TrainedPart[], kind: TrainedPart['kind'], task?: number): string =>
  left.find((part) => part.kind === kind && (task === undefined || part.task === task))?.path ?? ''

async function trained(name: string, overrides: Overrides = {}): Promise<JobAdapter> {
  const { method = 'seq_bn', options: own = options } = overrides
  const left = await parts(name, { training: short, ...overrides, options: own })
  const choice = { name: method, options: own }
  return { id: `id-${name}`, name, method: choice, file: fileOf(left, 'adapter') }
}

/** Values of a file in its order, whatever their names. */
async function values(path: string): Promise<number[]> {
  const file = await readSafetensors(path)
  const all: number[] = []
  for (const name of file.tensors.keys()) all.push(...(await file.read(name)))
  await file.close()
  return all
}

async function expectSameValues(one: string, other: string): Promise<void> {
  const [own, others] = [await values(one), await values(other)]
  expect(own.length).toBe(others.length)
  expect(own.length).toBeGreaterThan(0)
  const apart = own.reduce((most, value, i) => Math.max(most, Math.abs(value - (others[i] ?? Number.NaN))), 0)
  expect(apart).toBeLessThan(1e-6)
}

describe('task adapters that begin with stored ones', () => {
  it.each(['parallel', 'task_drop', 'masked'])(
    'by %s have their values, in the order of the tasks',
    async (method) => {
      const adapters = [await trained('second', { training: { epochs: 2 } }), await trained('first')]
      const left = await parts('both', { method, options, adapters, tasks: twoTasks(), training: still })
      await expectSameValues(fileOf(left, 'adapter', 0), adapters[0]?.file ?? '')
      await expectSameValues(fileOf(left, 'adapter', 1), adapters[1]?.file ?? '')
    },
  )

  it('may differ in what bears on training alone', async () => {
    const adapters = [
      await trained('first', { options: { ...options, dropout: 0.3, init_weights: 'mam_adapter' } }),
    ]
    const left = await parts('one', { method: 'masked', options, adapters, training: still })
    await expectSameValues(fileOf(left, 'adapter'), adapters[0]?.file ?? '')
  })

  it.each<[string, Overrides, RegExp]>([
    [
      'another width',
      { options: { reduction_factor: 8 } },
      /"first" .*"reduction_factor" is 8, and 4 here; set it alike/,
    ],
    [
      'another method',
      { method: 'lora', options: {} },
      /"first" .*its method lora is no bottleneck adapter alone/,
    ],
    [
      'an adapter of other places',
      { method: 'seq_bn', options: { ...options, mh_adapter: true } },
      /"first" .*"mh_adapter" is true, and false here/,
    ],
    [
      'an adapter that upper layers alone have',
      { method: 'adapter_drop', options: { ...options, dropped_layers: 1 } },
      /"first" .*it lacks "encoder\.layer\.0\.output\.adapters\.run\.adapter_down/,
    ],
  ])('are refused for %s, with the adapter’s name', async (_, overrides, message) => {
    const adapters = [await trained('first', overrides)]
    await expect(run(folder.jobFor('one', { method: 'parallel', options, adapters }))).rejects.toThrow(
      message,
    )
  })

  it('are refused where there are fewer than tasks', async () => {
    const adapters = [await trained('first')]
    const job = folder.jobFor('both', { method: 'task_drop', options, adapters, tasks: twoTasks() })
    await expect(run(job)).rejects.toThrow(/one trained adapter for each task.*1 for 2 tasks were given/)
  })
})

describe('heads that begin with stored ones', () => {
  const beginning = (file: string, rest: object = {}): JobBeginning => ({
    ...{ kind: 'head', name: 'stored', file, task: 0 },
    ...rest,
  })

  it('have their values, also under another task’s name', async () => {
    const left = await parts('both', { method: 'parallel', options, tasks: twoTasks(), training: short })
    const beginnings = [beginning(fileOf(left, 'head', 1))]
    const one = await parts('one', { beginnings, training: still })
    await expectSameValues(fileOf(one, 'head'), fileOf(left, 'head', 1))
    const swapped = await parts('swapped', {
      ...{ method: 'parallel', options, tasks: twoTasks(), training: still },
      beginnings: [beginning(fileOf(left, 'head', 1)), beginning(fileOf(left, 'head', 0), { task: 1 })],
    })
    await expectSameValues(fileOf(swapped, 'head', 0), fileOf(left, 'head', 1))
    await expectSameValues(fileOf(swapped, 'head', 1), fileOf(left, 'head', 0))
  })

  it('are refused for other layers, classes, pooling and non-linearity, with what differs', async () => {
    const file = fileOf(await parts('left', { training: short }), 'head')
    const starts = (overrides: Overrides, rest: object = {}) =>
      run(folder.jobFor('next', { ...overrides, beginnings: [beginning(file, rest)] }))
    await expect(starts({ head: { layers: 1 } })).rejects.toThrow(
      /stored head "stored" .*it has 2 layers, and head\.layers is 1/,
    )
    const task = { ...folder.task('three', wordRows()), labels: ['no', 'yes', 'perhaps'] }
    await expect(starts({ tasks: [task] })).rejects.toThrow(/it tells 2 classes apart, and the task has 3/)
    const head = { layers: 2, activation: 'tanh', pooling: 'first', dropout: 0 }
    await expect(starts({ head: { pooling: 'mean' } }, { head })).rejects.toThrow(
      /it reads the first token, and head\.pooling says the mean of all tokens/,
    )
    await expect(starts({ head: { activation: 'relu' } }, { head })).rejects.toThrow(
      /between its layers is tanh, and head\.activation is relu/,
    )
  })
})

describe('a fusion that begins with a stored one', () => {
  const fused = (file: string, method: string, own: object = {}): JobBeginning => ({
    ...{ kind: 'fusion', name: 'stored', file, method: { name: method, options: { ...own } } },
  })
  const renamed = (adapters: readonly JobAdapter[]) =>
    adapters.map((adapter) => ({ ...adapter, name: `other_${adapter.name}` }))
  const twoAdapters = async () => [await trained('first'), await trained('second')]

  it.each(['fusion', 'fusion_static', 'fusion_weights'])(
    'by %s has its values, under whatever names the adapters have',
    async (method) => {
      const adapters = await twoAdapters()
      const before = fileOf(await parts('before', { method, adapters, training: short }), 'fusion')
      const after = await parts('after', {
        ...{ method, adapters: renamed(adapters), training: still },
        beginnings: [fused(before, method)],
      })
      await expectSameValues(fileOf(after, 'fusion'), before)
    },
  )

  it('goes on with the adapters that it trained, and is refused where they would stay frozen', async () => {
    const adapters = await twoAdapters()
    const own = { train_adapters: true }
    const shared = { method: 'fusion', adapters: renamed(adapters), training: still }
    const before = fileOf(
      await parts('before', { ...shared, adapters, training: short, options: own }),
      'fusion',
    )
    const beginnings = [fused(before, 'fusion', own)]
    const after = await parts('after', { ...shared, options: own, beginnings })
    await expectSameValues(fileOf(after, 'fusion'), before)
    await expect(run(folder.jobFor('frozen', { ...shared, beginnings }))).rejects.toThrow(
      /stored fusion "stored" .*its adapters were trained with it; set train_adapters=true/,
    )
  })

  it('is refused for another method, other options and another number of adapters', async () => {
    const adapters = await twoAdapters()
    const file = fileOf(await parts('before', { method: 'fusion', adapters, training: short }), 'fusion')
    const starts = (overrides: Overrides) =>
      run(
        folder.jobFor('next', {
          method: 'fusion',
          adapters,
          beginnings: [fused(file, 'fusion')],
          ...overrides,
        }),
      )
    await expect(starts({ method: 'fusion_static' })).rejects.toThrow(
      /trained with the method fusion, and the run's is fusion_static/,
    )
    await expect(starts({ options: { query: false } })).rejects.toThrow(/"query" is true, and false here/)
    await expect(starts({ adapters: adapters.slice(1) })).rejects.toThrow(
      /it weighs 2 adapters, and the run 1/,
    )
  })
})
