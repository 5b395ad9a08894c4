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
 * @param firstOnly computes only the first position's output, `[1, batch, hidden]`: it still attends to every
 *   position, so its value and gradients are those of the whole block
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
  const context = firstOnly
    ? firstPositionAttention(build, config, names, queryInput, x, maskBias)
    : selfAttention(build, config, names, x, maskBias)
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

/** Multi-head attention: `x [sequence, batch, hidden]` → the same shape. */
function selfAttention(
  build: Build,
  { hiddenSize, heads }: BackboneConfig,
  names: BlockNames,
  x: Value,
  maskBias: Value,
): Value {
  const headSize = hiddenSize / heads
  // [sequence, batch, hidden] → [batch, heads, sequence, headSize]
  const split = (value: Value): Value =>
    transpose(reshape(value, [...value.shape.slice(0, 2), heads, headSize]), [1, 2, 0, 3])
  const query = split(linear(build, x, names.query, hiddenSize, hiddenSize))
  const key = split(linear(build, x, names.key, hiddenSize, hiddenSize))
  const value = split(linear(build, x, names.value, hiddenSize, hiddenSize))
  const scores = matMul(query, key, { transposeB: true, alpha: 1 / Math.sqrt(headSize) })
  const context = matMul(softmax(add(scores, maskBias)), value)
  return reshape(transpose(context, [2, 0, 1, 3]), x.shape)
}

/**
 * The same for the query of the first position alone, `[1, batch, hidden]`, without a key or value for every
 * position: `q (x W_k^T)^T` is `(q W_k) x^T` and `p (x W_v^T)` is `(p x) W_v^T`, which with one query is
 * `headSize` times less work. The keys' bias adds the same to all scores of a query, so softmax does not see it.
 */
function firstPositionAttention(
  build: Build,
  { hiddenSize, heads }: BackboneConfig,
  names: BlockNames,
  first: Value,
  x: Value,
  maskBias: Value,
): Value {
  const headSize = hiddenSize / heads
  // [1, batch, hidden] → [heads, batch, headSize]
  const query = transpose(
    reshape(linear(build, first, names.query, hiddenSize, hiddenSize), ['batch', heads, headSize]),
    [1, 0, 2],
  )
  const perHead = (name: string): Value =>
    reshape(build.parameter(`${name}.weight`, [hiddenSize, hiddenSize]), [heads, headSize, hiddenSize])
  const texts = transpose(x, [1, 0, 2])
  // [heads, batch, hidden] → [batch, heads, hidden] · [batch, hidden, sequence]
  const projected = transpose(
    matMul(query, perHead(names.key), { alpha: 1 / Math.sqrt(headSize) }),
    [1, 0, 2],
  )
  const scores = matMul(projected, texts, { transposeB: true })
  const weights = softmax(add(scores, reshape(maskBias, ['batch', 1, 'sequence'])))
  const mixed = transpose(matMul(weights, texts), [1, 0, 2])
  const context = add(
    matMul(mixed, perHead(names.value), { transposeB: true }),
    reshape(build.parameter(`${names.value}.bias`, [hiddenSize]), [heads, 1, headSize]),
  )
  return reshape(transpose(context, [1, 0, 2]), first.shape)
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
