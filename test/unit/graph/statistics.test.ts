import { describe, expect, it } from 'vitest'

import {
  add,
  countOperations,
  elementsOf,
  gradients,
  Graph,
  keptBytes,
  matMul,
  nodesFor,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  softmax,
  splitAtLoss,
  tanh,
  transpose,
} from '../../../main/graph/index.ts'

const sizes = { batch: 3, sequence: 5 }

describe('elementsOf', () => {
  it('multiplies sizes, symbols and products of symbols', () => {
    expect(elementsOf([2, 'batch', 'sequence'], sizes)).toBe(30)
    expect(elementsOf(['2*batch*sequence', 4], sizes)).toBe(120)
    expect(elementsOf([], sizes)).toBe(1)
  })

  it('names a symbol that has no size', () => {
    expect(() => elementsOf(['prefix'], sizes)).toThrow('prefix')
  })
})

describe('countOperations', () => {
  const count = (build: (graph: Graph) => void): number => {
    const graph = new Graph()
    build(graph)
    return countOperations(graph.nodes, sizes)
  }

  it('counts two operations for each multiplication of a product, transposed or not', () => {
    const plain = count((graph) => {
      matMul(graph.input('a', 'float32', ['batch', 'sequence', 4]), graph.input('b', 'float32', [4, 7]))
    })
    const transposed = count((graph) => {
      const a = graph.input('a', 'float32', ['batch', 4, 'sequence'])
      const b = graph.input('b', 'float32', ['batch', 7, 4])
      matMul(a, b, { transposeA: true, transposeB: true, alpha: 0.5 })
    })
    expect(plain).toBe(2 * 3 * 5 * 4 * 7)
    expect(transposed).toBe(plain)
  })

  it('counts a sum over its broadcast output, a reduction over its input and a softmax five times', () => {
    const x = (graph: Graph) => graph.input('x', 'float32', ['batch', 'sequence'])
    expect(count((graph) => void add(x(graph), graph.input('y', 'float32', [2, 1, 1])))).toBe(30)
    expect(count((graph) => void reduceSum(x(graph), [1]))).toBe(15)
    expect(count((graph) => void softmax(x(graph)))).toBe(75)
  })

  it('counts nothing for what only moves values', () => {
    expect(
      count((graph) => {
        const x = graph.input('x', 'float32', ['batch', 'sequence', 6])
        transpose(reshape(x, ['batch', 'sequence', 2, 3]), [0, 2, 1, 3])
      }),
    ).toBe(0)
  })
})

describe('splitAtLoss and keptBytes', () => {
  it('keeps the forward values that the backward pass reads, once, and no parameters or inputs', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['batch', 4])
    const parameters = graph.input('parameters', 'float32', [8])
    const frozen = graph.weight('frozen', [4, 4])
    const hidden = tanh(matMul(x, frozen))
    const seen = matMul(relu(hidden), reshape(parameters, [4, 2]))
    const loss = reduceSum(seen, [0, 1])
    const [gradient] = gradients(loss, [parameters])
    graph.output('loss', loss)
    if (gradient) graph.output('gradient', gradient)

    const parts = splitAtLoss(graph, loss)
    // Only relu's output [batch, 4] meets the gradient: nothing below it is trained.
    expect(keptBytes(parts, sizes, new Set(['parameters']))).toBe(3 * 4 * 4)
    expect(parts.forward).toEqual(nodesFor(graph, [loss]))
    expect(parts.forward.length + parts.backward.length).toBe(nodesFor(graph, graph.outputs.values()).length)
  })

  it('keeps no value of which only the size is read', () => {
    const graph = new Graph()
    const parameters = graph.input('parameters', 'float32', [4])
    const x = graph.input('x', 'float32', ['batch', 4])
    const loss = reduceSum(reduceMean(add(x, parameters), [0]), [0])
    const [gradient] = gradients(loss, [parameters])
    graph.output('loss', loss)
    if (gradient) graph.output('gradient', gradient)
    expect(keptBytes(splitAtLoss(graph, loss), sizes, new Set(['parameters']))).toBe(0)
  })

  it('counts a reshaped value as the memory of the value itself', () => {
    const graph = new Graph()
    const parameters = graph.input('parameters', 'float32', [4])
    const x = graph.input('x', 'float32', ['batch', 4])
    const made = tanh(add(x, parameters))
    const twice = add(tanh(reshape(made, ['batch', 2, 2])), reshape(made, ['batch', 2, 2]))
    const loss = reduceSum(twice, [0, 1, 2])
    const [gradient] = gradients(loss, [parameters])
    graph.output('loss', loss)
    if (gradient) graph.output('gradient', gradient)
    // `made` is read by tanh's own gradient, and the second tanh's output by its.
    expect(keptBytes(splitAtLoss(graph, loss), sizes, new Set(['parameters']))).toBe(2 * 3 * 4 * 4)
  })
})
