import { add, gather, multiply, reshape, subtract, type Value } from '../graph/index.ts'
import type {
  Architecture,
  EncodeOptions,
  EncoderInputs,
  NamedShape,
  ProjectionPath,
} from './architecture.ts'
import type { BackboneConfig } from './config.ts'
import type { Build, Place, Projection } from './sites.ts'
import { layerNorm, transformerBlock, type BlockNames } from './transformer-block.ts'

/** The largest float32: what PyTorch's encoders subtract from the scores of padding. */
const masked = 3.4028234663852886e38

/** BERT (Devlin et al. 2019), as in Hugging Face's `BertModel` without its pooler. */
export const bert: Architecture = {
  prefix: 'bert.',
  tensors,
  encode,
  sitePath,
  projectionPath,
  prefixGatePath: (layer) => `encoder.layer.${layer}.attention.self.prefix_tuning.prefix_gates`,
  prefixLocation: 'self_prefix',
  reads: 'first',
}

function encode(
  build: Build,
  config: BackboneConfig,
  inputs: EncoderInputs,
  { sites = {}, firstOnly = false }: EncodeOptions = {},
): Value[] {
  const maskBias = reshape(multiply(subtract(inputs.mask, 1), masked), ['batch', 1, 1, 'sequence'])
  const embedded = embed(build, config, inputs)
  const states = [sites.embeddings?.(embedded) ?? embedded]
  for (let layer = 0; layer < config.layers; layer++) {
    const cut = firstOnly && layer === config.layers - 1 && sites.mixesPositions?.(layer) !== true
    const x = states[layer]
    if (x === undefined) throw new Error(`layer ${layer} has no input`)
    const block = { build, config, sites, layer, names: blockNames(layer) }
    states.push(transformerBlock(block, x, maskBias, cut))
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

function sitePath(layer: number, place: Place): string {
  return place === 'attention' ? `encoder.layer.${layer}.attention.output` : `encoder.layer.${layer}.output`
}

function projectionPath(
  { hiddenSize, intermediateSize }: BackboneConfig,
  layer: number,
  projection: Projection,
): ProjectionPath {
  const sizes = {
    inputSize: projection === 'output' ? intermediateSize : hiddenSize,
    outputSize: projection === 'intermediate' ? intermediateSize : hiddenSize,
  }
  return { path: blockNames(layer)[projection], ...sizes }
}

function tensors(config: BackboneConfig): NamedShape[] {
  const { hiddenSize: hidden, intermediateSize: intermediate } = config
  const linear = (name: string, output: number, input: number): NamedShape[] => [
    { name: `${name}.weight`, shape: [output, input] },
    { name: `${name}.bias`, shape: [output] },
  ]
  const norm = (name: string): NamedShape[] => [
    { name: `${name}.weight`, shape: [hidden] },
    { name: `${name}.bias`, shape: [hidden] },
  ]
  const layer = (names: BlockNames): NamedShape[] => [
    ...linear(names.query, hidden, hidden),
    ...linear(names.key, hidden, hidden),
    ...linear(names.value, hidden, hidden),
    ...linear(names.attentionOutput, hidden, hidden),
    ...norm(names.attentionNorm),
    ...linear(names.intermediate, intermediate, hidden),
    ...linear(names.output, hidden, intermediate),
    ...norm(names.outputNorm),
  ]
  return [
    { name: 'embeddings.word_embeddings.weight', shape: [config.vocabularySize, hidden] },
    { name: 'embeddings.position_embeddings.weight', shape: [config.maximumPositions, hidden] },
    { name: 'embeddings.token_type_embeddings.weight', shape: [config.typeVocabularySize, hidden] },
    ...norm('embeddings.LayerNorm'),
    ...Array.from({ length: config.layers }, (_, index) => layer(blockNames(index))).flat(),
  ]
}
