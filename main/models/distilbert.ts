import { add, gather, type Value } from '../graph/index.ts'
import type { Architecture, EncoderInputs } from './architecture.ts'
import { perExample } from './bert.ts'
import type { BackboneConfig } from './config.ts'
import { encodeLayers, layerTensors, normTensors, projectionPaths } from './encoder.ts'
import type { Build } from './sites.ts'
import { layerNorm, type BlockNames } from './transformer-block.ts'

/** DistilBERT (Sanh et al. 2019): BERT's blocks under other names, without token types. */
export const distilBert: Architecture = {
  prefix: 'distilbert.',
  tensors: (config) => [
    { name: 'embeddings.word_embeddings.weight', shape: [config.vocabularySize, config.hiddenSize] },
    {
      name: 'embeddings.position_embeddings.weight',
      shape: [config.maximumPositions, config.hiddenSize],
      ...(config.fixedPositions ? { fixed: true } : {}),
    },
    ...normTensors('embeddings.LayerNorm', config.hiddenSize),
    ...layerTensors(config, blockNames),
  ],
  encode: (build, config, inputs, options) =>
    encodeLayers(build, config, inputs, embed(build, config, inputs), options, {
      block: (layer) => ({ names: blockNames(layer) }),
    }),
  maximumLength: ({ maximumPositions }) => maximumPositions,
  sitePath: (layer, place) => `transformer.layer.${layer}.${place}_adapters`,
  projectionPath: projectionPaths(blockNames),
  prefixGatePath: (layer) => `transformer.layer.${layer}.attention.prefix_tuning.prefix_gates`,
  prefixLocation: 'self',
  languageModel: {
    kind: 'masked',
    wordEmbeddings: 'embeddings.word_embeddings.weight',
    transform: 'vocab_transform',
    norm: 'vocab_layer_norm',
    decoder: 'vocab_projector.weight',
    biases: ['vocab_projector.bias'],
    activation: ({ activation }) => activation,
  },
  reads: 'first',
}

function embed(build: Build, config: BackboneConfig, { ids, positions }: EncoderInputs): Value {
  const { hiddenSize, vocabularySize, maximumPositions, layerNormEpsilon } = config
  const table = (name: string, rows: number): Value =>
    build.parameter(`embeddings.${name}_embeddings.weight`, [rows, hiddenSize])
  const words = gather(table('word', vocabularySize), ids)
  const places = gather(table('position', maximumPositions), positions)
  return layerNorm(
    build,
    add(words, perExample(places)),
    'embeddings.LayerNorm',
    hiddenSize,
    layerNormEpsilon,
  )
}

function blockNames(layer: number): BlockNames {
  const block = `transformer.layer.${layer}`
  return {
    query: `${block}.attention.q_lin`,
    key: `${block}.attention.k_lin`,
    value: `${block}.attention.v_lin`,
    attentionOutput: `${block}.attention.out_lin`,
    attentionNorm: `${block}.sa_layer_norm`,
    intermediate: `${block}.ffn.lin1`,
    output: `${block}.ffn.lin2`,
    outputNorm: `${block}.output_layer_norm`,
  }
}
