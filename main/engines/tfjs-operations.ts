import type * as TFJS from '@tensorflow/tfjs-core'

import type { Node, Shape } from '../graph/index.ts'

export type Tfjs = typeof TFJS
type Tensor = TFJS.Tensor

/** What an operation is computed with. */
export interface Computing {
  tf: Tfjs
  node: Node
  inputs: readonly Tensor[]
  /** A shape in this run. */
  sizesOf: (shape: Shape) => number[]
  /** A number on the device, where it stays for the next run: its caller does not free it. */
  scalar: (value: number) => Tensor
}

type Operation = (computing: Computing) => Tensor | Tensor[]

/** One input to one output. */
const unary =
  (compute: (tf: Tfjs, x: Tensor) => Tensor): Operation =>
  ({ tf, inputs }) =>
    compute(tf, at(inputs))

/** Two inputs, broadcast to one another. */
const binary =
  (compute: (tf: Tfjs, a: Tensor, b: Tensor) => Tensor): Operation =>
  ({ tf, inputs }) =>
    compute(tf, at(inputs), at(inputs, 1))

const reduction =
  (compute: (tf: Tfjs, x: Tensor, axes: number[], keepDimensions: boolean) => Tensor): Operation =>
  ({ tf, node, inputs }) =>
    compute(tf, at(inputs), integers(node, 'axes'), node.attributes['keepdims'] === 1)

/**
 * Each operation of a graph in operations of tfjs. What one of them makes besides its result, its caller frees. No
 * result is one of the inputs.
 */
export const operations: Readonly<Record<string, Operation>> = {
  Add: binary((tf, a, b) => tf.add(a, b)),
  Sub: binary((tf, a, b) => tf.sub(a, b)),
  Mul: binary((tf, a, b) => (a === b ? tf.square(a) : tf.mul(a, b))),
  Div: binary((tf, a, b) => tf.div(a, b)),
  Min: binary((tf, a, b) => tf.minimum(a, b)),
  Max: binary((tf, a, b) => tf.maximum(a, b)),
  Greater: binary((tf, a, b) => tf.greater(a, b)),
  Neg: unary((tf, x) => tf.neg(x)),
  Exp: unary((tf, x) => tf.exp(x)),
  Log: unary((tf, x) => tf.log(x)),
  Sqrt: unary((tf, x) => tf.sqrt(x)),
  Erf: unary((tf, x) => tf.erf(x)),
  Tanh: unary((tf, x) => tf.tanh(x)),
  Sigmoid: unary((tf, x) => tf.sigmoid(x)),
  Relu: unary((tf, x) => tf.relu(x)),
  LeakyRelu: ({ tf, node, inputs }) => tf.leakyRelu(at(inputs), number(node, 'alpha')),
  HardSigmoid({ tf, node, inputs }) {
    const line = tf.add(tf.mul(at(inputs), number(node, 'alpha')), number(node, 'beta'))
    return tf.clipByValue(line, 0, 1)
  },
  Gelu: (computing) => (computing.node.attributes['approximate'] === 'tanh' ? tanhGelu : gelu)(computing),
  Cast: ({ tf, node, inputs }) => tf.cast(at(inputs), dataTypeOf(String(node.attributes['to']))),
  MatMul: matMul,
  Reshape: reshape,
  ReshapeLike: reshape,
  Transpose: ({ tf, node, inputs }) => tf.transpose(at(inputs), integers(node, 'perm')),
  Slice({ tf, node, inputs }) {
    const x = at(inputs)
    const [axis, start, end] = [number(node, 'axis'), number(node, 'start'), number(node, 'end')]
    const begin = x.shape.map((_, i) => (i === axis ? start : 0))
    const size = x.shape.map((whole, i) => (i === axis ? end - start : whole))
    return tf.slice(x, begin, size)
  },
  PadLike({ tf, node, inputs }) {
    const [x, like] = [at(inputs), at(inputs, 1)]
    const [axis, start] = [number(node, 'axis'), number(node, 'start')]
    const pads = x.shape.map((size, i): [number, number] =>
      i === axis ? [start, (like.shape[i] ?? 0) - start - size] : [0, 0],
    )
    return tf.pad(x, pads)
  },
  Concat: ({ tf, node, inputs }) => tf.concat([...inputs], number(node, 'axis')),
  Gather: ({ tf, inputs }) => tf.gather(at(inputs), at(inputs, 1)),
  ScatterRows({ tf, node, inputs }) {
    const [indices, updates] = [at(inputs), at(inputs, 1)]
    const [rows = 0, ...row] = shapeAttribute(node)
    const flat = tf.reshape(updates, [-1, ...row])
    return tf.scatterND(tf.reshape(indices, [-1, 1]), flat, [rows, ...row])
  },
  ExpandLike: ({ tf, inputs }) => tf.broadcastTo(at(inputs), at(inputs, 1).shape),
  DimensionSize: ({ tf, node, inputs }) => tf.tensor1d([at(inputs).shape[number(node, 'axis')] ?? 0]),
  ReduceSum: reduction((tf, x, axes, keep) => tf.sum(x, axes, keep)),
  ReduceMean: reduction((tf, x, axes, keep) => tf.mean(x, axes, keep)),
  ReduceMax: reduction((tf, x, axes, keep) => tf.max(x, axes, keep)),
  Softmax: unary((tf, x) => tf.softmax(x)),
  LayerNormalization({ tf, node, inputs, scalar }) {
    const [x, scale, bias] = [at(inputs), at(inputs, 1), at(inputs, 2)]
    const mean = tf.mean(x, -1, true)
    const centred = tf.sub(x, mean)
    const variance = tf.mean(tf.square(centred), -1, true)
    const inverseDeviation = tf.rsqrt(tf.add(variance, scalar(number(node, 'epsilon'))))
    const y = tf.add(tf.mul(tf.mul(centred, inverseDeviation), scale), bias)
    return [y, mean, inverseDeviation]
  },
}

function matMul({ tf, node, inputs, scalar }: Computing): Tensor {
  const transposeA = node.attributes['transposeA'] === true
  const transposeB = node.attributes['transposeB'] === true
  const alpha = number(node, 'alpha')
  let [a, b] = [at(inputs), at(inputs, 1)]
  const columns = at(b.shape, transposeB ? -2 : -1)
  const rows = at(a.shape, transposeA ? -1 : -2)
  const shape = [...a.shape.slice(0, -2), rows, columns]
  // The factor goes to whatever has the fewest elements.
  const size = shape.reduce((product, dimension) => product * dimension, 1)
  const scales = alpha === 1 ? 'none' : size <= a.size && size <= b.size ? 'y' : a.size < b.size ? 'a' : 'b'
  if (scales === 'a') a = tf.mul(a, scalar(alpha))
  if (scales === 'b') b = tf.mul(b, scalar(alpha))
  const y = product(tf, a, b, transposeA, transposeB, shape)
  return scales === 'y' ? tf.mul(y, scalar(alpha)) : y
}

function product(
  tf: Tfjs,
  a: Tensor,
  b: Tensor,
  transposeA: boolean,
  transposeB: boolean,
  shape: number[],
): Tensor {
  const lead = a.shape.slice(0, -2)
  if (b.rank === a.rank) {
    const shared = b.shape.slice(0, -2)
    const sameLead = shared.every((size, axis) => size === lead[axis])
    // Backends disagree on leading axes of which only some are 1.
    const right = sameLead ? b : tf.broadcastTo(b, [...lead, ...b.shape.slice(-2)])
    return tf.matMul(a, right, transposeA, transposeB)
  }
  if (!transposeA) {
    const flat = tf.matMul(tf.reshape(a, [-1, at(a.shape, -1)]), b, false, transposeB)
    return tf.reshape(flat, shape)
  }
  const right = tf.broadcastTo(tf.reshape(b, [...lead.map(() => 1), ...b.shape]), [...lead, ...b.shape])
  return tf.matMul(a, right, transposeA, transposeB)
}

function reshape({ tf, node, inputs, sizesOf }: Computing): Tensor {
  return tf.reshape(at(inputs), sizesOf(at(node.outputs).shape))
}

function gelu({ tf, inputs, scalar }: Computing): Tensor {
  const x = at(inputs)
  const [half, rootHalf] = [scalar(0.5), scalar(Math.SQRT1_2)]
  return tf.mul(x, tf.add(tf.mul(tf.erf(tf.mul(x, rootHalf)), half), half))
}

function tanhGelu({ tf, inputs, scalar }: Computing): Tensor {
  const x = at(inputs)
  const half = scalar(0.5)
  const curve = tf.add(tf.mul(tf.square(x), scalar(0.044715)), scalar(1))
  const t = tf.tanh(tf.mul(tf.mul(x, curve), scalar(Math.sqrt(2 / Math.PI))))
  return tf.mul(x, tf.add(tf.mul(t, half), half))
}

/** The tfjs type of a graph's: it has no 64-bit integers. */
export function dataTypeOf(type: string): 'float32' | 'int32' | 'bool' {
  if (type === 'float32' || type === 'bool') return type
  return 'int32'
}

function at<Item>(items: readonly Item[], position = 0): Item {
  const item = items.at(position)
  if (item === undefined) throw new Error(`nothing at position ${position} of ${items.length}`)
  return item
}

function number(node: Node, name: string): number {
  const value = node.attributes[name]
  if (typeof value !== 'number') throw new Error(`${node.op} lacks its ${name}`)
  return value
}

function integers(node: Node, name: string): number[] {
  const value = node.attributes[name]
  if (!Array.isArray(value)) throw new Error(`${node.op} lacks its ${name}`)
  return value.map(Number)
}

function shapeAttribute(node: Node): number[] {
  return integers(node, 'shape')
}
