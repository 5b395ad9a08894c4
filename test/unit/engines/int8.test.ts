import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { QuantisedFile, WeightFile } from '../../../main/engines/engine.ts'
import { createOnnxRuntimeEngine } from '../../../main/engines/onnxruntime.ts'
import {
  add,
  gelu,
  Graph,
  layerNormalization,
  matMul,
  multiply,
  type Value,
} from '../../../main/graph/index.ts'
import { createRandom } from '../../../main/data/random.ts'
import { writeQuantisedFile } from '../../../main/models/quantised-weights.ts'
import { writeWeightFile } from '../../../main/models/weight-file.ts'

const engine = createOnnxRuntimeEngine({ threads: 1 })
const [rows, from, to, narrow] = [6, 40, 24, 8]
const x = random('x', rows * from)
const dy = random('dy', rows * to)
const weight = random('weight', to * from)
const bias = random('bias', to)
const narrowWeight = random('narrow', narrow * from)
const narrowBias = random('narrow bias', narrow)
/** What a norm's channels are multiplied by: two of them far more than the others. */
const normScale = Float32Array.from({ length: from }, (_, channel) => (channel % 20 === 7 ? 40 : 1))

let folder: string
let weights: WeightFile
let quantised: QuantisedFile
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'workbench-int8-'))
  const tensors = new Map([
    ['layer.weight', { shape: [to, from], read: async () => weight }],
    ['layer.bias', { shape: [to], read: async () => bias }],
    ['narrow.weight', { shape: [narrow, from], read: async () => narrowWeight }],
    ['narrow.bias', { shape: [narrow], read: async () => narrowBias }],
    ['reader.weight', { shape: [to, from], read: async () => weight }],
    ['reader.bias', { shape: [to], read: async () => bias }],
    ['norm.weight', { shape: [from], read: async () => normScale }],
    ['norm.bias', { shape: [from], read: async () => new Float32Array(from) }],
  ])
  weights = await writeWeightFile({ hash: 'test', tensors }, folder)
  const largest = (await engine.largestInt8?.()) ?? Number.NaN
  const norm = { scale: 'norm.weight', bias: 'norm.bias', transposed: true }
  quantised = await writeQuantisedFile(
    { hash: 'test', tensors },
    folder,
    largest,
    new Map([['reader.weight', norm]]),
  )
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

describe('a product whose left factor is much wider than itself', () => {
  // From rows that are a thousand times as large as others down to one of zeros.
  const sizes = [1000, 1, 0.001, 1, 0, 30]
  const uneven = Float32Array.from(x, (value, i) => value * (sizes[Math.floor(i / from)] ?? 0))

  it.each([
    ['of numbers on both sides of zero', 'none'],
    ['of what a gelu has made', 'gelu'],
  ])('rounds each row by its own size, %s', async (_, activation) => {
    const outputs = await compute(
      (graph) => {
        const input = graph.input('x', 'float32', ['rows', from])
        const left = activation === 'gelu' ? gelu(input) : input
        const y = matMul(left, graph.weight('narrow.weight', [narrow, from]), { transposeB: true })
        return { left, y, biased: add(y, graph.weight('narrow.bias', [narrow])) }
      },
      { x: uneven },
    )
    const left = outputs.left ?? expect.fail('no left factor')
    for (let row = 0; row < rows; row++) {
      const own = left.subarray(row * from, (row + 1) * from)
      // The scale is that of the side which needs the larger one.
      const [above, below] = activation === 'gelu' ? [223, 32] : [127, 128]
      const step = Math.max(Math.max(...own) / above, -Math.min(...own) / below)
      for (let column = 0; column < narrow; column++) {
        const factors = Array.from(own, (a, k) => [a, narrowWeight[column * from + k] ?? 0] as const)
        const exact = factors.reduce((sum, [a, b]) => sum + a * b, 0)
        const bound = errorBound(factors, step / 2)
        const found = outputs.y?.[row * narrow + column] ?? Number.NaN
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(bound + 1e-5 * Math.abs(exact))
        const biased = outputs.biased?.[row * narrow + column] ?? Number.NaN
        expect(biased).toBeCloseTo(found + (narrowBias[column] ?? 0), 3)
      }
    }
    expect([...(outputs.y?.subarray(4 * narrow, 5 * narrow) ?? [])]).toEqual(Array<number>(narrow).fill(0))
  })
})

describe('a product with a layer norm whose channels differ in size', () => {
  it('is many times nearer to the exact one than with one scale for all channels', async () => {
    const products = (graph: Graph): Record<string, Value> => {
      const input = graph.input('x', 'float32', ['rows', from])
      const normalised = layerNormalization(
        input,
        graph.weight('norm.weight', [from]),
        graph.weight('norm.bias', [from]),
        1e-5,
      )
      const by = (name: string): Value =>
        matMul(normalised, graph.weight(name, [to, from]), { transposeB: true })
      return { balanced: by('reader.weight'), plain: by('layer.weight'), normalised }
    }
    const { balanced, plain, normalised } = await compute(products)
    const exact = Float32Array.from({ length: rows * to }, (_, i) => {
      const [row, column] = [Math.floor(i / to), i % to]
      let sum = 0
      for (let k = 0; k < from; k++) {
        sum += (normalised?.[row * from + k] ?? 0) * (weight[column * from + k] ?? 0)
      }
      return sum
    })
    const error = (found: Float32Array | undefined): number =>
      Math.hypot(...exact.map((value, i) => (found?.[i] ?? Number.NaN) - value)) / Math.hypot(...exact)
    expect(error(plain)).toBeGreaterThan(2 * error(balanced))
    expect(error(balanced)).toBeLessThan(0.01)
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
  feeds: { x?: Float32Array; dy?: Float32Array } = {},
): Promise<Record<string, Float32Array | undefined>> {
  const graph = new Graph()
  for (const [name, value] of Object.entries(build(graph))) graph.output(name, value)
  const compiled = await engine.compile(graph, { weights, quantised })
  try {
    const outputs = await compiled.run(
      {
        x: { data: feeds.x ?? x, shape: [rows, from] },
        dy: { data: feeds.dy ?? dy, shape: [rows, to] },
      },
      [...graph.outputs.keys()],
    )
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data }]) => [name, Float32Array.from(data as Float32Array)]),
    )
  } finally {
    await compiled.dispose()
  }
}

/** Within what rounding may do, the left factor having one scale for all of it: its range by 255. */
function expectWithin(
  value: number | undefined,
  exact: number,
  factors: readonly (readonly [number, number])[],
  left: Float32Array,
): void {
  // The zero of the left factor is rounded too, which may move both of its ends by half a step more.
  const leftError = (Math.max(0, ...left) - Math.min(0, ...left)) / 255
  expect(Math.abs((value ?? Number.NaN) - exact)).toBeLessThanOrEqual(errorBound(factors, leftError))
  expect(value).not.toBe(Math.fround(exact))
}

/**
 * How far a product may be off: each left factor by `leftError`, and each right one by half a step, which is the largest
 * value of its column by the range of its whole numbers, 63 at least.
 */
function errorBound(factors: readonly (readonly [number, number])[], leftError: number): number {
  const rightStep = Math.max(...factors.map(([, b]) => Math.abs(b))) / 63
  return factors.reduce(
    (sum, [a, b]) => sum + leftError * Math.abs(b) + (rightStep / 2) * (Math.abs(a) + leftError),
    0,
  )
}

function random(name: string, count: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count)
  createRandom(3, name).fillNormal(values)
  return values
}
