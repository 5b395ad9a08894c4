import { describe, expect, it } from 'vitest'

import { createOnnxRuntimeEngine } from '../../../main/engines/onnxruntime.ts'
import {
  add,
  concatenate,
  Graph,
  matMul,
  multiply,
  reshape,
  slice,
  toOnnx,
} from '../../../main/graph/index.ts'

const engine = createOnnxRuntimeEngine({ threads: 1 })
const plain = { fusedProducts: true }

describe('an ONNX model', () => {
  it('names an input, and one value under two names, as outputs', async () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['batch'])
    const y = add(x, 1)
    graph.output('input', x)
    graph.output('first', y)
    graph.output('second', y)
    graph.output('later', multiply(y, 2))
    const compiled = await engine.compile(graph)
    const outputs = await compiled.run({ x: { data: Float32Array.of(1, 2), shape: [2] } }, [
      ...graph.outputs.keys(),
    ])
    expect(Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...data]]))).toEqual({
      input: [1, 2],
      first: [2, 3],
      second: [2, 3],
      later: [4, 6],
    })
    await compiled.dispose()
  })

  it('leaves out nodes that no output needs', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['batch'])
    graph.output('y', add(x, 1))
    const size = toOnnx(graph, plain).length
    multiply(x, x)
    expect(toOnnx(graph, plain).length).toBe(size)
  })

  it('cannot be made where a frozen weight has no place in the weight file', () => {
    const graph = new Graph()
    graph.output('y', add(graph.weight('encoder.bias', [2]), 1))
    expect(() => toOnnx(graph, plain)).toThrow(/encoder\.bias/)
  })
})

describe('a graph', () => {
  it('refuses two values or outputs of one name, and values of another graph', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', [2])
    expect(() => graph.input('x', 'float32', [2])).toThrow(/"x" already/)
    graph.output('y', x)
    expect(() => graph.output('y', x)).toThrow(/"y" already/)
    expect(() => add(x, new Graph().input('z', 'float32', [2]))).toThrow(/another graph/)
  })

  it('holds the same operation on the same values once', () => {
    const x = new Graph().input('x', 'float32', ['batch', 2])
    expect(add(x, 1)).toBe(add(x, 1))
    expect(slice(x, 1, 0, 1)).not.toBe(slice(x, 1, 1, 2))
    expect(x.graph.nodes).toHaveLength(3)
  })

  it('refuses shapes that do not go together, naming them', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['batch', 2])
    const y = graph.input('y', 'float32', ['batch', 3])
    const both = /\[batch, 2\] and \[batch, 3\]/
    expect(() => add(x, y)).toThrow(both)
    expect(() => concatenate([x, y], 0)).toThrow(/not known before a run/)
    const rows = [graph.input('one', 'float32', [1, 2]), graph.input('two', 'float32', [1, 3])]
    expect(() => concatenate(rows, 0)).toThrow(/\[1, 2\] and \[1, 3\]/)
    expect(() => matMul(x, y)).toThrow(both)
    expect(() => reshape(x, ['batch', 3])).toThrow(/\[batch, 2\] to \[batch, 3\]/)
  })

  it('refuses a slice of what is not there', () => {
    const x = new Graph().input('x', 'float32', ['batch', 2])
    expect(() => slice(x, 1, 1, 3)).toThrow(/\[batch, 2\] has no 1 to 3 along axis 1/)
    expect(() => slice(x, 0, 1, 1)).toThrow(/has no 1 to 1/)
  })
})
