import type { Value } from '../graph.ts'
import { product, type Shape } from '../graph.ts'
import { dimensionAt } from '../shapes.ts'
import { reshape } from './layout.ts'
import { reduceTo } from './reductions.ts'
import { at, differentiable, numberAttribute, outputGradient } from './rules.ts'

export interface ProductOptions {
  /** Swap the last two axes of the left factor first. */
  transposeA?: boolean
  transposeB?: boolean
  /** The product is multiplied by this. */
  alpha?: number
}

/**
 * Matrix product over the last two axes. `a [..., m, k]`; `b [k, n]`, or with the same leading axes as `a`, some of
 * which may be 1 and then serve all of `a`'s.
 * An engine's lowering decides which kernel it becomes.
 */
export function matMul(a: Value, b: Value, options: ProductOptions = {}): Value {
  const { transposeA = false, transposeB = false, alpha = 1 } = options
  const inner = dimensionAt(a.shape, transposeA ? -2 : -1)
  const lead = a.shape.slice(0, -2)
  if (
    inner !== dimensionAt(b.shape, transposeB ? -1 : -2) ||
    !(b.shape.length === 2 || servesAll(b.shape.slice(0, -2), lead))
  ) {
    throw new Error(
      `matrix product of [${a.shape.join(', ')}] and [${b.shape.join(', ')}] (transposed: ${transposeA}, ${transposeB})`,
    )
  }
  const shape = [
    ...lead,
    dimensionAt(a.shape, transposeA ? -1 : -2),
    dimensionAt(b.shape, transposeB ? -2 : -1),
  ]
  return at(a.graph.node('MatMul', [a, b], { transposeA, transposeB, alpha }, [{ type: a.type, shape }]))
}

function servesAll(from: Shape, to: Shape): boolean {
  return from.length === to.length && from.every((size, axis) => size === to[axis] || size === 1)
}

/** `[a, b, n]` as `[a·b, n]`. */
function flattenRows(x: Value): Value {
  return x.shape.length === 2 ? x : reshape(x, [product(x.shape.slice(0, -1)), dimensionAt(x.shape, -1)])
}

differentiable('MatMul', ({ inputs, attributes }, gradients, wanted) => {
  const dy = outputGradient(gradients)
  const [a, b] = [at(inputs), at(inputs, 1)]
  const transposeA = attributes['transposeA'] === true
  const transposeB = attributes['transposeB'] === true
  const alpha = numberAttribute(attributes, 'alpha')
  let da: Value | undefined
  if (wanted[0]) {
    da = transposeA
      ? matMul(b, dy, { transposeA: transposeB, transposeB: true, alpha })
      : matMul(dy, b, { transposeB: !transposeB, alpha })
  }
  let db: Value | undefined
  if (wanted[1]) {
    const shared = b.shape.length === 2 && a.shape.length > 2
    if (shared && transposeA)
      throw new Error('the gradient of a shared right factor needs an untransposed left one')
    const [left, right] = shared ? [flattenRows(a), flattenRows(dy)] : [a, dy]
    const spread = transposeB
      ? matMul(right, left, { transposeA: true, transposeB: transposeA, alpha })
      : matMul(left, right, { transposeA: !transposeA, alpha })
    db = reduceTo(spread, b.shape)
  }
  return [da, db]
})
