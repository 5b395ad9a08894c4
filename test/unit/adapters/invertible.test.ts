import { describe, expect, it } from 'vitest'

import { compute, difference, prepared, randomValues } from '../../fixtures/computed.ts'

/** `W_2 relu(W_0 x + b_0) + b_2` of one subnet, in double precision. */
function subnet(name: string, x: number[]): number[] {
  const layer = (index: number, input: number[], outputs: number): number[] => {
    const path = `invertible_adapters.a.${name}.${index}`
    const weight = randomValues(`${path}.weight`, [outputs, input.length])
    const bias = randomValues(`${path}.bias`, [outputs])
    return Array.from(bias, (offset, output) =>
      input.reduce((sum, value, i) => sum + value * (weight[output * input.length + i] ?? 0), offset),
    )
  }
  return layer(
    2,
    layer(0, x, 6).map((value) => Math.max(0, value)),
    12,
  )
}

describe('an invertible adapter', () => {
  it('has two small networks on the halves of the embedding', () => {
    const own = prepared('seq_bn_inv').parameters.filter(({ name }) =>
      name.startsWith('invertible_adapters.'),
    )
    expect(own.map(({ name, shape }) => [name.replace('invertible_adapters.a.', ''), shape])).toEqual([
      ['F.0.weight', [6, 12]],
      ['F.0.bias', [6]],
      ['F.2.weight', [12, 6]],
      ['F.2.bias', [12]],
      ['G.0.weight', [6, 12]],
      ['G.0.bias', [6]],
      ['G.2.weight', [12, 6]],
      ['G.2.bias', [12]],
    ])
  })

  it('changes the embeddings in a way that can be undone', async () => {
    const before = (await compute(prepared('head')))['hidden.0'] ?? new Float32Array()
    const after = (await compute(prepared('seq_bn_inv')))['hidden.0'] ?? new Float32Array()
    expect(difference(before, after)).toBeGreaterThan(1e-2)
    const restored = Array.from({ length: after.length / 24 }, (_, row) => {
      const y = [...after.subarray(row * 24, (row + 1) * 24)]
      const [y1, y2] = [y.slice(0, 12), y.slice(12)]
      const g = subnet('G', y1)
      const x2 = y2.map((value, i) => value - (g[i] ?? 0))
      const f = subnet('F', x2)
      return [...y1.map((value, i) => value - (f[i] ?? 0)), ...x2]
    }).flat()
    expect(difference(restored, before)).toBeLessThan(1e-5)
  })

  it.each([
    [{ inv_adapter: 'glow' }, /GLOW couplings are not supported/],
    [{ inv_adapter: 'realnvp' }, /"inv_adapter": must be "none" or "nice"/],
    [{ inv_adapter_reduction_factor: 13 }, /inv_adapter_reduction_factor 13 leaves no unit of the 12/],
    [{ inv_adapter_reduction_factor: 0 }, /"inv_adapter_reduction_factor": must be above 0/],
  ])('refuses %j with a sentence', (options, sentence) => {
    expect(() => prepared('seq_bn_inv', options)).toThrow(sentence)
  })
})
