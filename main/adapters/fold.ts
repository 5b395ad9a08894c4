import {
  adaptersOf,
  describeComposition,
  type Composition,
  type CompositionBlock,
} from '../../preload/contract.ts'
import { slice, type Value } from '../graph/index.ts'
import type { Build } from '../models/sites.ts'

export interface FoldOptions {
  /** Which branch of a Parallel block is computed. */
  channel?: number
  /** Divides an average by the number of adapters once more, as the adapters library does (verify only). */
  averageTwice?: boolean
}

/** What the blocks do to a state; the order in which they do it is the same for every kind of adapter. */
export interface Fold<State> {
  /** Whether this adapter sits here. */
  has(name: string): boolean
  /** Called before a block's children and before each adapter of a stack. */
  before(name: string, state: State): State
  single(name: string, state: State): State
  fuse?(
    block: CompositionBlock,
    children: readonly { name: string; state: State }[],
    entered: State,
    state: State,
  ): State
  average?(states: readonly State[], weights: readonly number[]): State
  select(states: readonly State[], rows: readonly Value[]): State
  /** Fits a branch of a Parallel block to the others. */
  alongside?(own: State, all: readonly State[]): State
  /** Says whose sums and norms end the sublayer, where that is not the adapter that came last. */
  endWith?(state: State, name: string): State
}

/** After `compose_stack`, `compose_fuse`, … of the library's `ComposableAdapterLayerBase`. */
export function foldComposition<State>(
  build: Build,
  composition: Composition,
  state: State,
  fold: Fold<State>,
  options: FoldOptions,
  path = '',
): State {
  if (typeof composition === 'string') {
    return fold.has(composition) ? fold.single(composition, fold.before(composition, state)) : state
  }
  const { kind, children } = composition
  const within = (child: Composition, from: State, index: number): State =>
    typeof child === 'string'
      ? fold.has(child)
        ? fold.single(child, from)
        : from
      : foldComposition(build, child, from, fold, options, `${path}${index}.`)
  if (kind === 'stack') {
    return children.reduce<State>(
      (below, child, i) => foldComposition(build, child, below, fold, options, `${path}${i}.`),
      state,
    )
  }

  const here = adaptersOf(composition).filter((name) => fold.has(name))
  const entry = kind === 'fuse' ? here.at(-1) : here[0]
  if (entry === undefined) return state
  const entered = fold.before(entry, state)
  const sits = (child: Composition): boolean => adaptersOf(child).some((name) => fold.has(name))
  switch (kind) {
    case 'fuse': {
      if (!fold.fuse)
        throw new Error(`${describeComposition(composition)} holds adapters that cannot be fused`)
      const fused = children.flatMap((child, i) =>
        sits(child) ? [{ name: describeComposition(child), state: within(child, entered, i) }] : [],
      )
      return fold.fuse(composition, fused, entered, state)
    }
    case 'average': {
      if (!fold.average)
        throw new Error(`${describeComposition(composition)} holds adapters that cannot be averaged`)
      const given = composition.weights ?? children.map(() => 1)
      const chosen = children.flatMap((child, i) =>
        sits(child) ? [{ child, i, weight: given[i] ?? 0 }] : [],
      )
      const states = chosen.map(({ child, i }) => within(child, entered, i))
      const weights = chosen.map(({ weight }) => weight)
      const whole = composition.asGiven ? 1 : weights.reduce((total, weight) => total + weight, 0)
      // Those that count do not sit here, and the others do not count: here it is as if there were none.
      if (whole === 0) return state
      return fold.average(
        states,
        options.averageTwice ? averagedTwice(composition, weights) : weights.map((weight) => weight / whole),
      )
    }
    case 'parallel': {
      const branches = children.map((child, i) => within(child, entered, i))
      const branch = branches[(options.channel ?? 0) % children.length]
      if (branch === undefined) throw new Error(`${describeComposition(composition)} is empty`)
      const fitted = fold.alongside?.(branch, branches) ?? branch
      // The library joins the branches again before the last sums and norms, which are then the last branch's for all.
      const last = here.at(-1)
      return last === undefined ? fitted : (fold.endWith?.(fitted, last) ?? fitted)
    }
    case 'batchSplit': {
      const rows = build.given(`rows:${path}`, ['batch', children.length])
      return fold.select(
        children.map((child, i) => within(child, entered, i)),
        children.map((_, i) => slice(rows, 1, i, i + 1)),
      )
    }
  }
}

/**
 * The library takes `torch.mean` of outputs that are weighted already; where only one of several adapters sits in a
 * layer, broadcasting gives it the weights of all.
 */
function averagedTwice(
  {
    children,
    weights = children.map(() => 1),
    asGiven = false,
  }: Extract<CompositionBlock, { kind: 'average' }>,
  present: readonly number[],
): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const whole = asGiven ? 1 : sum
  if (present.length === 1) return [sum / whole / children.length]
  return present.map((weight) => weight / whole / children.length)
}
