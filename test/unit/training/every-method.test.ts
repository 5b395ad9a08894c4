import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { describeMethods } from '../../../main/adapters/registry.ts'
import type { JobAdapter } from '../../../main/training/messages.ts'
import {
  makeTrainingFolder,
  numbers,
  run,
  wordRows,
  type TrainingFolder,
} from '../../fixtures/training-run.ts'

let folder: TrainingFolder
let adapters: JobAdapter[]
beforeAll(async () => {
  folder = await makeTrainingFolder()
  adapters = []
  for (const name of ['first', 'second']) {
    const job = folder.jobFor(name, { training: { epochs: 1 } })
    const { result } = await run(job)
    const file = result?.parts.find(({ kind }) => kind === 'adapter')?.path ?? ''
    adapters.push({ id: name, name, method: job.config.method, file })
  }
})
afterAll(() => folder.remove())

/** Methods that change the backbone's own parameters. */
const changing = ['full', 'bitfit']

describe('every method', () => {
  it.each(describeMethods())(
    'trains, pauses and goes on: $name',
    async ({ name, takes, family, learningRate }) => {
      const overrides = {
        method: name,
        training: { epochs: 2, learningRate, batchSize: 16 },
        ...(takes === 'adapters' ? { adapters } : {}),
      }
      const whole = await run(folder.jobFor(`${name}-whole`, overrides))
      const started = whole.messages.find((message) => message.type === 'started')
      expect(whole.result?.backboneHashAfter === started?.backboneHashBefore).toBe(!changing.includes(name))
      expect(whole.result?.tasks.length).toBe(1)
      expect(whole.result?.parts.some(({ kind }) => kind === 'head')).toBe(true)
      expect(whole.result?.parts.some(({ kind }) => kind === 'fusion')).toBe(
        family === 'fusion' && name !== 'fusion_mean',
      )
      expect(whole.result?.analysis.cost?.forwardFlops).toBeGreaterThan(0)

      const job = folder.jobFor(`${name}-parted`, overrides)
      const first = await run(job, (points) => (points.has('train.loss@7') ? 'pause' : undefined))
      expect(first.messages.at(-1)?.type).toBe('paused')
      const rest = await run({ ...job, resume: true })
      const together = { ...rest, points: new Map([...first.points, ...rest.points]) }
      expect(numbers(together)).toEqual(numbers(whole))
    },
  )
})

describe('every method for several tasks', () => {
  it.each(describeMethods().filter(({ manyTasks }) => manyTasks))('trains them: $name', async ({ name }) => {
    const tasks = [folder.task(`${name}-a`, wordRows()), folder.task(`${name}-b`, wordRows(['of', 'it'], 60))]
    const { result } = await run(
      folder.jobFor(`${name}-many`, { method: name, tasks, training: { epochs: 1 } }),
    )
    expect(result?.tasks.map((task) => task.name)).toEqual(tasks.map((task) => task.name))
    expect(Number.isFinite(result?.validation.loss)).toBe(true)
  })
})
