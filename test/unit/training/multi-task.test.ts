import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { readSafetensors } from '../../../main/models/checkpoint/safetensors.ts'
import type { JobTask } from '../../../main/training/messages.ts'
import { headNames, pathNames } from '../../../main/training/task-paths.ts'
import {
  makeTrainingFolder,
  numbers,
  run,
  wordRows,
  type TrainingFolder,
} from '../../fixtures/training-run.ts'
import { tunedPass } from '../../fixtures/tuned-pass.ts'

let folder: TrainingFolder
let tasks: JobTask[]
beforeEach(async () => {
  folder = await makeTrainingFolder()
  tasks = [folder.task('one', wordRows(['bad', 'good'])), folder.task('two/2', wordRows(['thing', 'it'], 60))]
})
afterEach(() => folder.remove())

describe('a run of several tasks', () => {
  const overrides = { method: 'parallel', options: { reduction_factor: 4 }, training: { epochs: 10 } }

  it('learns them all and reports each and their mean', async () => {
    const { result, points } = await run(folder.jobFor('both', { ...overrides, tasks }))
    const [one, two] = result?.tasks ?? []
    expect(one?.name).toBe('one')
    expect(two?.name).toBe('two/2')
    expect(one?.test?.accuracy).toBeGreaterThan(0.9)
    expect(two?.test?.accuracy).toBeGreaterThan(0.9)
    expect(result?.test?.loss).toBeCloseTo(((one?.test?.loss ?? 0) + (two?.test?.loss ?? 0)) / 2, 6)
    expect(result?.confusion).toEqual(one?.confusion)
    const step = 10 * (10 + 5)
    const value = (name: string): number => points.get(`${name}@${step}`)?.value ?? Number.NaN
    expect(value('validation.accuracy')).toBeCloseTo(
      (value('validation.one.accuracy') + value('validation.two/2.accuracy')) / 2,
      6,
    )
    expect(value('test.loss')).toBe(result?.test?.loss)
    expect(value('test.two/2.loss')).toBe(two?.test?.loss)
  })

  it('keeps each head in a file of its own', async () => {
    const { result } = await run(folder.jobFor('both', { ...overrides, tasks, training: { epochs: 1 } }))
    const heads = result?.parts.filter(({ kind }) => kind === 'head') ?? []
    expect(heads.map(({ task }) => task)).toEqual([0, 1])
    for (const { path, parameters, bytes } of heads) {
      const file = await readSafetensors(path)
      expect([...file.tensors.keys()].every((name) => /^heads\.run_(one|two_2)\./.test(name))).toBe(true)
      expect(parameters).toBe(32 * 32 + 32 + 32 * 2 + 2)
      expect(bytes).toBeGreaterThan(parameters * 4)
      await file.close()
    }
  })

  it('paused while it looks back at what it learned ends as if it had not been', async () => {
    const selecting = { ...overrides, method: 'task_drop', training: { epochs: 3 }, tasks }
    const whole = await run(folder.jobFor('whole', selecting))
    const job = folder.jobFor('parted', selecting)
    const first = await run(job, (_points, message) =>
      message.type === 'log' && message.text.startsWith('Test accuracy') ? 'pause' : undefined,
    )
    expect(first.messages.at(-1)?.type).toBe('paused')
    const rest = await run({ ...job, resume: true })
    const together = { ...rest, points: new Map([...first.points, ...rest.points]) }
    expect(numbers(together)).toEqual(numbers(whole))
  })

  it('takes the first step of a head that is trained late as its first', async () => {
    const job = folder.jobFor('late', { method: 'parallel', tasks })
    const { prepared, tuning, parameters, close } = await tunedPass(job)
    const size = parameters.length
    tuning.start({ parameters, moment1: new Float32Array(size), moment2: new Float32Array(size) })
    const texts = [11, 12, 5, 6].map((word) => ({
      ids: Int32Array.of(2, word, 3),
      typeIds: new Int32Array(3),
    }))
    const examples = { texts, lengths: new Int32Array(4).fill(3), classes: Int32Array.of(0, 1, 0, 1) }
    const indices = Uint32Array.of(0, 1, 2, 3)
    for (let step = 1; step <= 40; step++) await tuning.train(step, 1e-3, examples, { task: 0, indices })
    const { parameters: before } = await tuning.vectors()
    await tuning.train(41, 1e-3, examples, { task: 1, indices })
    const { parameters: after } = await tuning.vectors()
    const bias = prepared.model.layout.entries.get('heads.run_two_2.4.bias')
    // Adam's first step has the size of the learning rate, whatever the gradient's.
    for (let i = 0; i < 2; i++) {
      const at = (bias?.offset ?? 0) + i
      expect(Math.abs((after[at] ?? 0) - (before[at] ?? 0))).toBeCloseTo(1e-3, 4)
    }
    expect(tuning.parameterSteps.toSorted((a, b) => a - b).at(-1)).toBe(40)
    await close()
  })
})

describe('names of tasks in parameters', () => {
  const named = (...names: string[]) => names.map((name) => ({ name }))

  it('are the run’s own where there is one task', () => {
    expect(headNames(named('anything at all'))).toEqual(['run'])
  })

  it('hold no dots or spaces, and are told apart', () => {
    expect(pathNames(named('a b', 'a.b', 'Größe', 'a_b_2'))).toEqual(['a_b', 'a_b_2', 'Größe', 'a_b_2_2'])
    expect(headNames(named('x', 'y'))).toEqual(['run_x', 'run_y'])
  })
})
