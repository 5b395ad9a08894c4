import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { loadTokenizer } from '../../../main/data/tokenizer.ts'
import { makeBackboneFolder, type SmallArchitecture } from '../../fixtures/backbone-folders.ts'
import { makeTrainingFolder, run, type Overrides, type TrainingFolder } from '../../fixtures/training-run.ts'

const architectures: SmallArchitecture[] = ['roberta', 'distilbert', 'gpt2']

describe.each(architectures)('a run on %s', (architecture) => {
  let folder: TrainingFolder
  let modelFolder: string
  beforeEach(async () => {
    folder = await makeTrainingFolder()
    modelFolder = join(folder.path, architecture)
    await makeBackboneFolder(modelFolder, architecture)
  })
  afterEach(() => folder.remove())

  const jobFor = (name: string, overrides: Overrides) => ({ ...folder.jobFor(name, overrides), modelFolder })

  it('reads words as tokens', async () => {
    const tokenizer = await loadTokenizer(modelFolder)
    expect(tokenizer.tokens('the good thing')).toHaveLength(3)
  })

  it('learns with adapters on the token that suits it, and leaves the backbone as it was', async () => {
    const { messages, result } = await run(jobFor('adapter', { training: { epochs: 12 } }))
    expect(result?.test?.accuracy).toBeGreaterThan(0.9)
    const started = messages.find((message) => message.type === 'started')
    expect(started?.backboneHashBefore).toBe(result?.backboneHashAfter)
  })

  it.each(['lora', 'full'])('learns with %s', async (method) => {
    const training = { epochs: 12, ...(method === 'full' ? { learningRate: 2e-3 } : {}) }
    const { result } = await run(jobFor(method, { method, training }))
    expect(result?.test?.accuracy).toBeGreaterThan(0.9)
  })

  it('refuses more tokens than it has positions', async () => {
    await expect(run(jobFor('long', { training: { maximumLength: 65 } }))).rejects.toThrow(
      /65 tokens.*64 positions/,
    )
  })
})
