import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { QuantisedFile, WeightFile } from '../../../main/engines/engine.ts'
import { createOnnxRuntimeEngine } from '../../../main/engines/onnxruntime.ts'
import { add, Graph, matMul, multiply, type Value } from '../../../main/graph/index.ts'
import { createRandom } from '../../../main/data/random.ts'
import { writeQuantisedFile } from '../../../main/models/quantised-weights.ts'
import { writeWeightFile } from '../../../main/models/weight-file.ts'

const engine = createOnnxRuntimeEngine({ threads: 1 })
const [rows, from, to] = [6, 40, 24]
const x = random('x', rows * from)
const dy = random('dy', rows * to)
const weight = random('weight', to * from)
const bias = random('bias', to)

let folder: string
let weights: WeightFile
let quantised: QuantisedFile
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'workbench-int8-'))
  const tensors = new Map([
    ['layer.weight', { shape: [to, from], read: async () => weight }],
    ['layer.bias', { shape: [to], read: async () => bias }],
  ])
  weights = await writeWeightFile({ hash: 'test', tensors }, folder)
  const largest = (await engine.largestInt8?.()) ?? Number.NaN
  quantised = await writeQuantisedFile({ hash: 'test', tensors }, folder, largest)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a product with a quantised weight', () => {
  it('forward, with its bias, is within what the rounding of both factors may do', async () => {
    const outputs = await compute((graph) => ({
      y: add(transposedProduct(graph), graph.weight('layer.bias', [to])),
    }))
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < to; column++) {
        const factors = Array.from(
          { length: from },
          (_, k) => [x[row * from + k] ?? 0, weight[column * from + k] ?? 0] as const,
        )
        const exact = factors.reduce((sum, [a, b]) => sum + a * b, bias[column] ?? 0)
        expectWithin(outputs.y?.[row * to + column], exact, factors, x)
      }
    }
  })

  it('backward, by the other copy, as well', async () => {
    const outputs = await compute((graph) => ({
      dx: matMul(graph.input('dy', 'float32', ['rows', to]), graph.weight('layer.weight', [to, from])),
    }))
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < from; column++) {
        const factors = Array.from(
          { length: to },
          (_, k) => [dy[row * to + k] ?? 0, weight[k * from + column] ?? 0] as const,
        )
        const exact = factors.reduce((sum, [a, b]) => sum + a * b, 0)
        expectWithin(outputs.dx?.[row * from + column], exact, factors, dy)
      }
    }
  })

  it('that others read too, or whose sum is no bias, gives what it gives alone', async () => {
    const alone = await compute((graph) => ({ y: transposedProduct(graph) }))
    const both = await compute((graph) => {
      const y = transposedProduct(graph)
      return {
        y,
        biased: add(y, graph.weight('layer.bias', [to])),
        twice: add(y, y),
        doubled: multiply(y, 2),
      }
    })
    expect(both.y).toEqual(alone.y)
    expect(both.biased?.[3]).toBeCloseTo((alone.y?.[3] ?? 0) + (bias[3] ?? 0), 5)
    expect(both.twice).toEqual(both.doubled)
  })
})

describe('a product that is not of an activation with a weight as it lies', () => {
  it('is exact', async () => {
    const outputs = await compute((graph) => {
      const w = graph.weight('layer.weight', [to, from])
      const input = graph.input('x', 'float32', ['rows', from])
      return {
        scaled: matMul(input, w, { transposeB: true, alpha: 2 }),
        weightsLeft: matMul(w, input, { transposeB: true }),
      }
    })
    const exact = Array.from({ length: from }, (_, k) => (x[k] ?? 0) * (weight[k] ?? 0)).reduce(
      (a, b) => a + b,
    )
    expect(outputs.scaled?.[0]).toBeCloseTo(2 * exact, 4)
    expect(outputs.weightsLeft?.[0]).toBeCloseTo(exact, 4)
  })
})

function transposedProduct(graph: Graph): Value {
  const input = graph.input('x', 'float32', ['rows', from])
  return matMul(input, graph.weight('layer.weight', [to, from]), { transposeB: true })
}

async function compute(
  build: (graph: Graph) => Record<string, Value>,
): Promise<Record<string, Float32Array | undefined>> {
  const graph = new Graph()
  for (const [name, value] of Object.entries(build(graph))) graph.output(name, value)
  const compiled = await engine.compile(graph, { weights, quantised })
  try {
    const outputs = await compiled.run(
      { x: { data: x, shape: [rows, from] }, dy: { data: dy, shape: [rows, to] } },
      [...graph.outputs.keys()],
    )
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data }]) => [name, Float32Array.from(data as Float32Array)]),
    )
  } finally {
    await compiled.dispose()
  }
}

/**
 * Within half a step of each factor: the left one's step is its range by 255, the right one's the largest value of
 * its column by the range of its whole numbers, 63 at least.
 */
function expectWithin(
  value: number | undefined,
  exact: number,
  factors: readonly (readonly [number, number])[],
  left: Float32Array,
): void {
  const leftStep = (Math.max(0, ...left) - Math.min(0, ...left)) / 255
  const rightStep = Math.max(...factors.map(([, b]) => Math.abs(b))) / 63
  // The zero of the left factor is rounded too, which may move both of its ends by half a step more.
  const bound = factors.reduce(
    (sum, [a, b]) => sum + leftStep * Math.abs(b) + (rightStep / 2) * (Math.abs(a) + leftStep),
    0,
  )
  expect(Math.abs((value ?? Number.NaN) - exact)).toBeLessThanOrEqual(bound)
  expect(value).not.toBe(Math.fround(exact))
}

function random(name: string, count: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count)
  createRandom(3, name).fillNormal(values)
  return values
}
