import { add, gather, matMul, slice, type Value } from '../graph/index.ts'
import type { Architecture, EncodeOptions, EncoderInputs, NamedShape } from './architecture.ts'
import { perExample } from './bert.ts'
import type { BackboneConfig } from './config.ts'
import { encodeLayers, normTensors, projectionPaths } from './encoder.ts'
import type { Build } from './sites.ts'
import { inputSize, layerNorm, outputSize, type BlockNames, type LinearLayer } from './transformer-block.ts'

/** Query, key and value are thirds of one layer, in this order. */
const merged = { query: 0, key: 1, value: 2 } as const

/**
 * GPT-2 (Radford et al. 2019): a causal backbone of pre-norm blocks, whose linear layers hold their weights
 * `[in, out]` (Hugging Face's `Conv1D`).
 */
export const gpt2: Architecture = {
  prefix: 'transformer.',
  tensors: (config) => [
    { name: 'wte.weight', shape: [config.vocabularySize, config.hiddenSize] },
    { name: 'wpe.weight', shape: [config.maximumPositions, config.hiddenSize] },
    ...Array.from({ length: config.layers }, (_, layer) => layerTensors(config, layer)).flat(),
    ...normTensors('ln_f', config.hiddenSize),
  ],
  encode,
  maximumLength: ({ maximumPositions }) => maximumPositions,
  sitePath: (layer, place) => `h.${layer}.${place}_adapters`,
  projectionPath: (config, layer, projection) => ({
    ...projectionPaths(blockNames)(config, layer, projection),
    ...(isMerged(projection) ? { merged: { index: merged[projection] } } : {}),
    inputFirst: true,
  }),
  prefixGatePath: (layer) => `h.${layer}.attn.prefix_tuning.prefix_gates`,
  prefixLocation: 'self_prefix',
  languageModel: { kind: 'causal', wordEmbeddings: 'wte.weight', decoder: 'lm_head.weight' },
  reads: 'last',
}

function isMerged(layer: LinearLayer): layer is keyof typeof merged {
  return layer in merged
}

function encode(
  build: Build,
  config: BackboneConfig,
  inputs: EncoderInputs,
  options?: EncodeOptions,
): Value[] {
  const { hiddenSize, vocabularySize, maximumPositions, layerNormEpsilon } = config
  const words = gather(build.parameter('wte.weight', [vocabularySize, hiddenSize]), inputs.ids)
  const places = gather(build.parameter('wpe.weight', [maximumPositions, hiddenSize]), inputs.positions)
  const states = encodeLayers(build, config, inputs, add(words, perExample(places)), options, {
    causal: true,
    block: (layer) => ({
      names: blockNames(layer),
      preNorm: true,
      linear: (kind, x) => conv1d(build, config, layer, kind, x),
    }),
  })
  const last = states.pop()
  if (last === undefined) throw new Error('a backbone without states')
  return [...states, layerNorm(build, last, 'ln_f', hiddenSize, layerNormEpsilon)]
}

/** `x W + b` with `W [in, out]`; of the layer that gives query, key and value, the third that is asked for. */
function conv1d(build: Build, config: BackboneConfig, layer: number, kind: LinearLayer, x: Value): Value {
  const { name, from, to } = weightOf(config, layer, kind)
  const y = add(
    matMul(x, build.parameter(`${name}.weight`, [from, to])),
    build.parameter(`${name}.bias`, [to]),
  )
  if (!isMerged(kind)) return y
  const start = merged[kind] * config.hiddenSize
  return slice(y, -1, start, start + config.hiddenSize)
}

function weightOf(config: BackboneConfig, layer: number, kind: LinearLayer) {
  const parts = isMerged(kind) ? Object.keys(merged).length : 1
  return {
    name: blockNames(layer)[kind],
    from: inputSize(config, kind),
    to: parts * outputSize(config, kind),
  }
}

function layerTensors(config: BackboneConfig, layer: number): NamedShape[] {
  const names = blockNames(layer)
  const linear = (kind: LinearLayer): NamedShape[] => {
    const { name, from, to } = weightOf(config, layer, kind)
    return [
      { name: `${name}.weight`, shape: [from, to] },
      { name: `${name}.bias`, shape: [to] },
    ]
  }
  return [
    ...normTensors(names.attentionNorm, config.hiddenSize),
    ...linear('query'),
    ...linear('attentionOutput'),
    ...normTensors(names.outputNorm, config.hiddenSize),
    ...linear('intermediate'),
    ...linear('output'),
  ]
}

function blockNames(layer: number): BlockNames {
  const block = `h.${layer}`
  return {
    query: `${block}.attn.c_attn`,
    key: `${block}.attn.c_attn`,
    value: `${block}.attn.c_attn`,
    attentionOutput: `${block}.attn.c_proj`,
    attentionNorm: `${block}.ln_1`,
    intermediate: `${block}.mlp.c_fc`,
    output: `${block}.mlp.c_proj`,
    outputNorm: `${block}.ln_2`,
  }
}
