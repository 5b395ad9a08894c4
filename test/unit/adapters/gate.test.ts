import { describe, expect, it } from 'vitest'

import { compute, difference, prepared, smallConfigs, threeTexts } from '../../fixtures/computed.ts'

const gated: [method: string, options: object][] = [
  ['seq_bn', { use_gating: true }],
  ['double_seq_bn', { use_gating: true }],
  ['lora', { use_gating: true, output_lora: true }],
  ['ia3', { use_gating: true }],
  ['prefix_tuning_flat', { use_gating: true, shared_gating: false }],
  ['unipelt', {}],
]
const architectures = Object.entries(smallConfigs)

describe('a gate', () => {
  it.each(
    gated.flatMap(([method, options]) =>
      architectures.map((one) => [method, one[0], options, one[1]] as const),
    ),
  )(
    'opens by the tokens of its own text, however long the others of the batch are: %s on %s',
    async (method, _, options, config) => {
      const model = prepared(method, options, { config })
      const together = (await compute(model, { config }))['logits'] ?? new Float32Array()
      const labels = together.length / threeTexts.length
      for (const [row, text] of threeTexts.entries()) {
        const alone = (await compute(model, { config, texts: [text] }))['logits']
        expect(difference(alone, together.slice(row * labels, (row + 1) * labels))).toBeLessThan(1e-6)
      }
    },
  )

  it('takes a text without tokens for closed, not for no number', async () => {
    const config = smallConfigs.gpt2
    const { logits } = await compute(prepared('seq_bn', { use_gating: true }, { config }), {
      ...{ config, texts: [[7, 9], []] },
    })
    expect(logits?.every(Number.isFinite)).toBe(true)
  })
})
