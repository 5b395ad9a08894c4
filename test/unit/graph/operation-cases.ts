import { expect } from 'vitest'

import { createRandom } from '../../../main/data/random.ts'
import type { Engine } from '../../../main/engines/engine.ts'
import * as ops from '../../../main/graph/index.ts'
import { Graph, gradients, type Shape, type Value } from '../../../main/graph/index.ts'
import { size, type Tensor } from './reference.ts'

/** An operation, or a few, with what goes in. */
export interface OperationCase {
  name: string
  /** Shapes with symbols; `sizes` says what the symbols are in this run. */
  inputs: { shape: Shape; from?: number; to?: number; rows?: number }[]
  apply(...values: Value[]): Value
  /** For operations that pass no gradient. */
  constant?: true
}

const sizes: Record<string, number> = { batch: 3, sequence: 5 }
const sb = ['sequence', 'batch'] as const

/** Every operation, at least once with symbolic dimensions. `rows` marks int32 indices below that number. */
export const cases: OperationCase[] = [
  { name: 'add', inputs: [{ shape: [...sb, 4] }, { shape: [4] }], apply: ops.add },
  {
    name: 'add, broadcast on both sides',
    inputs: [{ shape: ['sequence', 1, 4] }, { shape: ['batch', 1] }],
    apply: ops.add,
  },
  { name: 'subtract', inputs: [{ shape: ['batch', 1] }, { shape: ['batch', 4] }], apply: ops.subtract },
  { name: 'multiply', inputs: [{ shape: [...sb, 4] }, { shape: ['batch', 4] }], apply: ops.multiply },
  { name: 'multiply by itself', inputs: [{ shape: ['batch', 4] }], apply: (x) => ops.multiply(x, x) },
  { name: 'divide', inputs: [{ shape: ['batch', 4] }, { shape: [4], from: 1, to: 2 }], apply: ops.divide },
  { name: 'negate', inputs: [{ shape: ['batch'] }], apply: ops.negate },
  { name: 'exponential', inputs: [{ shape: ['batch', 2] }], apply: ops.exponential },
  { name: 'logarithm', inputs: [{ shape: ['batch', 2], from: 0.5, to: 3 }], apply: ops.logarithm },
  { name: 'square root', inputs: [{ shape: ['batch', 2], from: 0.5, to: 3 }], apply: ops.squareRoot },
  { name: 'error function', inputs: [{ shape: ['batch', 4] }], apply: ops.errorFunction },
  { name: 'tanh', inputs: [{ shape: ['batch', 4] }], apply: ops.tanh },
  { name: 'sigmoid', inputs: [{ shape: ['batch', 4] }], apply: ops.sigmoid },
  { name: 'silu', inputs: [{ shape: ['batch', 4] }], apply: ops.silu },
  { name: 'relu', inputs: [{ shape: ['batch', 4] }], apply: ops.relu },
  { name: 'leaky relu', inputs: [{ shape: ['batch', 4] }], apply: (x) => ops.leakyRelu(x, 0.01) },
  {
    name: 'hard sigmoid',
    inputs: [{ shape: ['batch', 4] }],
    apply: (x) => ops.hardSigmoid(x, 0.75, 0.25),
    constant: true,
  },
  { name: 'gelu', inputs: [{ shape: ['batch', 4] }], apply: (x) => ops.gelu(x) },
  {
    name: 'gelu far from zero, on both sides',
    inputs: [{ shape: ['batch', 4], from: 14, to: 40 }],
    apply: (x) => ops.multiply(ops.gelu(x), ops.add(ops.gelu(ops.negate(x)), 2)),
  },
  { name: 'gelu by tanh', inputs: [{ shape: ['batch', 4] }], apply: (x) => ops.gelu(x, 'tanh') },
  { name: 'minimum', inputs: [{ shape: ['batch', 4] }], apply: (x) => ops.minimum(x, 0.25), constant: true },
  {
    name: 'elementwise maximum',
    inputs: [{ shape: ['batch', 4] }, { shape: ['batch', 1] }],
    apply: ops.maximum,
    constant: true,
  },
  {
    name: 'greater and cast',
    inputs: [{ shape: ['batch', 4] }],
    apply: (x) => ops.cast(ops.greater(x, 0), 'float32'),
    constant: true,
  },
  {
    name: 'matrix product',
    inputs: [{ shape: [...sb, 4] }, { shape: [4, 6] }],
    apply: (a, b) => ops.matMul(a, b),
  },
  {
    name: 'matrix product with a transposed right factor',
    inputs: [{ shape: [...sb, 4] }, { shape: [6, 4] }],
    apply: (a, b) => ops.matMul(a, b, { transposeB: true, alpha: 0.5 }),
  },
  {
    name: 'matrix product with a transposed left factor',
    inputs: [{ shape: ['batch', 4, 'sequence'] }, { shape: ['batch', 4, 6] }],
    apply: (a, b) => ops.matMul(a, b, { transposeA: true }),
  },
  {
    name: 'batched matrix product, both transposed',
    inputs: [{ shape: ['batch', 2, 4, 'sequence'] }, { shape: ['batch', 2, 6, 4] }],
    apply: (a, b) => ops.matMul(a, b, { transposeA: true, transposeB: true, alpha: 2 }),
  },
  {
    name: 'batched matrix product with a transposed right factor',
    inputs: [{ shape: ['batch', 2, 'sequence', 4] }, { shape: ['batch', 2, 'sequence', 4] }],
    apply: (a, b) => ops.matMul(a, b, { transposeB: true, alpha: 0.25 }),
  },
  {
    name: 'batched matrix product with a right factor that serves every example',
    inputs: [{ shape: ['batch', 2, 'sequence', 4] }, { shape: [1, 2, 6, 4] }],
    apply: (a, b) => ops.matMul(a, b, { transposeB: true, alpha: 0.5 }),
  },
  { name: 'transpose', inputs: [{ shape: [...sb, 2, 4] }], apply: (x) => ops.transpose(x, [1, 2, 0, 3]) },
  {
    name: 'transpose before a product',
    inputs: [{ shape: [...sb, 2, 4] }, { shape: [...sb, 2, 4] }],
    apply: (a, b) =>
      ops.matMul(ops.transpose(a, [1, 2, 0, 3]), ops.transpose(b, [1, 2, 0, 3]), { transposeB: true }),
  },
  { name: 'reshape', inputs: [{ shape: [...sb, 8] }], apply: (x) => ops.reshape(x, [...sb, 2, 4]) },
  {
    name: 'reshape that joins symbols',
    inputs: [{ shape: [...sb, 4] }],
    apply: (x) => ops.reshape(x, ['batch*sequence', 4]),
  },
  { name: 'slice', inputs: [{ shape: [...sb, 4] }], apply: (x) => ops.slice(x, 2, 1, 3) },
  {
    name: 'slice of the first position',
    inputs: [{ shape: [...sb, 4] }],
    apply: (x) => ops.slice(x, 0, 0, 1),
  },
  {
    name: 'concatenate',
    inputs: [{ shape: ['batch', 2] }, { shape: ['batch', 3] }, { shape: ['batch', 1] }],
    apply: (...values) => ops.concatenate(values, 1),
  },
  {
    name: 'gather with repeated rows',
    inputs: [{ shape: [4, 6] }, { shape: [...sb], rows: 4 }],
    apply: (table, ids) => ops.gather(table, ids),
  },
  {
    name: 'expand',
    inputs: [{ shape: ['batch', 1] }, { shape: [...sb, 4] }],
    apply: (x, like) => ops.expandLike(x, like),
  },
  {
    name: 'dimension size',
    inputs: [{ shape: [...sb] }],
    apply: (x) => ops.dimensionSize(x, 0),
    constant: true,
  },
  {
    name: 'sum over known and unknown axes',
    inputs: [{ shape: [...sb, 4] }],
    apply: (x) => ops.reduceSum(x, [0, 2]),
  },
  {
    name: 'mean over a known axis',
    inputs: [{ shape: [...sb, 4] }],
    apply: (x) => ops.reduceMean(x, [-1], true),
  },
  {
    name: 'mean over an unknown axis',
    inputs: [{ shape: [...sb, 4] }],
    apply: (x) => ops.reduceMean(x, [0]),
  },
  {
    name: 'maximum over an axis',
    inputs: [{ shape: [...sb, 4] }],
    apply: (x) => ops.reduceMax(x, [-1], true),
    constant: true,
  },
  { name: 'softmax', inputs: [{ shape: ['batch', 5] }], apply: ops.softmax },
  { name: 'logarithm of the softmax', inputs: [{ shape: ['batch', 5] }], apply: ops.logSoftmax },
  {
    name: 'layer normalisation',
    inputs: [{ shape: [...sb, 6] }, { shape: [6] }, { shape: [6] }],
    apply: (x, scale, bias) => ops.layerNormalization(x, scale, bias, 1e-5),
  },
]

/**
 * The case's graph: `y`, and the gradient of Σ y·w for fixed random w with regard to every float input. `w` makes
 * the gradient differ from element to element.
 */
export function graphOf({ inputs, apply }: OperationCase) {
  const graph = new Graph()
  const values = inputs.map(({ shape, rows }, i) =>
    graph.input(`x${i}`, rows === undefined ? 'float32' : 'int32', shape),
  )
  const y = apply(...values)
  const weights = graph.input('w', 'float32', y.shape)
  const loss = ops.reduceSum(
    ops.multiply(y, weights),
    y.shape.map((_, axis) => axis),
  )
  const floats = values.filter(({ type }) => type === 'float32')
  graph.output('y', y)
  graph.output('loss', loss)
  gradients(loss, floats).forEach((gradient, i) => {
    if (gradient) graph.output(`d${floats[i]?.name ?? ''}`, gradient)
  })
  return { graph, values, weights }
}

export function feedsOf(
  { name, inputs }: OperationCase,
  values: Value[],
  weights: Value,
): Record<string, Tensor> {
  const random = createRandom(7, name)
  const concrete = (shape: Shape): number[] => shape.map((dimension) => concreteSize(dimension))
  const feeds: Record<string, Tensor> = {}
  values.forEach((value, i) => {
    const { from = -1, to = 1, rows } = inputs[i] ?? {}
    const shape = concrete(value.shape)
    const draw = (): number =>
      rows === undefined ? Math.fround(from + (to - from) * random.uniform()) : random.integer(rows)
    feeds[value.name] = { shape, data: Float64Array.from({ length: size(shape) }, draw) }
  })
  const shape = concrete(weights.shape)
  feeds['w'] = {
    shape,
    data: Float64Array.from({ length: size(shape) }, () => Math.fround(random.uniform() + 0.5)),
  }
  return feeds
}

function concreteSize(dimension: number | string): number {
  if (typeof dimension === 'number') return dimension
  return dimension.split('*').reduce((product, factor) => product * (sizes[factor] ?? Number(factor)), 1)
}

/** Runs the case on an engine and compares every output with the plain implementation's. */
export async function compareOn(
  engine: Engine,
  graph: Graph,
  feeds: Record<string, Tensor>,
  reference: ReadonlyMap<string, Tensor>,
): Promise<void> {
  const compiled = await engine.compile(graph)
  try {
    const tensors = Object.fromEntries(
      graph.inputs.map(({ name, type }) => {
        const { data, shape } = feeds[name] ?? { data: [], shape: [] }
        return [name, { data: type === 'int32' ? Int32Array.from(data) : Float32Array.from(data), shape }]
      }),
    )
    const outputs = await compiled.run(tensors, [...graph.outputs.keys()])
    for (const [name, expected] of reference) {
      expect(outputs[name]?.shape, name).toEqual(expected.shape)
      expect(largestDifference(outputs[name]?.data ?? [], expected.data), name).toBeLessThan(
        2e-6 * (1 + largest(expected.data)),
      )
    }
  } finally {
    await compiled.dispose()
  }
}

export function largestDifference(a: ArrayLike<number | bigint>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length)
  let worst = 0
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs(Number(a[i]) - (b[i] ?? 0))
    if (!(difference <= worst)) worst = difference
  }
  return worst
}

export function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}
