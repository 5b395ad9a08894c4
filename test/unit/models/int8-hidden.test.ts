import { readFileSync } from 'node:fs'

import { expect, it } from 'vitest'

import { loadTokenizer } from '../../../main/data/tokenizer.ts'
import { describeWithShared, sharedPath } from '../../shared.ts'
import { runBackbone, type TokenBatch } from './forward.ts'

/** The first questions of TREC as one batch. */
async function questions(model: string): Promise<TokenBatch> {
  const tokenizer = await loadTokenizer(model)
  const lines = readFileSync(sharedPath('data/trec/TREC.train'), 'latin1').split('\n').slice(0, 24)
  const texts = lines.map((line) => tokenizer.encode(line.slice(line.indexOf(' ') + 1), undefined, 64).ids)
  const longest = Math.max(...texts.map(({ length }) => length))
  const padded = (of: (ids: ArrayLike<number>, position: number) => number): number[][] =>
    texts.map((ids) => Array.from({ length: longest }, (_, position) => of(ids, position)))
  return {
    ids: padded((ids, position) => ids[position] ?? tokenizer.padTokenId),
    mask: padded((ids, position) => (position < ids.length ? 1 : 0)),
  }
}

/** Of the last hidden states of tokens: how far they are off, by what they are, both as root mean squares. */
async function relativeError(model: string): Promise<number> {
  const batch = await questions(model)
  const states = async (int8: boolean): Promise<Float32Array> => {
    const [outputs] = await runBackbone(
      model,
      () => (hidden) => ({ last: hidden.at(-1) ?? expect.fail('no states') }),
      [{ batch }],
      { int8 },
    )
    return outputs?.last ?? expect.fail('no output')
  }
  const [exact, rounded] = [await states(false), await states(true)]
  const width = exact.length / batch.ids.length / (batch.ids[0]?.length ?? 0)
  let [error, size] = [0, 0]
  exact.forEach((value, i) => {
    const row = Math.floor(i / width)
    const isToken = batch.mask[row % batch.ids.length]?.[Math.floor(row / batch.ids.length)] === 1
    if (!isToken) return
    error += ((rounded[i] ?? Number.NaN) - value) ** 2
    size += value ** 2
  })
  return Math.sqrt(error / size)
}

describeWithShared(
  'the hidden states of a backbone in 8 bits',
  ['checkpoints/starter-encoder', 'checkpoints/minilm-l6', 'data/trec/TREC.train'],
  () => {
    // Measured 0.027 and 0.075; with one scale for each tensor and no balance 0.052 and 0.130.
    it.each([
      ['starter-encoder', 0.04],
      ['minilm-l6', 0.11],
    ])('are near those in float32: %s', async (name, most) => {
      const error = await relativeError(sharedPath(`checkpoints/${name}`))
      expect(error).toBeLessThan(most)
      expect(error).toBeGreaterThan(0)
    })
  },
)
