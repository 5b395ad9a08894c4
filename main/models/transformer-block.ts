import {
  add,
  gelu,
  layerNormalization,
  matMul,
  relu,
  reshape,
  slice,
  softmax,
  transpose,
  type Value,
} from '../graph/index.ts'
import type { BackboneConfig } from './config.ts'
import type { BlockSite, Build, Sites } from './sites.ts'

/** Names of one layer's parameters in the state dict, without `.weight` and `.bias`. */
export interface BlockNames {
  query: string
  key: string
  value: string
  attentionOutput: string
  attentionNorm: string
  intermediate: string
  output: string
  outputNorm: string
}

/** `x W^T + b` with `W [out, in]`, as PyTorch stores it. */
export function linear(build: Build, x: Value, name: string, from: number, to: number): Value {
  const weight = build.parameter(`${name}.weight`, [to, from])
  return add(matMul(x, weight, { transposeB: true }), build.parameter(`${name}.bias`, [to]))
}

export function layerNorm(build: Build, x: Value, name: string, size: number, epsilon: number): Value {
  const scale = build.parameter(`${name}.weight`, [size])
  return layerNormalization(x, scale, build.parameter(`${name}.bias`, [size]), epsilon)
}

/**
 * One post-norm transformer block.
 *
 * @param x `[sequence, batch, hidden]`
 * @param maskBias added to the attention scores, `[batch, 1, 1, sequence]`
 * @param firstOnly computes only the first position's output, `[1, batch, hidden]`: the keys and values still
 *   come from every position, so its value and gradients are exactly those of the whole block
 */
export function transformerBlock(
  build: Build,
  config: BackboneConfig,
  names: BlockNames,
  layer: number,
  x: Value,
  maskBias: Value,
  sites: Sites,
  firstOnly: boolean,
): Value {
  const { hiddenSize, intermediateSize, layerNormEpsilon } = config
  const queryInput = firstOnly ? slice(x, 0, 0, 1) : x
  const context = selfAttention(build, config, names, queryInput, x, maskBias)
  const attended = linear(build, context, names.attentionOutput, hiddenSize, hiddenSize)
  const middle = join(sites, { layer, place: 'attention' }, attended, queryInput, (value) =>
    layerNorm(build, value, names.attentionNorm, hiddenSize, layerNormEpsilon),
  )
  const inner = activate(config, linear(build, middle, names.intermediate, hiddenSize, intermediateSize))
  const hidden = linear(build, inner, names.output, intermediateSize, hiddenSize)
  return join(sites, { layer, place: 'output' }, hidden, middle, (value) =>
    layerNorm(build, value, names.outputNorm, hiddenSize, layerNormEpsilon),
  )
}

function join(
  sites: Sites,
  site: BlockSite,
  hidden: Value,
  residual: Value,
  normalize: (x: Value) => Value,
): Value {
  return sites.join?.(site, hidden, residual, normalize) ?? normalize(add(hidden, residual))
}

/** Multi-head attention: `queryInput [q, batch, hidden]`, `x [sequence, batch, hidden]` → `[q, batch, hidden]`. */
function selfAttention(
  build: Build,
  { hiddenSize, heads }: BackboneConfig,
  names: BlockNames,
  queryInput: Value,
  x: Value,
  maskBias: Value,
): Value {
  const headSize = hiddenSize / heads
  // [sequence, batch, hidden] → [batch, heads, sequence, headSize]
  const split = (value: Value): Value =>
    transpose(reshape(value, [...value.shape.slice(0, 2), heads, headSize]), [1, 2, 0, 3])
  const query = split(linear(build, queryInput, names.query, hiddenSize, hiddenSize))
  const key = split(linear(build, x, names.key, hiddenSize, hiddenSize))
  const value = split(linear(build, x, names.value, hiddenSize, hiddenSize))
  const scores = matMul(query, key, { transposeB: true, alpha: 1 / Math.sqrt(headSize) })
  const context = matMul(softmax(add(scores, maskBias)), value)
  return reshape(transpose(context, [2, 0, 1, 3]), queryInput.shape)
}

function activate({ activation }: BackboneConfig, x: Value): Value {
  switch (activation) {
    case 'gelu':
      return gelu(x)
    case 'gelu_new':
      return gelu(x, 'tanh')
    case 'relu':
      return relu(x)
  }
}
