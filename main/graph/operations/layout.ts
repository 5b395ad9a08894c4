import { product, sameShape, type Shape, type Value } from '../graph.ts'
import { broadcast, dimensionAt, normalizeAxis, sizeAt } from '../shapes.ts'
import { reduceTo } from './reductions.ts'
import { at, differentiable, listAttribute, noGradient, numberAttribute, outputGradient } from './rules.ts'

/**
 * The same elements under another shape. At most one dimension may be a symbol that does not stand at the
 * same place in the input's shape (a run computes it).
 */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x
  if (product(x.shape) !== product(shape)) {
    throw new Error(`cannot reshape [${x.shape.join(', ')}] to [${shape.join(', ')}]`)
  }
  return at(x.graph.node('Reshape', [x], { shape }, [{ type: x.type, shape }]))
}

/** The same elements under the shape of `like`, which may have any number of symbols. */
function reshapeLike(x: Value, like: Value): Value {
  const open = like.shape.filter(
    (dimension, axis) => typeof dimension === 'string' && dimension !== x.shape[axis],
  )
  if (open.length <= 1) return reshape(x, like.shape)
  return at(x.graph.node('ReshapeLike', [x, like], {}, [{ type: x.type, shape: like.shape }]))
}

/** `output.shape[i] = x.shape[permutation[i]]` */
export function transpose(x: Value, permutation: readonly number[]): Value {
  const shape = permutation.map((axis) => dimensionAt(x.shape, axis))
  return at(x.graph.node('Transpose', [x], { perm: permutation }, [{ type: x.type, shape }]))
}

/** `x[start:end]` along one axis whose size may be a symbol only if the slice's is not. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  const along = normalizeAxis(axis, x.shape.length)
  const size = x.shape[along]
  if (start === 0 && end === size) return x
  if (start < 0 || end <= start || (typeof size === 'number' && end > size)) {
    throw new Error(`Slice: [${x.shape.join(', ')}] has no ${start} to ${end} along axis ${along}`)
  }
  const shape = x.shape.map((dimension, i) => (i === along ? end - start : dimension))
  return at(x.graph.node('Slice', [x], { axis: along, start, end }, [{ type: x.type, shape }]))
}

/** Joins values along an axis where all have known sizes. */
export function concatenate(values: readonly Value[], axis: number): Value {
  const first = at(values)
  if (values.length === 1) return first
  const along = normalizeAxis(axis, first.shape.length)
  const length = values.reduce((sum, value) => sum + sizeAt(value.shape, along), 0)
  const joined = (own: Shape): Shape => own.map((dimension, i) => (i === along ? length : dimension))
  const shape = joined(first.shape)
  const other = values.find((value) => !sameShape(joined(value.shape), shape))
  if (other) {
    throw new Error(
      `Concat: shapes [${first.shape.join(', ')}] and [${other.shape.join(', ')}] do not go together`,
    )
  }
  return at(first.graph.node('Concat', values, { axis: along }, [{ type: first.type, shape }]))
}

/** `x` with zeros around it along one axis, so that it takes the place `start…` of a tensor like `like`. */
function padLike(x: Value, axis: number, start: number, like: Value): Value {
  return at(x.graph.node('PadLike', [x, like], { axis, start }, [{ type: x.type, shape: like.shape }]))
}

/** Rows of a table: `table [rows, …]`, `indices [a, b]` → `[a, b, …]`. */
export function gather(table: Value, indices: Value): Value {
  const shape = [...indices.shape, ...table.shape.slice(1)]
  return at(table.graph.node('Gather', [table, indices], { axis: 0 }, [{ type: table.type, shape }]))
}

/** The gradient of `gather`: sums each row of `updates [a, b, …]` into row `indices [a, b]` of a zero table. */
export function scatterRows(indices: Value, updates: Value, table: Shape): Value {
  return at(
    updates.graph.node('ScatterRows', [indices, updates], { shape: table }, [
      { type: updates.type, shape: table },
    ]),
  )
}

/** Broadcasts `x` to the shape of `like`. */
export function expandLike(x: Value, like: Value): Value {
  if (sameShape(x.shape, like.shape)) return x
  broadcast('ExpandLike', x.shape, like.shape)
  return at(x.graph.node('ExpandLike', [x, like], {}, [{ type: x.type, shape: like.shape }]))
}

/** The size of one axis in this run, as a float32 `[1]`. */
export function dimensionSize(x: Value, axis: number): Value {
  const along = normalizeAxis(axis, x.shape.length)
  return at(x.graph.node('DimensionSize', [x], { axis: along }, [{ type: 'float32', shape: [1] }]))
}

differentiable('Reshape', ({ inputs }, gradients) => [reshapeLike(outputGradient(gradients), at(inputs))])
differentiable('Transpose', ({ attributes }, gradients) => {
  const permutation = listAttribute(attributes, 'perm')
  const inverse = permutation.map((_, axis) => permutation.indexOf(axis))
  return [transpose(outputGradient(gradients), inverse)]
})
differentiable('Slice', ({ inputs, attributes }, gradients) => [
  padLike(
    outputGradient(gradients),
    numberAttribute(attributes, 'axis'),
    numberAttribute(attributes, 'start'),
    at(inputs),
  ),
])
differentiable('Concat', ({ inputs, attributes }, gradients, wanted) => {
  const dy = outputGradient(gradients)
  const axis = numberAttribute(attributes, 'axis')
  let start = 0
  return inputs.map((input, i) => {
    const end = start + sizeAt(input.shape, axis)
    const part = wanted[i] ? slice(dy, axis, start, end) : undefined
    start = end
    return part
  })
})
differentiable('Gather', ({ inputs }, gradients) => [
  scatterRows(at(inputs, 1), outputGradient(gradients), at(inputs).shape),
  undefined,
])
differentiable('ExpandLike', ({ inputs }, gradients) => [
  reduceTo(outputGradient(gradients), at(inputs).shape),
  undefined,
])
for (const op of ['DimensionSize', 'PadLike', 'ReshapeLike', 'ScatterRows']) differentiable(op, noGradient)
