import { describe, expect, it } from 'vitest'

import { parseBackboneConfig } from '../../../main/models/config.ts'
import { tinyConfig } from './checkpoints.ts'

const parse = (changes: object) => () => parseBackboneConfig({ ...tinyConfig, ...changes }, 'folder')

describe('parseBackboneConfig', () => {
  it("reads BERT's sizes and fills in Hugging Face's defaults", () => {
    expect(parseBackboneConfig(tinyConfig, 'folder')).toEqual({
      architecture: 'bert',
      layers: 2,
      hiddenSize: 4,
      heads: 2,
      intermediateSize: 8,
      vocabularySize: 12,
      maximumPositions: 16,
      typeVocabularySize: 2,
      layerNormEpsilon: 1e-12,
      activation: 'gelu',
      padTokenId: 0,
      initializerRange: 0.02,
    })
  })

  it('keeps what the file says instead of a default', () => {
    const changes = {
      layer_norm_eps: 1e-5,
      hidden_act: 'gelu_pytorch_tanh',
      pad_token_id: 3,
      type_vocab_size: 1,
    }
    expect(parse(changes)()).toMatchObject({
      layerNormEpsilon: 1e-5,
      activation: 'gelu_new',
      padTokenId: 3,
      typeVocabularySize: 1,
    })
  })

  it('knows an old BERT by its class where model_type is missing', () => {
    expect(parse({ model_type: undefined, architectures: ['BertForMaskedLM'] })().architecture).toBe('bert')
  })

  it('says which architectures are supported', () => {
    expect(parse({ model_type: 'modernbert' })).toThrow(
      'config.json says model_type "modernbert", which is not supported. Supported: bert.',
    )
    expect(parse({ model_type: 'constructor' })).toThrow('not supported')
    expect(() => parseBackboneConfig(null, 'folder')).toThrow('names no model_type')
    expect(parse({ model_type: 'modernbert' })).toThrow(expect.objectContaining({ code: 'unsupported' }))
  })

  it('names the setting that is missing, wrong or not supported', () => {
    expect(parse({ hidden_size: undefined })).toThrow(/config\.json is not usable: hidden_size/)
    expect(parse({ num_hidden_layers: 0 })).toThrow(/num_hidden_layers/)
    expect(parse({ hidden_size: 5 })).toThrow('hidden_size 5 is no multiple of num_attention_heads 2')
    expect(parse({ hidden_act: 'silu' })).toThrow('hidden_act "silu", which is not supported')
    expect(parse({ position_embedding_type: 'relative_key' })).toThrow(
      'position_embedding_type "relative_key"',
    )
    expect(parse({ is_decoder: true })).toThrow('is_decoder')
  })
})
