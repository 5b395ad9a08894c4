import { describe, expect, it } from 'vitest'

import { wholeMethod, type Variant } from '../../../main/adapters/method.ts'
import { dropAtRandom } from '../../../main/adapters/task-drop.ts'
import { computeLogits } from '../../../main/training/evaluate.ts'
import { predict } from '../../../main/training/predict.ts'
import { selectedVariant } from '../../../main/training/selection.ts'
import { measured, numbers, run, trainingFolderForEachTest, wordRows } from '../../fixtures/training-run.ts'
import { compute, difference, prepared } from '../../fixtures/computed.ts'
import { tunedPass } from '../../fixtures/tuned-pass.ts'

const folder = trainingFolderForEachTest()

const options = { reduction_factor: 4 }
const short = { epochs: 2 }

function twoTasks() {
  return [
    folder.task('first task', wordRows(['bad', 'good'])),
    folder.task('second', wordRows(['thing', 'it'], 60)),
  ]
}

describe('a task adapter', () => {
  it('that is never dropped is a plain adapter, to the last bit', async () => {
    const plain = await run(folder.jobFor('plain', { options, training: short }))
    const whole = await run(
      folder.jobFor('whole', {
        method: 'task_drop',
        options: { ...options, drop_probability: 0 },
        training: short,
      }),
    )
    expect(measured(whole)).toEqual(measured(plain))
  })

  it('that is always dropped is no adapter: only the head learns', async () => {
    const pass = await tunedPass(
      folder.jobFor('never', { method: 'task_drop', options: { ...options, drop_probability: 1 } }),
    )
    const head = await tunedPass(folder.jobFor('head', { method: 'head' }))
    const draw = pass.prepared.model.method.draw?.(() => Float32Array.of(0.2, 0.9), 2)
    expect(draw?.variant).toEqual({ active: [[], []] })
    expect(await pass.logits({ task: 0, variant: draw?.variant ?? {} })).toEqual(
      await head.logits(wholeMethod),
    )
    expect(new Set((await pass.movedByStep()).map(({ group }) => group))).toEqual(new Set(['head']))
    await pass.close()
    await head.close()
  })

  it('is drawn once for each example, and left out of the graph where no example keeps it', () => {
    // [batch, tasks]: example 0 keeps task 1 only, example 1 none, example 2 task 1 and 2.
    const numbersDrawn = Float32Array.of(0.1, 0.6, 0.2, 0.3, 0.1, 0.4, 0.49, 0.5, 0.9)
    const { variant, feeds } = dropAtRandom(numbersDrawn, 3, 0.5, 2)
    expect(variant.active).toEqual([
      [1, 2],
      [1, 2],
    ])
    const survivors = Object.values(feeds ?? {})[0]
    expect(survivors?.shape).toEqual([3, 3])
    expect([...(survivors?.data ?? [])]).toEqual([0, 1, 0, 0, 0, 0, 0, 1, 1])
  })

  it('that some examples of a batch drop counts for the others alone', async () => {
    const pass = await tunedPass(
      folder.jobFor('mixed', {
        method: 'task_drop',
        options: { ...options, drop_probability: 0.5 },
        training: { learningRate: 1e-30, clipNorm: 0 },
      }),
    )
    pass.start()
    const texts = [11, 12, 5, 6].map((word) => ({
      ids: Int32Array.of(2, word, 3),
      typeIds: new Int32Array(3),
    }))
    const examples = { texts, lengths: new Int32Array(4).fill(3), classes: Int32Array.of(0, 1, 0, 1) }
    const method = pass.prepared.model.method
    // Losses of each example alone, with its adapter and without, are what the batch's loss is made of.
    const lossOf = async (indices: number[], draw: (row: number) => number): Promise<number> => {
      pass.prepared.model.method.draw = () =>
        dropAtRandom(
          Float32Array.from(indices, (_, row) => draw(row)),
          1,
          0.5,
          2,
        )
      const { loss } = await pass.tuning.train(1, 1e-30, examples, {
        task: 0,
        indices: Uint32Array.from(indices),
      })
      return loss
    }
    expect(method.draw).toBeDefined()
    const kept = [await lossOf([0], () => 0.9), await lossOf([2], () => 0.9)]
    const dropped = [await lossOf([1], () => 0.1), await lossOf([3], () => 0.1)]
    const mean = [...kept, ...dropped].reduce((sum, loss) => sum + loss, 0) / 4
    expect(await lossOf([0, 1, 2, 3], (row) => (row % 2 === 0 ? 0.9 : 0.1))).toBeCloseTo(mean, 5)
    await pass.close()
  })
})

describe('the mean over task adapters', () => {
  const rows = (words: number[]) => ({
    texts: words.map((word) => ({ ids: Int32Array.of(2, word, 3), typeIds: new Int32Array(3) })),
    lengths: new Int32Array(words.length).fill(3),
    classes: Int32Array.from(words, (_, i) => i % 2),
  })

  it.each([true, false])('is that of the adapters which each example keeps, gated %s', async (gated) => {
    const pass = await tunedPass(
      folder.jobFor('mixed', {
        method: 'task_drop',
        options: { ...options, drop_probability: 0.5, gated },
        tasks: twoTasks(),
      }),
    )
    const { tuning, prepared } = pass
    pass.start()
    const words = [11, 12, 5, 6]
    // Both, the first, the second, none.
    const kept = [[0, 1], [0], [1], []]
    prepared.model.method.draw = () =>
      dropAtRandom(Float32Array.of(0.9, 0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1), 2, 0.5, 2)
    const { loss } = await tuning.train(1, 1e-30, rows(words), {
      task: 0,
      indices: Uint32Array.of(0, 1, 2, 3),
    })
    let sum = 0
    for (const [row, active] of kept.entries()) {
      const graph = await pass.graph({ task: 0, variant: { active: [active, active] } })
      const alone = rows(words)
      const one = {
        texts: alone.texts.slice(row, row + 1),
        lengths: alone.lengths.slice(row, row + 1),
        classes: alone.classes.slice(row, row + 1),
      }
      sum += (await computeLogits(graph, one, 2, { padId: 0 })).loss
    }
    expect(loss).toBeCloseTo(sum / 4, 5)
    await pass.close()
  })

  it('with equal gates is the plain mean, and with unequal ones is not', async () => {
    const logits = async (name: string, gated: boolean, gate: number): Promise<Float32Array> => {
      const pass = await tunedPass(
        folder.jobFor(name, { method: 'task_drop', options: { ...options, gated }, tasks: twoTasks() }),
      )
      const entry = pass.prepared.model.layout.entries.get('task_gates.run')
      if (entry) pass.parameters.set([gate, 0, gate, 0], entry.offset)
      const result = await pass.logits(wholeMethod)
      await pass.close()
      return result
    }
    const plain = await logits('plain', false, 0)
    const equal = await logits('equal', true, 0)
    equal.forEach((value, i) => expect(value).toBeCloseTo(plain[i] ?? Number.NaN, 5))
    const unequal = await logits('unequal', true, 2)
    expect(unequal.some((value, i) => Math.abs(value - (plain[i] ?? 0)) > 1e-3)).toBe(true)
  })

  it('follows the gates of each layer, and leaves dropped layers to the backbone', async () => {
    const tasks = ['one', 'two']
    const method = prepared('task_drop', options, { tasks })
    const logits = async (variant: Variant, gates: number[]) => {
      const outputs = await compute(method, {
        tasks,
        readings: [{ task: 0, variant }],
        values: (name) => (name.startsWith('task_gates.') ? Float32Array.from(gates) : undefined),
      })
      return outputs['logits']
    }
    const chosen = await logits({ active: [[0], [1], [1]] }, [0, 0, 0, 0, 0, 0])
    expect(difference(await logits({}, [60, -60, -60, 60, -60, 60]), chosen)).toBeLessThan(1e-6)
    const dropped = await logits({ droppedLayers: 2 }, [0, 0, 0, 0, 3, 1])
    expect(difference(dropped, await logits({ active: [[], [], [0, 1]] }, [0, 0, 0, 0, 3, 1]))).toBe(0)
    expect(difference(dropped, await logits({}, [0, 0, 0, 0, 3, 1]))).toBeGreaterThan(1e-4)
  })

  it('keeps in each layer the adapters with the largest gates', async () => {
    const pass = await tunedPass(folder.jobFor('top', { method: 'task_drop', options, tasks: twoTasks() }))
    const { model } = pass.prepared
    const entry = model.layout.entries.get('task_gates.run')
    pass.parameters.set([0.5, 0.1, -1, 2], entry?.offset)
    const variant = selectedVariant({ kind: 'top', count: 1 }, 0, model, pass.parameters)
    expect(variant).toEqual({ active: [[0], [1]] })
    const gates = model.method.gates?.(() => Float32Array.of(0.5, 0.1, -1, 2)) ?? []
    expect(gates.length).toBe(2)
    for (const row of gates) expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 6)
    await pass.close()
  })
})

describe('several tasks with adapters that are dropped at random', () => {
  it('drop the same adapters of the same examples in micro-batches', async () => {
    const settings = { method: 'task_drop', options: { ...options, drop_probability: 0.5 } }
    const losses = async (name: string, microBatchSize?: number): Promise<number[]> => {
      const training = { epochs: 1, ...(microBatchSize ? { microBatchSize } : {}) }
      const { points } = await run(folder.jobFor(name, { ...settings, tasks: twoTasks(), training }))
      return [1, 5, 10].map((step) => points.get(`train.loss@${step}`)?.value ?? Number.NaN)
    }
    const whole = await losses('whole')
    const parts = await losses('parts', 3)
    parts.forEach((loss, i) => expect(loss).toBeCloseTo(whole[i] ?? Number.NaN, 4))
  })

  const overrides = {
    method: 'task_drop',
    options: { ...options, drop_probability: 0.4 },
    training: { epochs: 14 },
  }

  it('are all learned, resume as if they had not stopped, and say what each selection is worth', async () => {
    const whole = await run(folder.jobFor('whole', { ...overrides, tasks: twoTasks() }))
    const job = folder.jobFor('parted', { ...overrides, tasks: twoTasks() })
    const first = await run(job, (points) => (points.has('train.loss@17') ? 'pause' : undefined))
    const rest = await run({ ...job, resume: true })
    const together = { ...rest, points: new Map([...first.points, ...rest.points]) }
    expect(numbers(together)).toEqual(numbers(whole))

    const { result, points } = whole
    expect(result?.tasks.map(({ name }) => name)).toEqual(['first task', 'second'])
    for (const { test } of result?.tasks ?? []) expect(test?.accuracy).toBeGreaterThan(0.9)
    const step = [...points.keys()].find((key) => key.startsWith('validation.first task.accuracy@'))
    expect(step).toBeDefined()
    const selections = result?.analysis.selections ?? []
    expect(new Set(selections.map(({ selection }) => selection))).toEqual(
      new Set(['all', 'own', 'top1', 'confident']),
    )
    expect(selections.filter(({ selection }) => selection === 'all').map(({ scores }) => scores)).toEqual(
      result?.tasks.map(({ validation }) => validation),
    )
    for (const { selection, routed = -1 } of selections) {
      if (selection === 'confident') expect(routed).toBeGreaterThanOrEqual(0)
    }
    expect(result?.parts.map(({ kind, task }) => [kind, task])).toEqual([
      ['adapter', 0],
      ['adapter', 1],
      ['head', 0],
      ['head', 1],
    ])
  })

  it('predict through the task and the adapters that are asked for', async () => {
    const job = folder.jobFor('asked', { ...overrides, tasks: twoTasks() })
    await run(job)
    const texts = [{ text: 'a good of' }]
    const scores = async (active: string, task = 0) => (await predict({ ...job, texts, task, active }))[0]
    expect((await scores('all', 1))?.task).toBe(1)
    expect(await scores('first task,second')).toEqual(await scores('top2'))
    expect(await scores('first task')).toEqual(await scores('own'))
    expect(await scores('first task')).not.toEqual(await scores('second'))
    const confident = await scores('confident')
    const alone = [await scores('own', 0), await scores('own', 1)]
    const best = alone.toSorted((a, b) => Math.max(...(b?.scores ?? [])) - Math.max(...(a?.scores ?? [])))[0]
    expect(confident?.task).toBe(best?.task)
    expect(confident?.scores[0]).toBeCloseTo(best?.scores[0] ?? Number.NaN, 5)
    await expect(scores('third')).rejects.toThrow(/no task "third".*first task, second/)
    await expect(scores('top3')).rejects.toThrow(/3 of 2/)
  })

  it('refuse a selection where there are no task adapters', async () => {
    const job = folder.jobFor('plain', { options, training: { epochs: 1 } })
    await run(job)
    const asked = { ...job, texts: [{ text: 'good' }], task: 0, active: 'top1' }
    await expect(predict(asked)).rejects.toThrow(
      /neither several tasks' adapters nor a fusion that is all of it/,
    )
  })
})
