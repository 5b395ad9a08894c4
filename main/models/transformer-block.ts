import {
  add,
  divide,
  exponential,
  gelu,
  layerNormalization,
  matMul,
  maximum,
  multiply,
  reduceMax,
  reduceSum,
  relu,
  reshape,
  silu,
  softmax,
  subtract,
  transpose,
  type Value,
} from '../graph/index.ts'
import type { BackboneConfig } from './config.ts'
import type { BlockSite, Build, Prefix, Projection, Sites } from './sites.ts'

/** The linear layers of a block. */
export type LinearLayer = Projection | 'attentionOutput'

/** Names of one layer's parameters in the state dict, without `.weight` and `.bias`. */
export type BlockNames = Readonly<Record<LinearLayer | 'attentionNorm' | 'outputNorm', string>>

/** `x W^T + b` with `W [out, in]`, as PyTorch stores it. */
export function linear(
  build: Pick<Build, 'parameter'>,
  x: Value,
  name: string,
  from: number,
  to: number,
): Value {
  const weight = build.parameter(`${name}.weight`, [to, from])
  return add(matMul(x, weight, { transposeB: true }), build.parameter(`${name}.bias`, [to]))
}

export function layerNorm(
  build: Pick<Build, 'parameter'>,
  x: Value,
  name: string,
  size: number,
  epsilon: number,
): Value {
  const scale = build.parameter(`${name}.weight`, [size])
  return layerNormalization(x, scale, build.parameter(`${name}.bias`, [size]), epsilon)
}

/** A block and all that adding its nodes takes. */
export interface Block {
  build: Build
  config: BackboneConfig
  sites: Sites
  layer: number
  names: BlockNames
  /** Normalises what a sublayer reads instead of its sum with its input (GPT-2). */
  preNorm?: boolean
  /** One of the backbone's linear layers where its parameters do not lie as `linear` takes them (GPT-2). */
  linear?: (layer: LinearLayer, x: Value) => Value
}

/** Takes the one position that is computed of a layer: `[sequence, batch, hidden]` → `[1, batch, hidden]`. */
export type PickPosition = (x: Value) => Value

export function inputSize({ hiddenSize, intermediateSize }: BackboneConfig, layer: LinearLayer): number {
  return layer === 'output' ? intermediateSize : hiddenSize
}

export function outputSize({ hiddenSize, intermediateSize }: BackboneConfig, layer: LinearLayer): number {
  return layer === 'intermediate' ? intermediateSize : hiddenSize
}

function plain({ build, config, names, linear: own }: Block, layer: LinearLayer, x: Value): Value {
  return (
    own?.(layer, x) ?? linear(build, x, names[layer], inputSize(config, layer), outputSize(config, layer))
  )
}

/** A linear layer of a block as the method leaves it. */
function project(block: Block, projection: Projection, x: Value): Value {
  const y = plain(block, projection, x)
  return block.sites.project?.(block.layer, projection, x, y) ?? y
}

/**
 * One transformer block, post-norm or pre-norm.
 *
 * @param x `[sequence, batch, hidden]`
 * @param maskBias added to the attention scores, `[batch, 1, 1 | queries, sequence]`
 * @param pick the position that alone is computed: it still attends to every position, so its value and gradients are
 *   those of the whole block
 */
export function transformerBlock(block: Block, x: Value, maskBias: Value, pick?: PickPosition): Value {
  const { sites, layer, names, preNorm = false } = block
  const norm = (name: string) => (value: Value) =>
    layerNorm(block.build, value, name, block.config.hiddenSize, block.config.layerNormEpsilon)
  const before = (name: string) => (preNorm ? norm(name) : identity)
  const after = (name: string) => (preNorm ? identity : norm(name))

  const residual = pick ? pick(x) : x
  const read = before(names.attentionNorm)(x)
  const from = pick ? pick(read) : read
  const context =
    pick && !block.linear && sites.changesKeys?.(layer) !== true
      ? singleQueryAttention(block, from, read, maskBias)
      : attention(block, from, read, maskBias)
  const attended = plain(block, 'attentionOutput', context)
  const middle = join(sites, { layer, place: 'attention' }, attended, residual, after(names.attentionNorm))
  const inner = project(block, 'intermediate', before(names.outputNorm)(middle))
  const hidden = project(block, 'output', activate(block.config, inner))
  return join(sites, { layer, place: 'output' }, hidden, middle, after(names.outputNorm))
}

function identity(x: Value): Value {
  return x
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

/** What attention scores are multiplied by. */
function attentionScale({ config: { hiddenSize, heads, attentionScaling }, layer }: Block): number {
  const { byHeadSize, byLayer } = attentionScaling ?? { byHeadSize: true, byLayer: false }
  return (byHeadSize ? 1 / Math.sqrt(hiddenSize / heads) : 1) / (byLayer ? layer + 1 : 1)
}

/**
 * Multi-head attention.
 *
 * @param from what asks, `[queries, batch, hidden]`
 * @param x what is attended to, `[sequence, batch, hidden]`
 * @param maskBias broadcasts to `[batch, heads, queries, sequence]`; prefixes are masked only by their own mask
 * @returns `[queries, batch, hidden]`
 */
function attention(block: Block, from: Value, x: Value, maskBias: Value): Value {
  const query = project(block, 'query', from)
  const key = project(block, 'key', x)
  const value = project(block, 'value', x)
  const prefixes = block.sites.prefix?.(block.layer, x) ?? []
  const { hiddenSize, heads } = block.config
  const headSize = hiddenSize / heads
  const scale = attentionScale(block)
  // [sequence, batch, hidden] → [batch, heads, sequence, headSize]
  const split = (states: Value): Value =>
    transpose(reshape(states, [...states.shape.slice(0, 2), heads, headSize]), [1, 2, 0, 3])
  const queries = split(query)
  const product = (keys: Value): Value => matMul(queries, keys, { transposeB: true, alpha: scale })
  const scores = add(product(split(key)), maskBias)
  const context =
    prefixes.length === 0
      ? matMul(softmax(scores), split(value))
      : attendBoth(
          prefixes.map((prefix) => ({
            scores: prefixScores(prefix, product(prefix.keys)),
            values: prefix.values,
          })),
          { scores, values: split(value) },
        )
  return reshape(transpose(context, [2, 0, 1, 3]), query.shape)
}

function prefixScores({ mask, bias }: Prefix, scores: Value): Value {
  const biased = bias === undefined ? scores : add(scores, bias)
  // Far below any score, so that what an example does not see has no part in its largest one either.
  return mask ? add(biased, multiply(subtract(mask, 1), 1e30)) : biased
}

interface Attended {
  scores: Value
  values: Value
}

/**
 * Softmax over prefixes and sequence together without joining them, since the sequence's length is not known before
 * a run: with the largest of all scores `m`, `Σ e^{s−m} V / Σ e^{s−m}`.
 */
function attendBoth(prefixes: readonly Attended[], sequence: Attended): Value {
  const all = [...prefixes, sequence]
  const largest = all
    .map(({ scores }) => reduceMax(scores, [-1], true))
    .reduce((most, scores) => maximum(most, scores))
  const weighted = all.map(({ scores, values }) => {
    const weights = exponential(subtract(scores, largest))
    return { total: reduceSum(weights, [-1], true), context: matMul(weights, values) }
  })
  const sum = (values: readonly Value[]): Value => values.reduce((total, value) => add(total, value))
  return divide(sum(weighted.map(({ context }) => context)), sum(weighted.map(({ total }) => total)))
}

/**
 * The same for the query of one position alone, `[1, batch, hidden]`, without a key or value for every
 * position: `q (x W_k^T)^T` is `(q W_k) x^T` and `p (x W_v^T)` is `(p x) W_v^T`, which with one query is
 * `headSize` times less work. The keys' bias adds the same to all scores of a query, so softmax does not see it.
 */
function singleQueryAttention(block: Block, from: Value, x: Value, maskBias: Value): Value {
  const { build, config, names } = block
  const { hiddenSize, heads } = config
  const headSize = hiddenSize / heads
  // [1, batch, hidden] → [heads, batch, headSize]
  const query = transpose(reshape(project(block, 'query', from), ['batch', heads, headSize]), [1, 0, 2])
  const perHead = (name: string): Value =>
    reshape(build.parameter(`${name}.weight`, [hiddenSize, hiddenSize]), [heads, headSize, hiddenSize])
  const texts = transpose(x, [1, 0, 2])
  // [heads, batch, hidden] → [batch, heads, hidden] · [batch, hidden, sequence]
  const projected = transpose(matMul(query, perHead(names.key), { alpha: attentionScale(block) }), [1, 0, 2])
  const scores = matMul(projected, texts, { transposeB: true })
  const weights = softmax(add(scores, reshape(maskBias, ['batch', 1, 'sequence'])))
  const mixed = transpose(matMul(weights, texts), [1, 0, 2])
  const context = add(
    matMul(mixed, perHead(names.value), { transposeB: true }),
    reshape(build.parameter(`${names.value}.bias`, [hiddenSize]), [heads, 1, headSize]),
  )
  return reshape(transpose(context, [1, 0, 2]), from.shape)
}

export function activate({ activation }: Pick<BackboneConfig, 'activation'>, x: Value): Value {
  switch (activation) {
    case 'gelu':
      return gelu(x)
    case 'gelu_new':
      return gelu(x, 'tanh')
    case 'relu':
      return relu(x)
    case 'silu':
      return silu(x)
  }
}
