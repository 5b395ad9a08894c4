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
      'config.json says model_type "modernbert", which is not supported. Supported: bert, roberta, distilbert, gpt2.',
    )
    expect(parse({ model_type: 'constructor' })).toThrow('not supported')
    expect(() => parseBackboneConfig(null, 'folder')).toThrow('names no model_type')
    expect(parse({ model_type: 'modernbert' })).toThrow(expect.objectContaining({ code: 'unsupported' }))
  })

  it('names the setting that is missing, wrong or not supported', () => {
    expect(parse({ hidden_size: undefined })).toThrow(/config\.json is not usable: hidden_size/)
    expect(parse({ num_hidden_layers: 0 })).toThrow(/num_hidden_layers/)
    expect(parse({ hidden_size: 5 })).toThrow('hidden_size 5 is no multiple of num_attention_heads 2')
    expect(parse({ hidden_act: 'mish' })).toThrow('hidden_act "mish", which is not supported')
    expect(parse({ position_embedding_type: 'relative_key' })).toThrow(
      'position_embedding_type "relative_key"',
    )
    expect(parse({ is_decoder: true })).toThrow('is_decoder')
  })
})

/** A setting of each other architecture that is enough, and what is read from it. */
describe('parseBackboneConfig of other architectures', () => {
  const distilBert = { n_layers: 2, dim: 4, n_heads: 2, hidden_dim: 8, vocab_size: 12 }
  const gpt2 = { model_type: 'gpt2', n_layer: 2, n_embd: 4, n_head: 2, vocab_size: 12, n_positions: 16 }
  const parseOther = (json: object) => () => parseBackboneConfig(json, 'folder')

  it("reads RoBERTa's, whose padding is token 1 unless it says otherwise", () => {
    const { architecture, padTokenId } = parse({ model_type: 'roberta' })()
    expect({ architecture, padTokenId }).toEqual({ architecture: 'roberta', padTokenId: 1 })
    expect(parse({ model_type: 'roberta', pad_token_id: 5 })().padTokenId).toBe(5)
  })

  it("reads DistilBERT's names, and whether its positions are computed", () => {
    const json = { model_type: 'distilbert', ...distilBert, max_position_embeddings: 16 }
    expect(parseOther(json)()).toEqual({
      architecture: 'distilbert',
      layers: 2,
      hiddenSize: 4,
      heads: 2,
      intermediateSize: 8,
      vocabularySize: 12,
      maximumPositions: 16,
      typeVocabularySize: 0,
      layerNormEpsilon: 1e-12,
      activation: 'gelu',
      padTokenId: 0,
      initializerRange: 0.02,
    })
    expect(parseOther({ ...json, sinusoidal_pos_embds: true })().fixedPositions).toBe(true)
  })

  it("reads GPT-2's names, and pads with its end of text where it names no padding", () => {
    expect(parseOther(gpt2)()).toMatchObject({
      architecture: 'gpt2',
      intermediateSize: 16,
      layerNormEpsilon: 1e-5,
      activation: 'gelu_new',
      padTokenId: 0,
      attentionScaling: { byHeadSize: true, byLayer: false },
    })
    expect(parseOther({ ...gpt2, n_inner: 6, eos_token_id: 11 })()).toMatchObject({
      intermediateSize: 6,
      padTokenId: 11,
    })
    expect(parseOther({ ...gpt2, eos_token_id: 11, pad_token_id: 3 })().padTokenId).toBe(3)
    const scaling = { scale_attn_weights: false, scale_attn_by_inverse_layer_idx: true }
    expect(parseOther({ ...gpt2, ...scaling })().attentionScaling).toEqual({
      byHeadSize: false,
      byLayer: true,
    })
  })

  it('names the setting of that architecture that is wrong', () => {
    expect(parse({ model_type: 'roberta', max_position_embeddings: 2 })).toThrow('max_position_embeddings 2')
    expect(parse({ model_type: 'roberta', is_decoder: true })).toThrow('of roberta only encoders')
    expect(parseOther({ model_type: 'distilbert', ...distilBert })).toThrow('max_position_embeddings')
    expect(parseOther({ ...gpt2, n_head: 3 })).toThrow('n_embd 4 is no multiple of n_head 3')
    expect(parseOther({ ...gpt2, activation_function: 'mish' })).toThrow('activation_function "mish"')
    expect(parseOther({ ...gpt2, add_cross_attention: true })).toThrow('add_cross_attention')
  })
})
