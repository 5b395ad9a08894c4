import { copyFileSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, it } from 'vitest'
import { z } from 'zod'

import { openCheckpoint } from '../../../main/models/checkpoint/index.ts'
import { writeSafetensors } from '../../../main/models/checkpoint/safetensors.ts'
import { chosenStates, languageModelHead } from '../../../main/models/language-model.ts'
import { loadBackbone } from '../../../main/models/weights.ts'
import { describeWithShared, sharedPath } from '../../shared.ts'
import { runBackbone } from './forward.ts'

const Tensor = z.object({ shape: z.array(z.number()), dtype: z.string(), data: z.base64() })

/** Tensors that the model's authors stored as JSON, by their names. */
function readStored(path: string): Map<string, { shape: number[]; data: Float32Array }> {
  const all = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(path, 'utf8')))
  const tensors = new Map<string, { shape: number[]; data: Float32Array }>()
  for (const [name, value] of Object.entries(all)) {
    const tensor = Tensor.safeParse(value).data
    if (!tensor) continue
    const bytes = Uint8Array.from(Buffer.from(tensor.data, 'base64'))
    tensors.set(name, { shape: tensor.shape, data: new Float32Array(bytes.buffer) })
  }
  return tensors
}

/** `[out, in]` → `[in, out]` */
function transposed({ shape, data }: { shape: number[]; data: Float32Array }) {
  const [rows = 0, columns = 0] = shape
  const values = Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)] ?? 0)
  return { shape: [columns, rows], data: values }
}

/** The authors' own weights as a checkpoint of Hugging Face's names: without causal masks, weights `[in, out]`. */
async function writeCheckpoint(source: string, folder: string): Promise<void> {
  const stored = readStored(join(source, 'gpt-nano-sort-model.json'))
  const tensors = [...stored].flatMap(([name, tensor]) => {
    if (name.endsWith('.attn.bias')) return []
    const isConv1d = /\.(?:c_attn|c_proj|c_fc)\.weight$/.test(name)
    return [{ name, ...(isConv1d ? transposed(tensor) : tensor) }]
  })
  copyFileSync(join(source, 'config.json'), join(folder, 'config.json'))
  await writeSafetensors(join(folder, 'model.safetensors'), tensors)
}

describeWithShared('a trained GPT that sorts', ['checkpoints/gpt_nano_sort'], () => {
  const source = sharedPath('checkpoints/gpt_nano_sort')
  const [batch, sequence, hidden] = [3, 11, 48]

  it('gives the hidden states and scores that its authors stored', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sort-'))
    await writeCheckpoint(source, folder)
    const activations = readStored(join(source, 'gpt-nano-sort-t0-partials.json'))
    const stored = (name: string) => [...(activations.get(name)?.data ?? [])]
    const ids = stored('idx')
    const rows = Array.from({ length: batch }, (_, row) => ids.slice(row * sequence, (row + 1) * sequence))
    // Every position of every example, batch-major as stored.
    const everywhere = Int32Array.from(ids, (_, i) => (i % sequence) * batch + Math.floor(i / sequence))
    const [outputs] = await runBackbone(
      folder,
      (backbone) => (states, parameter, inputs) => {
        const head = languageModelHead(backbone)
        if (!head) throw new Error('the checkpoint has no language-model head')
        const all = inputs.ids.graph.input('rows', 'int32', ['rows'])
        const chosen = states.map((state) => chosenStates(state, all))
        const [embeddings, first, second, last] = chosen
        if (!embeddings || !first || !second || !last) throw new Error('it has three layers')
        return {
          x: embeddings,
          block0: first,
          block1: second,
          ln_f: last,
          lm_head: head.logits({ parameter }, last),
        }
      },
      [
        {
          batch: { ids: rows, mask: rows.map((row) => row.map(() => 1)) },
          more: { rows: { data: everywhere, shape: [everywhere.length] } },
        },
      ],
    )
    for (const name of ['x', 'block0', 'block1', 'ln_f', 'lm_head']) {
      const expected = stored(name)
      expect(expected).toHaveLength(batch * sequence * (name === 'lm_head' ? 3 : hidden))
      const computed = outputs?.[name] ?? new Float32Array()
      const worst = expected.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - (computed[i] ?? NaN))),
        0,
      )
      expect(worst, name).toBeLessThan(2e-5)
    }
  })
  it('is not loaded from the converted file, which lacks a bias', async () => {
    const checkpoint = await openCheckpoint(source)
    await expect(loadBackbone(checkpoint)).rejects.toThrow(
      'lacks the tensor "h.0.attn.c_attn.bias" (also looked for as "transformer.h.0.attn.c_attn.bias"); ' +
        'expected shape [144]',
    )
    await checkpoint.close()
  })
})
