import { describe, expect, it } from 'vitest'

import { planSteps, RunSizes } from '../../../main/engines/plan.ts'
import {
  add,
  Graph,
  layerNormalization,
  multiply,
  negate,
  tanh,
  type Value,
} from '../../../main/graph/index.ts'

const named = (values: readonly Value[]): string[] => values.map(({ name }) => name)

describe('the steps of a run', () => {
  it('leave out what no wanted value needs', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['n'])
    const wanted = negate(x)
    tanh(x)
    expect(planSteps(graph, [wanted], new Set()).map(({ node }) => node.op)).toEqual(['Neg'])
  })

  it('end each value after its last reader, inputs too', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['n'])
    const a = negate(x)
    const b = tanh(a)
    const y = add(multiply(a, b), x)
    const steps = planSteps(graph, [y], new Set())
    const product = steps[2]?.node.outputs ?? []
    expect(steps.map(({ finished }) => named(finished).sort())).toEqual([
      [],
      [],
      named([a, b]).sort(),
      named([...product, x]).sort(),
    ])
  })

  it('keep what lasts and what is wanted', () => {
    const graph = new Graph()
    const scale = graph.input('scale', 'float32', ['n'])
    const middle = multiply(graph.input('x', 'float32', ['n']), scale)
    const steps = planSteps(graph, [middle, negate(middle)], new Set([scale]))
    expect(steps.flatMap(({ finished }) => named(finished))).toEqual(['x'])
  })

  it('end an output that nothing reads where it is made', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['n', 4])
    const scale = graph.input('scale', 'float32', [4])
    const y = layerNormalization(x, scale, scale, 1e-5)
    const [step] = planSteps(graph, [y], new Set([scale]))
    expect(step?.finished).toEqual(expect.arrayContaining(step?.node.outputs.slice(1) ?? []))
    expect(step?.finished).not.toContain(y)
  })
})

describe('sizes in a run', () => {
  const graph = new Graph()
  const a = graph.input('a', 'float32', ['sequence', 'batch', 2])
  const b = graph.input('b', 'float32', ['batch'])

  it('follow from what the inputs are given, products too', () => {
    const sizes = new RunSizes()
    sizes.bind(a, { data: new Float32Array(30), shape: [5, 3, 2] })
    sizes.bind(b, { data: new Float32Array(3), shape: [3] })
    expect(sizes.of(['2*batch*sequence', 'batch', 7])).toEqual([30, 3, 7])
  })

  it.each([
    ['another rank', a, [15, 2], 30],
    ['another known size', a, [5, 2, 3], 30],
    ['too few values', a, [5, 3, 2], 29],
    ['a symbol of two sizes', b, [4], 4],
  ] as const)('are refused for %s', (_, input, shape, count) => {
    const sizes = new RunSizes()
    if (input === b) sizes.bind(a, { data: new Float32Array(30), shape: [5, 3, 2] })
    const tensor = { data: new Float32Array(count), shape: [...shape] }
    expect(() => sizes.bind(input, tensor)).toThrow(
      new RegExp(`input "${input.name}".*was given ${count} values`),
    )
  })
})
