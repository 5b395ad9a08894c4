import type { PreparedMethod, Situation } from '../adapters/method.ts'
import {
  divide,
  multiply,
  reduceSum,
  reshape,
  squareRoot,
  subtract,
  transpose,
  type Value,
} from '../graph/index.ts'
import type { EncodeOptions } from '../models/architecture.ts'
import type { Build } from '../models/sites.ts'

/**
 * For each layer `l` and part `p` of a united method: the layer is computed once more from the same input with that
 * part alone switched off in it, and `contribution.<l>.<p>` reveals the sum over the batch's tokens, padding left out,
 * of `‖h − h₋ₚ‖ / ‖h‖`, `[1]`, with `h` the layer's output and Euclidean norms over its hidden units. Parts count from 0.
 */
export function revealContributions(
  build: Build,
  method: PreparedMethod,
  { task, variant }: Situation,
): NonNullable<EncodeOptions['onLayer']> {
  const others = (method.united ?? []).map((part) =>
    method.sites(build, { task, variant: { ...variant, without: [part] } }),
  )
  return (layer, output, again) =>
    others.forEach((sites, part) =>
      build.reveal(contributionName(layer, part), relativeChange(build, output, again(sites))),
    )
}

/** Name of a revealed value. */
export function contributionName(layer: number, part: number): string {
  return `contribution.${layer}.${part}`
}

/** @param output `[sequence, batch, hidden]`, as `other` @returns `[1]` */
function relativeChange({ tokenMask }: Build, output: Value, other: Value): Value {
  const share = divide(norm(subtract(output, other)), norm(output))
  return reshape(reduceSum(multiply(share, transpose(tokenMask, [1, 0])), [0, 1]), [1])
}

/** Of each token, `[sequence, batch]`. */
function norm(x: Value): Value {
  return squareRoot(reduceSum(multiply(x, x), [-1]))
}
