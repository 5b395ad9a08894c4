import {
  add,
  concatenate,
  gelu,
  Graph,
  gradients,
  layerNormalization,
  matMul,
  multiply,
  reduceSum,
  type Value,
} from '../graph/index.ts'
import type { Engine } from './engine.ts'

const hidden = 256
const inner = 1024
const bottleneck = 16
const layers = 2
/** Rows of the step whose time counts: 32 examples of 64 tokens. */
const rows = 2048
/** Rows of the first step, and the part of the real one that they are. */
const fewRows = 128
/** A device on which the real step would take longer, in milliseconds, is not asked to make it. */
const patience = 1500
const repetitions = 5

/**
 * Milliseconds of a training step on this engine: two layers with frozen products, normalisation and a trained
 * bottleneck each, forward and backward, in the shape of a small encoder's. On a device that would need long for it, a
 * step of a sixteenth of the rows is scaled up.
 *
 * @throws WorkbenchError `engine` where the device cannot do it
 */
export async function calibrate(engine: Engine): Promise<number> {
  const graph = trainingStep()
  const compiled = await engine.compile(graph)
  try {
    const step = async (count: number): Promise<number> => {
      const feeds = { x: { data: pattern(count * hidden, 1), shape: [count, hidden] } }
      const began = performance.now()
      await compiled.run(feeds, ['gradient'])
      return performance.now() - began
    }
    await step(fewRows)
    const scaled = ((await step(fewRows)) * rows) / fewRows
    if (scaled > patience) return scaled
    await step(rows)
    const times: number[] = []
    for (let i = 0; i < repetitions; i++) times.push(await step(rows))
    // The shortest: what else the machine does meanwhile only adds to the others.
    return Math.min(...times)
  } finally {
    await compiled.dispose()
  }
}

function trainingStep(): Graph {
  const graph = new Graph()
  let seed = 0
  const matrix = (height: number, width: number): Value =>
    graph.constant(pattern(height * width, (seed += 1)), [height, width])
  const [ones, zeros] = [
    graph.constant(new Float32Array(hidden).fill(1), [hidden]),
    graph.constant(new Float32Array(hidden), [hidden]),
  ]
  const normalized = (x: Value): Value => layerNormalization(x, ones, zeros, 1e-5)
  const trained: Value[] = []
  let x = graph.input('x', 'float32', ['rows', hidden])
  for (let layer = 0; layer < layers; layer++) {
    for (let i = 0; i < 4; i++) x = matMul(x, matrix(hidden, hidden))
    x = normalized(x)
    const product = matMul(gelu(matMul(x, matrix(hidden, inner))), matrix(inner, hidden))
    const [down, up] = [matrix(hidden, bottleneck), matrix(bottleneck, hidden)]
    trained.push(down, up)
    x = normalized(add(x, add(product, matMul(gelu(matMul(product, down)), up))))
  }
  // The squares of a normalised row add up to a constant, which has no gradient.
  const loss = reduceSum(multiply(x, graph.constant(pattern(hidden, 0), [hidden])), [0, 1], true)
  const parts = gradients(loss, trained).flatMap((gradient) =>
    gradient ? [reduceSum(multiply(gradient, gradient), [0, 1], true)] : [],
  )
  graph.output('gradient', concatenate(parts, 1))
  return graph
}

/** Numbers of the size of an initialised weight's, the same in every run. */
function pattern(size: number, seed: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7 + seed) * 0.05)
}
