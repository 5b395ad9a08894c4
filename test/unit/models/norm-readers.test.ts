import { describe, expect, it } from 'vitest'

import type { BackboneConfig } from '../../../main/models/config.ts'
import { normReaders } from '../../../main/models/norm-readers.ts'

const config = (architecture: BackboneConfig['architecture']): BackboneConfig => ({
  architecture,
  layers: 2,
  hiddenSize: 8,
  heads: 2,
  intermediateSize: 16,
  vocabularySize: 20,
  maximumPositions: 12,
  typeVocabularySize: 2,
  layerNormEpsilon: 1e-12,
  activation: 'gelu',
  padTokenId: 0,
  initializerRange: 0.02,
})

/** Each reader with the norm that it reads, both without `.weight`. */
function readers(architecture: BackboneConfig['architecture']): Record<string, string> {
  const plain = (name: string): string => name.replace(/\.weight$/, '')
  return Object.fromEntries(
    Array.from(normReaders(config(architecture)), ([name, { scale }]) => [plain(name), plain(scale)]),
  )
}

describe('the linear layers that read a layer norm', () => {
  it('are those of attention, which reads what the layer below ends with, and the first feed-forward one', () => {
    expect(readers('bert')).toEqual({
      'encoder.layer.0.attention.self.query': 'embeddings.LayerNorm',
      'encoder.layer.0.attention.self.key': 'embeddings.LayerNorm',
      'encoder.layer.0.attention.self.value': 'embeddings.LayerNorm',
      'encoder.layer.0.intermediate.dense': 'encoder.layer.0.attention.output.LayerNorm',
      'encoder.layer.1.attention.self.query': 'encoder.layer.0.output.LayerNorm',
      'encoder.layer.1.attention.self.key': 'encoder.layer.0.output.LayerNorm',
      'encoder.layer.1.attention.self.value': 'encoder.layer.0.output.LayerNorm',
      'encoder.layer.1.intermediate.dense': 'encoder.layer.1.attention.output.LayerNorm',
    })
  })

  it('read norms of their own in a pre-norm backbone, which holds weights the other way round', () => {
    expect(readers('gpt2')).toEqual({
      'h.0.attn.c_attn': 'h.0.ln_1',
      'h.0.mlp.c_fc': 'h.0.ln_2',
      'h.1.attn.c_attn': 'h.1.ln_1',
      'h.1.mlp.c_fc': 'h.1.ln_2',
    })
    expect([...normReaders(config('gpt2')).values()].map(({ transposed }) => transposed)).toEqual(
      Array<boolean>(4).fill(false),
    )
    expect(normReaders(config('bert')).get('encoder.layer.0.intermediate.dense.weight')).toEqual({
      scale: 'encoder.layer.0.attention.output.LayerNorm.weight',
      bias: 'encoder.layer.0.attention.output.LayerNorm.bias',
      transposed: true,
    })
  })

  it.each(['roberta', 'distilbert'] as const)('are found in %s', (architecture) => {
    expect(Object.keys(readers(architecture))).toHaveLength(8)
  })
})
