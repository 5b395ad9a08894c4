import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { assetsFolder } from '../../../main/assets.ts'
import { loadTokenizer, type Tokenizer } from '../../../main/data/tokenizer.ts'
import { createOnnxRuntimeEngine } from '../../../main/engines/onnxruntime.ts'
import { openCheckpoint, type Checkpoint } from '../../../main/models/checkpoint/index.ts'
import { loadBackbone, writeWeightFile } from '../../../main/models/weights.ts'
import {
  measureForgetting,
  readHeldOutTexts,
  type ForgettingOptions,
} from '../../../main/training/forgetting.ts'
import { makeModelFolder } from '../../fixtures/tiny-model.ts'
import { makeTrainingFolder, run } from '../../fixtures/training-run.ts'

let scratch: string
const opened: Checkpoint[] = []
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'workbench-forgetting-'))
})
afterAll(async () => {
  for (const checkpoint of opened) await checkpoint.close()
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 })
})

async function optionsFor(
  folder: string,
  texts: readonly string[],
  tokenizer?: Tokenizer,
): Promise<ForgettingOptions> {
  const checkpoint = await openCheckpoint(folder)
  opened.push(checkpoint)
  const backbone = await loadBackbone(checkpoint)
  return {
    engine: createOnnxRuntimeEngine({ threads: 1 }),
    backbone,
    weights: await writeWeightFile(backbone, scratch),
    tokenizer: tokenizer ?? (await loadTokenizer(folder)),
    texts,
    trained: new Map(),
  }
}

describe('measureForgetting', () => {
  let texts: string[]
  let starter: ForgettingOptions
  beforeAll(async () => {
    texts = (await readHeldOutTexts(join(assetsFolder(), 'held-out.txt'))).slice(0, 24)
    starter = await optionsFor(join(assetsFolder(), 'starter'), texts)
  })

  it('asks the shipped encoder for 15 % of the tokens, of which it knows a good part', async () => {
    const result = await measureForgetting(starter)
    const { tokenizer } = starter
    const words = texts.reduce((total, text) => total + tokenizer.tokens(text).length, 0)
    expect(result?.tokens).toBeGreaterThan(0.13 * words)
    expect(result?.tokens).toBeLessThan(0.17 * words)
    // Guessing evenly among its 8,192 tokens costs ln 8192 = 9.01.
    expect(result?.before).toBeGreaterThan(1)
    expect(result?.before).toBeLessThan(5)
  })

  it('says of a frozen backbone that nothing changed, exactly', async () => {
    const result = await measureForgetting(starter)
    expect(result?.after).toBe(result?.before)
  })

  it('gives the same numbers each time, and the same before whatever was trained', async () => {
    const first = await measureForgetting(starter)
    const bias = 'encoder.layer.0.output.dense.bias'
    const values = await starter.backbone.tensors.get(bias)?.read()
    const same = await measureForgetting({
      ...starter,
      trained: new Map([[bias, values ?? new Float32Array()]]),
    })
    expect(await measureForgetting(starter)).toEqual(first)
    expect(same?.before).toBeCloseTo(first?.before ?? 0, 5)
    expect(same?.after).toBe(same?.before)
  })

  it('notices that trained weights have forgotten the language', async () => {
    const trained = new Map<string, Float32Array>()
    for (const [name, tensor] of starter.backbone.tensors) {
      if (/layer\.[23]\..*dense\.weight$/.test(name))
        trained.set(
          name,
          (await tensor.read()).map((x) => -x),
        )
    }
    const result = await measureForgetting({ ...starter, trained })
    expect(result?.after).toBeGreaterThan((result?.before ?? 0) + 1)
  })

  it('cannot be measured on a checkpoint without a language-model head', async () => {
    const folder = join(scratch, 'no-head')
    await makeModelFolder(folder)
    expect(await measureForgetting(await optionsFor(folder, ['the good thing']))).toBeUndefined()
  })

  it('cannot be measured without a mask token', async () => {
    const { tokenizer } = starter
    const without: Tokenizer = { ...tokenizer, tokens: (text) => [...text] }
    expect(await measureForgetting({ ...starter, tokenizer: without })).toBeUndefined()
  })

  it('asks a causal model for every next token', async () => {
    const folder = join(import.meta.dirname, '../../fixtures/language-models/gpt2')
    const letters: Tokenizer = {
      kind: 'letters',
      file: 'none',
      lowercase: true,
      padTokenId: 0,
      vocabularySize: 23,
      encode: (text, _second, maximumLength) => {
        const ids = [...text].slice(0, maximumLength).map((letter) => letter.charCodeAt(0) % 23)
        return { ids, typeIds: ids.map(() => 0) }
      },
      tokens: (text) => [...text],
    }
    // The model has 12 positions: eleven next tokens of the long text, two of the short one.
    const options = await optionsFor(folder, ['abcdefghijklmnopq', 'xyz', 'a', ''], letters)
    const result = await measureForgetting(options)
    expect(result?.tokens).toBe(13)
    expect(result?.before).toBeGreaterThan(1)
    expect(result?.before).toBeLessThan(6)
  })
})

describe('a run', () => {
  it('says where forgetting could not be measured, and keeps its other results', async () => {
    const folder = await makeTrainingFolder()
    try {
      const job = {
        ...folder.jobFor('a', { training: { epochs: 1 } }),
        heldOutFile: join(scratch, 'gone.txt'),
      }
      const { messages, result } = await run(job)
      expect(result?.test).toBeDefined()
      expect(result?.analysis.forgetting).toBeUndefined()
      const warnings = messages.filter((message) => message.type === 'log' && message.level === 'warning')
      expect(warnings).toContainEqual(
        expect.objectContaining({ text: expect.stringMatching(/Forgetting.*gone\.txt/) }),
      )
    } finally {
      folder.remove()
    }
  })
})

describe('readHeldOutTexts', () => {
  it('takes each line that is not empty', async () => {
    const file = join(scratch, 'texts.txt')
    writeFileSync(file, 'One.\r\n\n  \nTwo.\n')
    expect(await readHeldOutTexts(file)).toEqual(['One.', 'Two.'])
  })

  it('names a file that is missing', async () => {
    await expect(readHeldOutTexts(join(scratch, 'nowhere.txt'))).rejects.toThrow('nowhere.txt')
  })
})
