import type { Dimension, ElementType, Graph, Node, Shape, Value } from './graph.ts'
import { nodesFor } from './graph.ts'
import { dimensionAt } from './shapes.ts'
import { at } from './operations/rules.ts'

/** What the symbols in shapes (`batch`, `sequence`) stand for in a run. */
export type SymbolSizes = Readonly<Record<string, number>>

/**
 * Floating-point operations for each element of the output; 0 for what only moves or names values. A function
 * such as the exponential counts as one. Operations that are not listed count 1, reductions 1 for each element of
 * their input, and a matrix product 2 for each multiplication with its addition, whatever transpositions and factor
 * it has.
 */
const operationsPerElement: Readonly<Record<string, number>> = {
  Reshape: 0,
  ReshapeLike: 0,
  Transpose: 0,
  Slice: 0,
  Concat: 0,
  PadLike: 0,
  ExpandLike: 0,
  Gather: 0,
  Cast: 0,
  DimensionSize: 0,
  // x · (erf(x · a) · b + b): two products, the function, a sum and the product with x.
  Gelu: 5,
  // The largest value, the difference from it, the exponential, the sum, the quotient.
  Softmax: 5,
  // Mean, difference, square, variance, quotient, scale, bias.
  LayerNormalization: 7,
}

const bytesPerElement = { float32: 4, int32: 4, int64: 8, bool: 1 } satisfies Record<ElementType, number>

/** Number of elements of a shape in a run; a dimension may be a product such as `2*batch*sequence`. */
export function elementsOf(shape: Shape, sizes: SymbolSizes): number {
  return shape.reduce<number>((total, dimension) => total * sizeIn(dimension, sizes), 1)
}

/** @throws Error naming a symbol that has no size */
function sizeIn(dimension: Dimension, sizes: SymbolSizes): number {
  if (typeof dimension === 'number') return dimension
  return dimension.split('*').reduce((product, factor) => {
    const size = sizes[factor] ?? Number(factor)
    if (Number.isNaN(size)) throw new Error(`no size was given for "${factor}"`)
    return product * size
  }, 1)
}

/** Floating-point operations of these nodes in a run with these sizes, by the counts above. */
export function countOperations(nodes: Iterable<Node>, sizes: SymbolSizes): number {
  let total = 0
  for (const node of nodes) total += operationsOf(node, sizes)
  return total
}

function operationsOf({ op, inputs, attributes, outputs }: Node, sizes: SymbolSizes): number {
  const output = elementsOf(at(outputs).shape, sizes)
  if (op === 'MatMul') {
    const inner = dimensionAt(at(inputs).shape, attributes['transposeA'] === true ? -2 : -1)
    return 2 * output * sizeIn(inner, sizes)
  }
  if (op.startsWith('Reduce')) return elementsOf(at(inputs).shape, sizes)
  // One addition for each element that is put into the table.
  if (op === 'ScatterRows') return elementsOf(at(inputs, 1).shape, sizes)
  return output * (operationsPerElement[op] ?? 1)
}

/** The live nodes of a training graph: those that its loss depends on, and those added for gradients and update. */
export function splitAtLoss(graph: Graph, loss: Value): { forward: Node[]; backward: Node[] } {
  const forward = nodesFor(graph, [loss])
  const known = new Set(forward)
  const live = nodesFor(graph, graph.outputs.values())
  return { forward, backward: live.filter((node) => !known.has(node)) }
}

/**
 * Bytes of the forward pass's values that the backward pass reads, so that they have to be kept. What follows from
 * weights, constants and the inputs named `kept` alone is none of them, nor are inputs; a reshaped value is the same
 * memory as the value itself.
 */
export function keptBytes(
  { forward, backward }: { forward: readonly Node[]; backward: readonly Node[] },
  sizes: SymbolSizes,
  kept: ReadonlySet<string>,
): number {
  const made = new Set<Value>()
  for (const { inputs, outputs } of forward) {
    if (inputs.some((input) => made.has(input) || isFed(input, kept))) {
      for (const output of outputs) made.add(output)
    }
  }
  const read = new Set<Value>()
  for (const node of backward) {
    for (const input of readValues(node)) if (made.has(input)) read.add(storageOf(input))
  }
  let bytes = 0
  for (const { shape, type } of read) bytes += elementsOf(shape, sizes) * bytesPerElement[type]
  return bytes
}

/** The inputs of which a node reads more than the shape. */
function readValues({ op, inputs }: Node): readonly Value[] {
  if (op === 'DimensionSize') return []
  return op.endsWith('Like') ? inputs.slice(0, 1) : inputs
}

/** Whether a value is an input that each run is given anew. */
function isFed(value: Value, kept: ReadonlySet<string>): boolean {
  return value.node === undefined && !kept.has(value.name) && value.graph.inputs.includes(value)
}

function storageOf(value: Value): Value {
  const { node } = value
  return node?.op === 'Reshape' ? storageOf(at(node.inputs)) : value
}
