import type { Value } from '../graph/index.ts'
import type { Architecture, EncodeOptions, EncoderInputs, NamedShape } from './architecture.ts'
import type { BackboneConfig } from './config.ts'
import { causalBias, paddingBias, positionOf } from './positions.ts'
import type { Build, Sites } from './sites.ts'
import {
  inputSize,
  outputSize,
  transformerBlock,
  type Block,
  type BlockNames,
  type LinearLayer,
} from './transformer-block.ts'

/** How an architecture's layers differ from those of others. */
export interface LayerStyle {
  /** A position sees none that is later. */
  causal?: boolean
  block(layer: number): Pick<Block, 'names' | 'preNorm' | 'linear'>
}

/**
 * The layers of a backbone over its embeddings.
 *
 * @param embedded `[sequence, batch, hidden]`
 * @returns the embeddings as methods leave them, and every layer's output
 */
export function encodeLayers(
  build: Build,
  config: BackboneConfig,
  inputs: EncoderInputs,
  embedded: Value,
  { sites = {}, only, onLayer }: EncodeOptions = {},
  { causal = false, block }: LayerStyle,
): Value[] {
  const states = [sites.embeddings?.(embedded) ?? embedded]
  // The last token sees all of them, causal or not; the first, where causal, only itself.
  const which = causal && only === 'first' ? undefined : only
  for (let layer = 0; layer < config.layers; layer++) {
    const x = states[layer]
    if (x === undefined) throw new Error(`layer ${layer} has no input`)
    const isCut = which && layer === config.layers - 1 && sites.mixesPositions?.(layer) !== true
    const bias = causal && !isCut ? causalBias(inputs) : paddingBias(inputs)
    const pick = isCut ? positionOf(which, inputs) : undefined
    const compute = (own: Sites): Value =>
      transformerBlock({ build, config, sites: own, layer, ...block(layer) }, x, bias, pick)
    const output = compute(sites)
    onLayer?.(layer, output, compute)
    states.push(output)
  }
  return states
}

/** Where each of a block's linear layers is, and its sizes. */
export function projectionPaths(names: (layer: number) => BlockNames): Architecture['projectionPath'] {
  return (config, layer, projection) => ({
    path: names(layer)[projection],
    inputSize: inputSize(config, projection),
    outputSize: outputSize(config, projection),
  })
}

/** Weight and bias of a layer norm. */
export function normTensors(name: string, size: number): NamedShape[] {
  return [
    { name: `${name}.weight`, shape: [size] },
    { name: `${name}.bias`, shape: [size] },
  ]
}

/** Tensors of all layers of a post-norm backbone, weights `[out, in]`, in canonical order. */
export function layerTensors(config: BackboneConfig, names: (layer: number) => BlockNames): NamedShape[] {
  return Array.from({ length: config.layers }, (_, index) => {
    const layer = names(index)
    const linear = (kind: LinearLayer): NamedShape[] => [
      { name: `${layer[kind]}.weight`, shape: [outputSize(config, kind), inputSize(config, kind)] },
      { name: `${layer[kind]}.bias`, shape: [outputSize(config, kind)] },
    ]
    return [
      ...linear('query'),
      ...linear('key'),
      ...linear('value'),
      ...linear('attentionOutput'),
      ...normTensors(layer.attentionNorm, config.hiddenSize),
      ...linear('intermediate'),
      ...linear('output'),
      ...normTensors(layer.outputNorm, config.hiddenSize),
    ]
  }).flat()
}
