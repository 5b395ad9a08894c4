import { sameShape, type Shape, type Value } from '../graph.ts'
import { dimensionAt, normalizeAxes } from '../shapes.ts'
import { add, divide, exponential, logarithm, multiply, subtract } from './elementwise.ts'
import { expandLike, dimensionSize, reshape } from './layout.ts'
import { at, differentiable, listAttribute, noGradient, outputGradient } from './rules.ts'

function reduce(op: string, x: Value, axes: readonly number[], keepDimensions: boolean): Value {
  const reduced = normalizeAxes(axes, x.shape.length)
  const shape = keepDimensions
    ? x.shape.map((dimension, axis) => (reduced.includes(axis) ? 1 : dimension))
    : x.shape.filter((_, axis) => !reduced.includes(axis))
  return at(
    x.graph.node(op, [x], { axes: reduced, keepdims: keepDimensions ? 1 : 0 }, [{ type: x.type, shape }]),
  )
}

export const reduceSum = (x: Value, axes: readonly number[], keepDimensions = false): Value =>
  reduce('ReduceSum', x, axes, keepDimensions)
export const reduceMean = (x: Value, axes: readonly number[], keepDimensions = false): Value =>
  reduce('ReduceMean', x, axes, keepDimensions)
/** Passes no gradient: it serves to keep exponentials small, where the result does not depend on it. */
export const reduceMax = (x: Value, axes: readonly number[], keepDimensions = false): Value =>
  reduce('ReduceMax', x, axes, keepDimensions)

/** Sums out what broadcasting had spread: the gradient of a value of `shape` from that of its broadcast form. */
export function reduceTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x
  const lead = x.shape.length - shape.length
  const spread = x.shape.flatMap((dimension, axis) => {
    const target = axis < lead ? undefined : shape[axis - lead]
    return target === undefined || (target === 1 && dimension !== 1) ? [axis] : []
  })
  const summed = spread.length > 0 ? reduceSum(x, spread, true) : x
  return sameShape(summed.shape, shape) ? summed : reshape(summed, shape)
}

/** Softmax over the last axis. */
export function softmax(x: Value): Value {
  return at(x.graph.node('Softmax', [x], { axis: -1 }, [{ type: x.type, shape: x.shape }]))
}

/** Logarithm of the softmax over the last axis, without an operation of its own (WebGPU has none). */
export function logSoftmax(x: Value): Value {
  const shifted = subtract(x, reduceMax(x, [-1], true))
  return subtract(shifted, logarithm(reduceSum(exponential(shifted), [-1], true)))
}

/** Layer normalisation over the last axis: `(x − mean) / √(variance + epsilon) · scale + bias`. */
export function layerNormalization(x: Value, scale: Value, bias: Value, epsilon: number): Value {
  const statistics = [...x.shape.slice(0, -1), 1]
  return at(
    x.graph.node('LayerNormalization', [x, scale, bias], { axis: -1, epsilon }, [
      { type: x.type, shape: x.shape },
      { type: x.type, shape: statistics },
      { type: x.type, shape: statistics },
    ]),
  )
}

/** A reduction's output gradient with the reduced axes put back as ones. */
function restored(dy: Value, x: Value, axes: readonly number[]): Value {
  return reshape(
    dy,
    x.shape.map((dimension, axis) => (axes.includes(axis) ? 1 : dimension)),
  )
}

differentiable('ReduceSum', ({ inputs, attributes }, gradients) => {
  const x = at(inputs)
  return [expandLike(restored(outputGradient(gradients), x, listAttribute(attributes, 'axes')), x)]
})
differentiable('ReduceMean', ({ inputs, attributes }, gradients) => {
  const x = at(inputs)
  const axes = listAttribute(attributes, 'axes')
  let dy = restored(outputGradient(gradients), x, axes)
  for (const axis of axes) {
    const size = dimensionAt(x.shape, axis)
    dy = typeof size === 'number' ? multiply(dy, 1 / size) : divide(dy, dimensionSize(x, axis))
  }
  return [expandLike(dy, x)]
})
differentiable('ReduceMax', noGradient)

differentiable('Softmax', ({ outputs }, gradients) => {
  const [y, dy] = [at(outputs), outputGradient(gradients)]
  const weighted = multiply(y, dy)
  return [subtract(weighted, multiply(y, reduceSum(weighted, [-1], true)))]
})

differentiable('LayerNormalization', ({ inputs, outputs }, gradients, wanted) => {
  const dy = outputGradient(gradients)
  const [x, scale, bias] = [at(inputs), at(inputs, 1), at(inputs, 2)]
  const [mean, inverseDeviation] = [at(outputs, 1), at(outputs, 2)]
  let dx: Value | undefined
  if (wanted[0]) {
    // σ⁻¹ (g − mean(g) − x̂ mean(g x̂)) with g = dy · scale and x̂ = (x − mean) σ⁻¹, put together so that only six
    // passes go over all elements and the rest over one number a row.
    const scaled = multiply(dy, scale)
    const centre = reduceMean(scaled, [-1], true)
    const along = subtract(reduceMean(multiply(scaled, x), [-1], true), multiply(mean, centre))
    const slope = multiply(along, multiply(inverseDeviation, inverseDeviation))
    const projected = add(multiply(x, slope), subtract(centre, multiply(mean, slope)))
    dx = multiply(subtract(scaled, projected), inverseDeviation)
  }
  const normalized = (): Value => multiply(subtract(x, mean), inverseDeviation)
  return [
    dx,
    wanted[1] ? reduceTo(multiply(dy, normalized()), scale.shape) : undefined,
    wanted[2] ? reduceTo(dy, bias.shape) : undefined,
  ]
})
