import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { WorkbenchError } from '../../../preload/contract.ts'
import { makeBackboneFolder } from '../../fixtures/backbone-folders.ts'
import { makeTrainingFolder, numbers, run, type TrainingFolder } from '../../fixtures/training-run.ts'

let folder: TrainingFolder
beforeEach(async () => {
  folder = await makeTrainingFolder()
})
afterEach(() => folder.remove())

const int8 = { backbonePrecision: 'int8' }

describe('a run on a backbone of 8 bits', () => {
  it('learns, near what it learns without, and leaves the backbone as it was', async () => {
    const exact = await run(folder.jobFor('exact', { training: { epochs: 8 } }))
    const { messages, points, result } = await run(folder.jobFor('a', { training: { epochs: 8, ...int8 } }))
    expect(result?.test?.accuracy).toBeGreaterThan(0.9)
    const loss = points.get('train.loss@1')?.value ?? Number.NaN
    const exactLoss = exact.points.get('train.loss@1')?.value ?? Number.NaN
    expect(Math.abs(loss - exactLoss)).toBeLessThan(0.02)
    expect(loss).not.toBe(exactLoss)
    const started = messages.find((message) => message.type === 'started')
    expect(started?.backboneHashBefore).toBe(result?.backboneHashAfter)
  })

  it('gives the same numbers again', async () => {
    const first = numbers(await run(folder.jobFor('one', { training: { epochs: 1, ...int8 } })))
    expect(numbers(await run(folder.jobFor('two', { training: { epochs: 1, ...int8 } })))).toEqual(first)
  })

  it.each(['roberta', 'distilbert', 'gpt2'] as const)('begins near float32 on %s', async (architecture) => {
    const modelFolder = join(folder.path, architecture)
    await makeBackboneFolder(modelFolder, architecture)
    const lossOf = async (name: string, precision: object): Promise<number> => {
      const job = folder.jobFor(name, { training: { epochs: 1, ...precision } })
      const { points } = await run({ ...job, modelFolder })
      return points.get('train.loss@1')?.value ?? Number.NaN
    }
    const [exact, rounded] = [await lossOf('exact', {}), await lossOf('rounded', int8)]
    expect(Math.abs(rounded - exact)).toBeLessThan(0.02)
    expect(rounded).not.toBe(exact)
  })

  it.each(['lora', 'bitfit', 'prefix_tuning', 'mam'])('trains %s', async (method) => {
    const { result } = await run(folder.jobFor(method, { method, training: { epochs: 1, ...int8 } }))
    expect(result?.validation.loss).toBeLessThan(2)
  })

  it.each([
    ['full fine-tuning', { method: 'full', training: int8 }],
    ['unfrozen layers', { training: { ...int8, unfreezeLayers: [0] } }],
  ])('refuses %s, saying why', async (_, overrides) => {
    const ending = run(folder.jobFor('refused', overrides))
    await expect(ending).rejects.toThrow(WorkbenchError)
    await expect(ending).rejects.toThrow(/int8 is for a backbone whose weights stay as they are/)
  })
})
