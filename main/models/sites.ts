import type { Value } from '../graph/index.ts'

/** Where in a transformer block a method may sit: after the attention's output product, or after the feed-forward one. */
export type Place = 'attention' | 'output'

export interface BlockSite {
  layer: number
  place: Place
}

/**
 * What a method changes in a backbone. A backbone calls these while it adds its nodes; what a method leaves
 * out stays as pretrained. All values are time-major: `[sequence, batch, hidden]`.
 */
export interface Sites {
  /**
   * Replaces `normalize(hidden + residual)`, the end of a sublayer.
   *
   * @param hidden the sublayer's output before its residual connection
   * @param residual the sublayer's input
   * @param normalize the block's own layer normalisation, which may be used more than once
   * @returns undefined where the method does not sit
   */
  join?(site: BlockSite, hidden: Value, residual: Value, normalize: (x: Value) => Value): Value | undefined
  /** Whether `join` in this layer mixes positions, so that no position may be left out of its input. */
  mixesPositions?(layer: number): boolean
}

/** What a backbone or method needs to add its nodes. */
export interface Build {
  /** A parameter by its name in the checkpoint's (or the adapter library's) state dict: frozen or trained. */
  parameter(name: string, shape: readonly number[]): Value
  /** `x` with elements dropped at `rate` and the rest scaled up while training; `x` itself otherwise. */
  dropout(x: Value, rate: number, site: string): Value
}
