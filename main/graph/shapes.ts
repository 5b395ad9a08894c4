import type { Dimension, Shape } from './graph.ts'

/** Shape of an elementwise operation by ONNX's (NumPy's) broadcasting rule. */
export function broadcast(op: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis): Dimension => {
    const left = a[axis - rank + a.length] ?? 1
    const right = b[axis - rank + b.length] ?? 1
    if (left === right || right === 1) return left
    if (left === 1) return right
    throw new Error(`${op}: shapes [${a.join(', ')}] and [${b.join(', ')}] do not go together`)
  })
}

/** `-1` is the last axis. */
export function normalizeAxis(axis: number, rank: number): number {
  const normalized = axis < 0 ? axis + rank : axis
  if (normalized < 0 || normalized >= rank)
    throw new Error(`axis ${axis} of a tensor with ${rank} dimensions`)
  return normalized
}

export function normalizeAxes(axes: readonly number[], rank: number): number[] {
  return axes.map((axis) => normalizeAxis(axis, rank))
}

export function dimensionAt(shape: Shape, axis: number): Dimension {
  const dimension = shape[normalizeAxis(axis, shape.length)]
  if (dimension === undefined) throw new Error(`no axis ${axis} in [${shape.join(', ')}]`)
  return dimension
}

/** The dimension at `axis`, which must not be a symbol. */
export function sizeAt(shape: Shape, axis: number): number {
  const dimension = dimensionAt(shape, axis)
  if (typeof dimension !== 'number')
    throw new Error(`axis ${axis} of [${shape.join(', ')}] is not known before a run`)
  return dimension
}
