import { describe, expect, it } from 'vitest'

import { countedTokens } from '../../../main/verify/golden-heads.ts'

const ids = [
  [5, 9, 6, 9],
  [9, 5, 6, 7],
  [5, 6, 7, 8],
]
const counts = (heads: Parameters<typeof countedTokens>[0]['heads'], padding: number | null): number[] => {
  const ones = countedTokens({ heads, model_config: { pad_token_id: padding } }, ids)
  return ids.map((_, row) => ones.subarray(4 * row, 4 * row + 4).reduce((sum, one) => sum + one, 0))
}

describe('where GPT-2’s head reads', () => {
  it('is by the count of tokens in the adapters library', () => {
    expect(counts({ a: { num_labels: 2, layers: 1 } }, 9)).toEqual([2, 3, 4])
  })

  it('is before the first padding in Hugging Face’s class, and the end where there is none before', () => {
    expect(counts(null, 9)).toEqual([1, 4, 4])
  })

  it('is the last position where the configuration names no padding', () => {
    expect(counts(null, null)).toEqual([4, 4, 4])
    expect(counts({ a: { num_labels: 2, layers: 1 } }, null)).toEqual([4, 4, 4])
  })
})
