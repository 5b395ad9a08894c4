import { add, gather, reshape, type Value } from '../graph/index.ts'
import type { Architecture, EncodeOptions, EncoderInputs, NamedShape } from './architecture.ts'
import type { BackboneConfig } from './config.ts'
import { encodeLayers, layerTensors, normTensors, projectionPaths } from './encoder.ts'
import type { Build, Place } from './sites.ts'
import { layerNorm, type BlockNames } from './transformer-block.ts'

/** BERT (Devlin et al. 2019), as in Hugging Face's `BertModel` without its pooler. */
export const bert: Architecture = {
  prefix: 'bert.',
  tensors,
  encode: (build, config, inputs, options) => encodeBert(build, config, inputs, inputs.positions, options),
  maximumLength: ({ maximumPositions }) => maximumPositions,
  sitePath,
  projectionPath: projectionPaths(blockNames),
  prefixGatePath: (layer) => `encoder.layer.${layer}.attention.self.prefix_tuning.prefix_gates`,
  prefixLocation: 'self_prefix',
  languageModel: {
    kind: 'masked',
    wordEmbeddings: 'embeddings.word_embeddings.weight',
    transform: 'cls.predictions.transform.dense',
    norm: 'cls.predictions.transform.LayerNorm',
    decoder: 'cls.predictions.decoder.weight',
    biases: ['cls.predictions.bias', 'cls.predictions.decoder.bias'],
    activation: ({ activation }) => activation,
  },
  reads: 'first',
}

/** @param positions row of the table of positions, `[sequence]` or `[sequence, batch]` */
export function encodeBert(
  build: Build,
  config: BackboneConfig,
  inputs: EncoderInputs,
  positions: Value,
  options?: EncodeOptions,
): Value[] {
  const embedded = embed(build, config, inputs, positions)
  return encodeLayers(build, config, inputs, embedded, options, {
    block: (layer) => ({ names: blockNames(layer) }),
  })
}

function embed(
  build: Build,
  config: BackboneConfig,
  { ids, typeIds }: EncoderInputs,
  positions: Value,
): Value {
  const { hiddenSize, vocabularySize, typeVocabularySize, maximumPositions } = config
  const words = gather(
    build.parameter('embeddings.word_embeddings.weight', [vocabularySize, hiddenSize]),
    ids,
  )
  const typeTable = build.parameter('embeddings.token_type_embeddings.weight', [
    typeVocabularySize,
    hiddenSize,
  ])
  // With one type, as RoBERTa has, all tokens are of it, whatever the tokenizer says.
  const types = typeVocabularySize === 1 ? perExample(typeTable) : gather(typeTable, typeIds)
  const places = gather(
    build.parameter('embeddings.position_embeddings.weight', [maximumPositions, hiddenSize]),
    positions,
  )
  const sum = add(add(words, types), perExample(places))
  return layerNorm(build, sum, 'embeddings.LayerNorm', hiddenSize, config.layerNormEpsilon)
}

/** `[sequence, hidden]` as `[sequence, 1, hidden]`, the same for every example. */
export function perExample(x: Value): Value {
  const [sequence, hidden] = x.shape
  return x.shape.length === 2 && sequence !== undefined && hidden !== undefined
    ? reshape(x, [sequence, 1, hidden])
    : x
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

function tensors(config: BackboneConfig): NamedShape[] {
  const { hiddenSize: hidden } = config
  return [
    { name: 'embeddings.word_embeddings.weight', shape: [config.vocabularySize, hidden] },
    { name: 'embeddings.position_embeddings.weight', shape: [config.maximumPositions, hidden] },
    { name: 'embeddings.token_type_embeddings.weight', shape: [config.typeVocabularySize, hidden] },
    ...normTensors('embeddings.LayerNorm', hidden),
    ...layerTensors(config, blockNames),
  ]
}
