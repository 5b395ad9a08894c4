import { describe, expect, it } from 'vitest'

import { compute, difference, prepared, randomValues } from '../../fixtures/computed.ts'

describe('IA3', () => {
  it('trains one vector for keys, values and the inner feed-forward layer, which begins as ones', () => {
    const { parameters } = prepared('ia3', { leave_out: [1, 2] })
    expect(parameters.map(({ name, shape }) => [name, shape])).toEqual([
      ['encoder.layer.0.attention.self.key.loras.a.lora_B', [24, 1]],
      ['encoder.layer.0.attention.self.value.loras.a.lora_B', [24, 1]],
      ['encoder.layer.0.intermediate.dense.loras.a.lora_B', [36, 1]],
    ])
    expect(parameters.every(({ initialization }) => initialization.kind === 'constant')).toBe(true)
  })

  it('multiplies what a layer gives, its bias included', async () => {
    const doubled = await compute(prepared('ia3', { intermediate_lora: false, attn_matrices: ['v'] }), {
      values: (name, shape) => (name.endsWith('lora_B') ? randomValues(name, shape).fill(2) : undefined),
    })
    const twice = await compute(prepared('head'), {
      values: (name, shape) =>
        name.includes('.self.value.') ? randomValues(name, shape).map((value) => 2 * value) : undefined,
    })
    expect(difference(doubled['logits'], twice['logits'])).toBeLessThan(1e-6)
  })

  it('has no rank and no dropout', () => {
    expect(() => prepared('ia3', { r: 2 })).toThrow(/needs r = 1, not 2/)
    expect(() => prepared('ia3', { dropout: 0.1 })).toThrow(/has no dropout/)
  })
})
