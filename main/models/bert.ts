import { add, gather, multiply, reshape, subtract, type Graph, type Value } from '../graph/index.ts'
import type { BackboneConfig } from './config.ts'
import type { Build, Place, Sites } from './sites.ts'
import { layerNorm, transformerBlock, type BlockNames } from './transformer-block.ts'

/** The inputs of an encoder. `mask` is batch-major, since attention is; everything else is time-major. */
export interface EncoderInputs {
  /** int32 `[sequence, batch]` */
  ids: Value
  /** int32 `[sequence, batch]` */
  typeIds: Value
  /** int32 `[sequence]` */
  positions: Value
  /** float32 `[batch, sequence]`: 1 for tokens, 0 for padding */
  mask: Value
}

export function encoderInputs(graph: Graph): EncoderInputs {
  return {
    ids: graph.input('ids', 'int32', ['sequence', 'batch']),
    typeIds: graph.input('typeIds', 'int32', ['sequence', 'batch']),
    positions: graph.input('positions', 'int32', ['sequence']),
    mask: graph.input('mask', 'float32', ['batch', 'sequence']),
  }
}

export interface EncodeOptions {
  sites?: Sites
  /** The last layer computes only the first position, where nothing else is read. */
  firstOnly?: boolean
}

/** The largest float32: what PyTorch's encoders subtract from the scores of padding. */
const masked = 3.4028234663852886e38

/**
 * BERT (Devlin et al. 2019), as in Hugging Face's `BertModel` without its pooler.
 *
 * @returns the hidden states: embeddings first, then every layer's, `[sequence, batch, hidden]`
 *   (the last `[1, batch, hidden]` with `firstOnly`)
 */
export function encode(
  build: Build,
  config: BackboneConfig,
  inputs: EncoderInputs,
  { sites = {}, firstOnly = false }: EncodeOptions = {},
): Value[] {
  const maskBias = reshape(multiply(subtract(inputs.mask, 1), masked), ['batch', 1, 1, 'sequence'])
  const states = [embed(build, config, inputs)]
  for (let layer = 0; layer < config.layers; layer++) {
    const cut = firstOnly && layer === config.layers - 1 && sites.mixesPositions?.(layer) !== true
    const x = states[layer]
    if (x === undefined) throw new Error(`layer ${layer} has no input`)
    states.push(transformerBlock(build, config, blockNames(layer), layer, x, maskBias, sites, cut))
  }
  return states
}

function embed(build: Build, config: BackboneConfig, { ids, typeIds, positions }: EncoderInputs): Value {
  const { hiddenSize, vocabularySize, typeVocabularySize, maximumPositions } = config
  const words = gather(
    build.parameter('embeddings.word_embeddings.weight', [vocabularySize, hiddenSize]),
    ids,
  )
  const types = gather(
    build.parameter('embeddings.token_type_embeddings.weight', [typeVocabularySize, hiddenSize]),
    typeIds,
  )
  const places = gather(
    build.parameter('embeddings.position_embeddings.weight', [maximumPositions, hiddenSize]),
    positions,
  )
  const sum = add(add(words, types), reshape(places, ['sequence', 1, hiddenSize]))
  return layerNorm(build, sum, 'embeddings.LayerNorm', hiddenSize, config.layerNormEpsilon)
}

function blockNames(layer: number): BlockNames {
  const block = `encoder.layer.${layer}`
  return {
    query: `${block}.attention.self.query`,
    key: `${block}.attention.self.key`,
    value: `${block}.attention.self.value`,
    attentionOutput: `${block}.attention.output.dense`,
    attentionNorm: `${block}.attention.output.LayerNorm`,
    intermediate: `${block}.intermediate.dense`,
    output: `${block}.output.dense`,
    outputNorm: `${block}.output.LayerNorm`,
  }
}

/** Where the adapter library keeps a block's adapters in the state dict. */
export function sitePath(layer: number, place: Place): string {
  return place === 'attention' ? `encoder.layer.${layer}.attention.output` : `encoder.layer.${layer}.output`
}
