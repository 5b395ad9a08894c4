import {
  add,
  exponential,
  gather,
  logarithm,
  matMul,
  multiply,
  product,
  reduceMax,
  reduceSum,
  reshape,
  subtract,
  type Value,
} from '../graph/index.ts'
import { architectureOf, type LanguageModelNames } from './architecture.ts'
import type { BackboneConfig } from './config.ts'
import type { Build } from './sites.ts'
import { activate, layerNorm, linear } from './transformer-block.ts'
import type { Backbone, LazyTensor } from './weights.ts'

/** What turns hidden states into tokens, as it was pretrained. */
export interface LanguageModelHead {
  /** A masked one tells a token that was replaced, from its own position; a causal one the token that follows. */
  kind: 'masked' | 'causal'
  /** Its own tensors. Word embeddings that its decoder shares are the backbone's. */
  tensors: ReadonlyMap<string, LazyTensor>
  /**
   * @param states of chosen positions (`chosenStates`), `[rows, hidden]`
   * @returns `[rows, vocabulary]`
   */
  logits(build: TokenBuild, states: Value): Value
  /**
   * The cross-entropy of each row, in nats.
   *
   * @param states as of `logits`
   * @param targets the right token of each row, int32 `[rows]`
   * @returns `[rows]`
   */
  loss(build: TokenBuild, states: Value, targets: Value): Value
}

/** What the head needs to add its nodes: both its own tensors and the word embeddings by their names. */
export type TokenBuild = Pick<Build, 'parameter'>

/**
 * The states of some positions: only for these are there ever scores of the whole vocabulary.
 *
 * @param last `[sequence, batch, hidden]`
 * @param rows int32 `[rows]`: position · batch + example
 * @returns `[rows, hidden]`
 */
export function chosenStates(last: Value, rows: Value): Value {
  const [sequence, batch, hidden] = last.shape
  if (sequence === undefined || batch === undefined || hidden === undefined) {
    throw new Error(`hidden states have three axes, not [${last.shape.join(', ')}]`)
  }
  return gather(reshape(last, [product([sequence, batch]), hidden]), rows)
}

/** The language-model head of a checkpoint; undefined where it has none, or not whole. */
export function languageModelHead({
  config,
  extras,
}: Pick<Backbone, 'config' | 'extras'>): LanguageModelHead | undefined {
  const names = architectureOf(config).languageModel
  const { hiddenSize, vocabularySize } = config
  const bias = names.kind === 'masked' ? names.biases.find((name) => extras.has(name)) : undefined
  if (names.kind === 'masked' && bias === undefined) return undefined
  const own = [
    ...(names.kind === 'masked' ? transformTensors(names) : []),
    ...(bias === undefined ? [] : [bias]),
    ...(config.untiedDecoder ? [names.decoder] : []),
  ]
  const tensors = new Map<string, LazyTensor>()
  for (const name of own) {
    const tensor = extras.get(name)
    if (!tensor) return undefined
    tensors.set(name, tensor)
  }

  const decoder = (build: TokenBuild): Value =>
    build.parameter(config.untiedDecoder ? names.decoder : names.wordEmbeddings, [vocabularySize, hiddenSize])
  const decoderBias = (build: TokenBuild): Value | undefined =>
    bias === undefined ? undefined : build.parameter(bias, [vocabularySize])
  const transformed = (build: TokenBuild, states: Value): Value =>
    names.kind === 'masked' ? transform(build, config, names, states) : states
  const scores = (build: TokenBuild, x: Value): Value => {
    const product = matMul(x, decoder(build), { transposeB: true })
    const added = decoderBias(build)
    return added ? add(product, added) : product
  }
  return {
    kind: names.kind,
    tensors,
    logits: (build, states) => scores(build, transformed(build, states)),
    loss(build, states, targets) {
      const x = transformed(build, states)
      const all = scores(build, x)
      // The target's own score, without a one-hot table of the whole vocabulary.
      const own = reduceSum(multiply(x, gather(decoder(build), targets)), [-1])
      const added = decoderBias(build)
      return subtract(logSumExp(all), added ? add(own, gather(added, targets)) : own)
    },
  }
}

type MaskedNames = Extract<LanguageModelNames, { kind: 'masked' }>

function transformTensors({ transform, norm }: MaskedNames): string[] {
  return [transform, norm].flatMap((path) => [`${path}.weight`, `${path}.bias`])
}

function transform(build: TokenBuild, config: BackboneConfig, names: MaskedNames, states: Value): Value {
  const { hiddenSize, layerNormEpsilon } = config
  const dense = linear(build, states, names.transform, hiddenSize, hiddenSize)
  const active = activate({ activation: names.activation(config) }, dense)
  return layerNorm(build, active, names.norm, hiddenSize, layerNormEpsilon)
}

/** `[rows, n]` → `[rows]` */
function logSumExp(x: Value): Value {
  const largest = reduceMax(x, [-1], true)
  const sum = reduceSum(exponential(subtract(x, largest)), [-1])
  return add(logarithm(sum), reshape(largest, sum.shape))
}
