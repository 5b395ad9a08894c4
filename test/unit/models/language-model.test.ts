import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { describe, expect, it } from 'vitest'

import { loadTokenizer } from '../../../main/data/tokenizer.ts'
import type { HostTensor } from '../../../main/engines/engine.ts'
import { openCheckpoint } from '../../../main/models/checkpoint/index.ts'
import { chosenStates, languageModelHead } from '../../../main/models/language-model.ts'
import { loadBackbone, type Backbone } from '../../../main/models/weights.ts'
import { describeWithShared, sharedPath } from '../../shared.ts'
import { tinyTensors, writeTinyModel } from './checkpoints.ts'
import { runBackbone, type After, type TokenBatch } from './forward.ts'

const fixtures = fileURLToPath(new URL('../../fixtures/language-models/', import.meta.url))

/** What Hugging Face's transformers computed with the checkpoint that lies beside it. */
interface Expected extends TokenBatch {
  chosen: { example: number; position: number; target: number }[]
  /** Of the first example, batch-major. */
  lastHiddenState: number[]
  logits: number[][]
  losses: number[]
}

const int32 = (values: readonly number[]): HostTensor => ({
  data: Int32Array.from(values),
  shape: [values.length],
})

/** Logits and losses at the rows that the inputs `rows` and `targets` name, beside the last hidden state. */
function tokenScores(backbone: Backbone): After {
  return (states, parameter, inputs) => {
    const { graph } = inputs.ids
    const head = languageModelHead(backbone)
    const last = states.at(-1)
    if (!head || !last) throw new Error('the checkpoint has no language-model head')
    const chosen = chosenStates(last, graph.input('rows', 'int32', ['rows']))
    const targets = graph.input('targets', 'int32', ['rows'])
    return {
      last,
      logits: head.logits({ parameter }, chosen),
      losses: head.loss({ parameter }, chosen, targets),
    }
  }
}

async function headOf(folder: string) {
  const checkpoint = await openCheckpoint(folder)
  try {
    const backbone = await loadBackbone(checkpoint)
    return { ...languageModelHead(backbone), backbone }
  } finally {
    await checkpoint.close()
  }
}

describe.each(['bert', 'roberta', 'distilbert', 'gpt2'])('%s', (architecture) => {
  const folder = join(fixtures, architecture)

  it('gives the hidden states, token scores and losses of Hugging Face', async () => {
    const expected: Expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'))
    const batch = expected.ids.length
    const rows = expected.chosen.map(({ example, position }) => position * batch + example)
    const targets = expected.chosen.map(({ target }) => target)
    const [outputs] = await runBackbone(folder, tokenScores, [
      { batch: expected, more: { rows: int32(rows), targets: int32(targets) } },
    ])
    const near = (values: readonly number[]) => values.map((value): unknown => expect.closeTo(value, 4))
    expect([...(outputs?.['logits'] ?? [])]).toEqual(near(expected.logits.flat()))
    expect([...(outputs?.['losses'] ?? [])]).toEqual(near(expected.losses))
    const hidden = 8
    const firstExample = [...(outputs?.['last'] ?? [])].filter((_, i) => Math.floor(i / hidden) % batch === 0)
    expect(firstExample).toEqual(near(expected.lastHiddenState))
  })

  it('has a head whose decoder shares the word embeddings', async () => {
    const { kind, tensors, backbone } = await headOf(folder)
    expect(kind).toBe(architecture === 'gpt2' ? 'causal' : 'masked')
    expect(tensors?.size).toBe(architecture === 'gpt2' ? 0 : 5)
    for (const name of tensors?.keys() ?? []) expect(backbone.tensors.has(name)).toBe(false)
  })
})

describe('languageModelHead', () => {
  it('is not there in a backbone without one, or with part of one', async () => {
    const part = { name: 'cls.predictions.bias', shape: [12], data: new Float32Array(12) }
    for (const more of [[], [part]]) {
      const folder = mkdtempSync(join(tmpdir(), 'head-'))
      await writeTinyModel(folder, [...tinyTensors(), ...more])
      expect((await headOf(folder)).kind).toBeUndefined()
    }
  })
})

describeWithShared(
  'the language-model head of starter-encoder',
  ['checkpoints/starter-encoder', 'data/wikitext2/wiki.valid.tokens'],
  () => {
    const folder = sharedPath('checkpoints/starter-encoder')

    /** Every seventh token of each text masked. */
    const maskedBatch = (ids: readonly number[], mask: number) => {
      const chosen = ids.flatMap((_, i) => (i > 0 && i < ids.length - 1 && i % 7 === 3 ? [i] : []))
      return {
        batch: {
          ids: [ids.map((id, i) => (chosen.includes(i) ? mask : id))],
          mask: [ids.map(() => 1)],
        },
        more: { rows: int32(chosen), targets: int32(chosen.map((i) => ids[i] ?? 0)) },
      }
    }

    it('has the loss on masked words of real text that Hugging Face computes', async () => {
      const tokenizer = await loadTokenizer(folder)
      const mask = tokenizer.encode('[MASK]', undefined, 3).ids[1] ?? 0
      const lines = readFileSync(sharedPath('data/wikitext2/wiki.valid.tokens'), 'utf8').split('\n')
      const texts = lines
        .map((line) => line.trim().replaceAll('<unk>', '[UNK]'))
        .filter(({ length }) => length > 300)
      const batches = texts
        .slice(0, 64)
        .map((text) => maskedBatch(tokenizer.encode(text, undefined, 128).ids, mask))
      const outputs = await runBackbone(folder, tokenScores, batches)
      const losses = outputs.flatMap((output) => [...(output['losses'] ?? [])])
      expect(losses.length).toBe(1076)
      // Old articles are harder than the mixture on which the model card gives 3.79.
      expect(losses.reduce((sum, loss) => sum + loss, 0) / losses.length).toBeCloseTo(5.467425, 3)
    })
  },
)
