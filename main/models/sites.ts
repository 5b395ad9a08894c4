import type { Graph, Shape, Value } from '../graph/index.ts'

/** Where in a transformer block a method may sit: after the attention's output product, or after the feed-forward one. */
export type Place = 'attention' | 'output'

export interface BlockSite {
  layer: number
  place: Place
}

/** The linear layers of a block that a method may change. `intermediate` and `output` are the feed-forward part's. */
export type Projection = 'query' | 'key' | 'value' | 'intermediate' | 'output'

/** Keys and values put before those of the tokens, `[1 | batch, heads, length, head size]`. */
export interface Prefix {
  keys: Value
  values: Value
  /** 1 where an example sees the prefix, `[batch, 1, 1, length]`; left out: all do. */
  mask?: Value
  /** Added to its attention scores. */
  bias?: number
}

/**
 * What a method changes in a backbone. A backbone calls these while it adds its nodes; what a method leaves
 * out stays as pretrained. All values are time-major: `[sequence, batch, hidden]`.
 */
export interface Sites {
  /** Changes the embeddings before the first block. */
  embeddings?(x: Value): Value
  /**
   * Replaces `normalize(hidden + residual)`, the end of a sublayer.
   *
   * @param hidden the sublayer's output before its residual connection
   * @param residual the sublayer's input
   * @param normalize the block's own layer normalisation, which may be used more than once; in a pre-norm block,
   *   which has none there, the identity
   * @returns undefined where the method does not sit
   */
  join?(site: BlockSite, hidden: Value, residual: Value, normalize: (x: Value) => Value): Value | undefined
  /**
   * Changes a linear layer.
   *
   * @param x its input
   * @param y its output, bias added
   * @returns undefined where the method does not change it
   */
  project?(layer: number, projection: Projection, x: Value, y: Value): Value | undefined
  /** What attention sees before the tokens. @param x the attention's input, every position */
  prefix?(layer: number, x: Value): readonly Prefix[]
  /**
   * Whether something in this layer (but not its keys and values) reads all positions of its input, so that none
   * may be left out of it.
   */
  mixesPositions?(layer: number): boolean
  /** Whether this layer's keys or values are not only those of the backbone. */
  changesKeys?(layer: number): boolean
}

/** How an input is filled anew at each training step. */
export type Draw =
  /** 0 at the rate, else 1/(1 − rate). */
  | { kind: 'dropout'; rate: number }
  /** 1 with the probability, else 0. */
  | { kind: 'ones'; probability: number }

/** What a backbone or method needs to add its nodes. */
export interface Build {
  readonly graph: Graph
  /** Whether the graph trains: else nothing is drawn. */
  readonly training: boolean
  /** 1 for tokens, 0 for padding, `[batch, sequence]`. */
  readonly tokenMask: Value
  /** Gates take padding for tokens, as in the adapters library. */
  readonly gatesReadPadding?: boolean
  /** A parameter by its name in the checkpoint's (or the adapter library's) state dict: frozen or trained. */
  parameter(name: string, shape: readonly number[]): Value
  /** `x` with elements dropped at `rate` and the rest scaled up while training; `x` itself otherwise. */
  dropout(x: Value, rate: number, site: string): Value
  /** A float32 input drawn anew at each step; only for training graphs. */
  draw(name: string, shape: Shape, draw: Draw): Value
  /** A float32 input that the run (or its method's `draw`) fills for each batch. */
  given(name: string, shape: Shape): Value
  /** A float32 number that follows the step, `[]`. @param at its value after so many steps */
  scheduled(name: string, at: (step: number) => number): Value
  /** Names a value for callers that want to look inside. */
  reveal(name: string, value: Value): void
  /**
   * Adds `weight · value` to the loss and reports `value` under the name.
   *
   * @param value one per example, `[batch]`, of which the mean counts; or `[1]`
   */
  loss(name: string, value: Value, weight: number): void
}
