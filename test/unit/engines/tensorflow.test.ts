import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import type { Engine, WeightFile } from '../../../main/engines/engine.ts'
import type { Tfjs } from '../../../main/engines/tfjs-operations.ts'
import { createTensorFlowEngine } from '../../../main/engines/tensorflow.ts'
import { add, gelu, Graph, gradients, matMul, multiply, reduceSum } from '../../../main/graph/index.ts'
import { engines } from '../../engines.ts'

const tf = createRequire(import.meta.url)('@tensorflow/tfjs-core') as Tfjs
const tfjsEngines = engines.filter(({ engine }) => engine.name === 'tensorflow')
const folder = mkdtempSync(join(tmpdir(), 'workbench-tfjs-'))
afterAll(() => rmSync(folder, { recursive: true }))

const weightFile: WeightFile = {
  path: join(folder, 'weights.bin'),
  entries: new Map([
    ['w', { offset: 0, byteLength: 24 }],
    ['bias', { offset: 24, byteLength: 12 }],
  ]),
}
writeFileSync(weightFile.path, new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6, 10, 20, 30).buffer))

/** A step that trains `parameters` behind a frozen layer. */
function trainingStep(): Graph {
  const graph = new Graph()
  const parameters = graph.input('parameters', 'float32', [3])
  const x = graph.input('x', 'float32', ['batch', 2])
  const hidden = add(matMul(x, graph.weight('w', [2, 3])), graph.weight('bias', [3]))
  const loss = reduceSum(gelu(multiply(hidden, parameters)), [0, 1], true)
  const [gradient] = gradients(loss, [parameters])
  if (!gradient) throw new Error('no gradient')
  graph.output('hidden', hidden)
  graph.output('loss', loss)
  graph.output('next', add(parameters, multiply(gradient, -0.001)))
  return graph
}

const compileStep = (engine: Engine) =>
  engine.compile(trainingStep(), { weights: weightFile, state: { parameters: 'next' } })

const batchOf = (rows: number) => ({
  x: { data: Float32Array.from({ length: rows * 2 }, (_, i) => i / 10), shape: [rows, 2] },
})

describe.each(tfjsEngines)('$title', ({ engine }) => {
  it('computes with the frozen weights of the file', async () => {
    const compiled = await compileStep(engine)
    compiled.setState('parameters', Float32Array.of(0, 0, 0))
    const { hidden } = await compiled.run({ x: { data: Float32Array.of(1, 2), shape: [1, 2] } }, ['hidden'])
    expect([...(hidden?.data ?? [])]).toEqual([1 + 8 + 10, 2 + 10 + 20, 3 + 12 + 30])
    await compiled.dispose()
  })

  it('leaves no tensor behind, however many steps it makes', async () => {
    const before = tf.memory().numTensors
    const compiled = await compileStep(engine)
    compiled.setState('parameters', Float32Array.of(0.1, 0.2, 0.3))
    await compiled.run(batchOf(4), ['loss'])
    const warm = tf.memory().numTensors
    for (let step = 0; step < 1000; step++) await compiled.run(batchOf(1 + (step % 3)), ['loss'])
    expect(tf.memory().numTensors).toBe(warm)
    await compiled.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  it('leaves none behind by a run that fails either', async () => {
    const compiled = await compileStep(engine)
    compiled.setState('parameters', Float32Array.of(0.1, 0.2, 0.3))
    await compiled.run(batchOf(2), ['loss'])
    const before = tf.memory().numTensors
    await expect(compiled.run({}, ['loss'])).rejects.toThrow(/without its input "x"/)
    const wrong = { x: { data: new Float32Array(3), shape: [1, 3] } }
    await expect(compiled.run(wrong, ['loss'])).rejects.toThrow(/input "x" \[batch, 2\]/)
    expect(tf.memory().numTensors).toBe(before)
    await compiled.dispose()
  })

  it('holds a weight once for all graphs that use it', async () => {
    const first = await compileStep(engine)
    const before = tf.memory().numTensors
    const second = await compileStep(engine)
    // Its constants; parameters are not set yet, and both weights are there.
    expect(tf.memory().numTensors - before).toBe(trainingStep().constants.length)
    await first.dispose()
    second.setState('parameters', Float32Array.of(0, 0, 0))
    const { hidden } = await second.run({ x: { data: Float32Array.of(1, 0), shape: [1, 2] } }, ['hidden'])
    expect([...(hidden?.data ?? [])]).toEqual([11, 22, 33])
    await second.dispose()
  })

  it('names the weight that the file lacks, and leaves nothing of a graph that it could not prepare', async () => {
    const before = tf.memory().numTensors
    const graph = new Graph()
    graph.output('y', add(graph.weight('bias', [3]), graph.weight('gone', [3])))
    await expect(engine.compile(graph, { weights: weightFile })).rejects.toThrow(/frozen weight "gone"/)
    expect(tf.memory().numTensors).toBe(before)
  })

  it('names the operation that it lacks when it compiles', async () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['n'])
    const [y] = graph.node('Conv', [x], {}, [{ type: 'float32', shape: ['n'] }])
    if (y) graph.output('y', y)
    await expect(engine.compile(graph)).rejects.toMatchObject({
      code: 'engine',
      message: `tensorflow on ${engine.device} has no operation Conv`,
    })
  })
})

describe('several devices in one process', () => {
  it('take turns without touching the tensors of one another', async () => {
    const [wasm, cpu] = [
      await createTensorFlowEngine({ device: 'wasm' }),
      await createTensorFlowEngine({ device: 'cpu' }),
    ]
    const graphs = [await compileStep(wasm), await compileStep(cpu)]
    for (const graph of graphs) graph.setState('parameters', Float32Array.of(0.1, 0.2, 0.3))
    const losses: number[][] = [[], []]
    for (let step = 0; step < 5; step++) {
      for (const [i, graph] of graphs.entries()) {
        const { loss } = await graph.run(batchOf(2), ['loss'])
        losses[i]?.push(Number(loss?.data[0]))
      }
    }
    losses[0]?.forEach((loss, step) => expect(loss).toBeCloseTo(losses[1]?.[step] ?? Number.NaN, 4))
    for (const graph of graphs) await graph.dispose()
  })
})
