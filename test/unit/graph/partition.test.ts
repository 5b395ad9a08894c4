import { describe, expect, it } from 'vitest'

import { createOnnxRuntimeEngine } from '../../../main/engines/onnxruntime.ts'
import {
  add,
  frozenPart,
  gather,
  Graph,
  gradients,
  matMul,
  multiply,
  nodesFor,
  reduceMean,
  reduceSum,
  relu,
  savedShare,
  transpose,
  withStates,
  type Shape,
  type Value,
} from '../../../main/graph/index.ts'
import type { HostTensor } from '../../../main/engines/engine.ts'

const sizes = { batch: 2, sequence: 3 }
const hidden = 128

const options = {
  content: ['ids'],
  context: ['mask'],
  storable: ([first, second]: Shape) => first === 'sequence' && second === 'batch',
  sizes,
}

/** Two products that nothing trained comes before, and what is trained above: `end` of `[sequence, batch, hidden]`. */
function makeGraph(end: (x: Value, scale: Value, mask: Value) => Value): Graph {
  const graph = new Graph()
  const ids = graph.input('ids', 'int32', ['sequence', 'batch'])
  const mask = graph.input('mask', 'float32', ['batch', 'sequence'])
  const scale = graph.input('scale', 'float32', [hidden])
  const x = gather(constant(graph, [4, hidden]), ids)
  const frozen = relu(
    matMul(relu(matMul(x, constant(graph, [hidden, hidden]))), constant(graph, [hidden, hidden])),
  )
  const y = end(frozen, scale, mask)
  const loss = reduceSum(multiply(y, y), [0, 1, 2], true)
  graph.output('loss', loss)
  const [gradient] = gradients(loss, [scale])
  if (gradient) graph.output('gradient', gradient)
  return graph
}

function constant(graph: Graph, shape: number[]): Value {
  const size = shape.reduce((product, dimension) => product * dimension, 1)
  return graph.constant(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i) / 8),
    shape,
  )
}

const feeds: Record<string, HostTensor> = {
  ids: { data: Int32Array.of(0, 1, 2, 3, 1, 2), shape: [3, 2] },
  mask: { data: Float32Array.of(1, 1, 1, 1, 1, 0), shape: [2, 3] },
  scale: { data: Float32Array.from({ length: hidden }, (_, i) => Math.cos(i)), shape: [hidden] },
}

const ops = (graph: Graph): string[] => nodesFor(graph, graph.outputs.values()).map(({ op }) => op)

describe('the frozen part of a graph', () => {
  it('ends at the last costly value, and both parts together give what the whole does', async () => {
    const graph = makeGraph((x, scale) => multiply(add(x, 1), scale))
    const part = frozenPart(graph, options) ?? expect.fail('no frozen part')
    expect(part.states.map(({ shape }) => shape)).toEqual([['sequence', 'batch', hidden]])
    const rest = withStates(graph, part) ?? expect.fail('no rest')
    expect(ops(part.lower).filter((op) => op === 'MatMul')).toHaveLength(2)
    expect(ops(rest)).not.toContain('MatMul')
    expect(rest.inputs.map(({ name }) => name)).not.toContain('ids')
    expect(savedShare(graph, rest, sizes)).toBeGreaterThan(0.8)
    const states = await compute(part.lower, feeds)
    expect(await compute(rest, { ...feeds, ...states })).toEqual(await compute(graph, feeds))
  })

  it('is the same for graphs that compute the same below, and is found in no other', () => {
    const part =
      frozenPart(
        makeGraph((x, scale) => multiply(x, scale)),
        options,
      ) ?? expect.fail('none')
    const other = makeGraph((x, scale) => add(multiply(x, scale), 3))
    expect(frozenPart(other, options)?.signature).toBe(part.signature)
    expect(withStates(other, part)).toBeDefined()
    expect(withStates(new Graph(), part)).toBeUndefined()
  })

  it('does not keep a value that is cheap to compute from another', () => {
    const graph = makeGraph((x, scale) => add(multiply(relu(add(x, 2)), scale), multiply(x, scale)))
    expect(frozenPart(graph, options)?.states).toHaveLength(1)
  })

  it('ends before a value of which no example can be told from others', () => {
    const graph = makeGraph((x, scale) => multiply(transpose(x, [1, 0, 2]), scale))
    expect(frozenPart(graph, options)?.states.map(({ shape }) => shape)).toEqual([
      ['sequence', 'batch', hidden],
    ])
  })

  it('is none where nothing is frozen, or a mean counts padding, trained or not', () => {
    const graph = new Graph()
    graph.output('y', multiply(graph.input('scale', 'float32', ['batch']), 2))
    expect(frozenPart(graph, options)).toBeUndefined()
    expect(
      frozenPart(
        makeGraph((x, scale) => reduceMean(multiply(x, scale), [0], true)),
        options,
      ),
    ).toBeUndefined()
    const frozenMean = makeGraph((x, scale) => multiply(multiply(x, reduceMean(x, [0], true)), scale))
    expect(frozenPart(frozenMean, options)).toBeUndefined()
  })
})

async function compute(graph: Graph, given: Record<string, HostTensor>): Promise<Record<string, HostTensor>> {
  const compiled = await createOnnxRuntimeEngine({ threads: 1 }).compile(graph)
  try {
    return await compiled.run(given, [...graph.outputs.keys()])
  } finally {
    await compiled.dispose()
  }
}
