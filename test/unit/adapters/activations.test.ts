import { describe, expect, it } from 'vitest'

import { activationNames, type Activation } from '../../../preload/contract.ts'
import { activations } from '../../../main/adapters/activations.ts'
import { createOnnxRuntimeEngine } from '../../../main/engines/onnxruntime.ts'
import { Graph, gradients, reduceSum } from '../../../main/graph/index.ts'

const tanhGelu = (x: number): number =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
const erfGelu = (x: number): number => (x * (1 + erf(x / Math.SQRT2))) / 2
const leaky = (x: number): number => (x < 0 ? 0.01 * x : x)
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const silu = (x: number): number => x * sigmoid(x)

/** As Hugging Face's `activations.py` and PyTorch write them. */
const formulas: Record<Activation, (x: number) => number> = {
  relu: (x) => Math.max(x, 0),
  leakyrelu: leaky,
  leaky_relu: leaky,
  relu2: (x) => Math.max(x, 0) ** 2,
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  gelu: erfGelu,
  gelu_python: erfGelu,
  gelu_10: (x) => Math.min(Math.max(erfGelu(x), -10), 10),
  gelu_new: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  gelu_accurate: tanhGelu,
  gelu_fast: tanhGelu,
  quick_gelu: (x) => x * sigmoid(1.702 * x),
  swish: silu,
  silu,
  mish: (x) => x * Math.tanh(x > 30 ? x : Math.log1p(Math.exp(x))),
  laplace: (x) => 0.5 * (1 + erf((x - 0.707107) / (0.282095 * Math.SQRT2))),
  tanh: Math.tanh,
  sigmoid,
  linear: (x) => x,
}

/** By its series, which cancels where it is 1 to the eighth digit. */
function erf(x: number): number {
  if (Math.abs(x) > 4) return Math.sign(x)
  let sum = 0
  for (let n = 0, term = x; n < 200; n++, term *= -(x * x) / n) sum += term / (2 * n + 1)
  return (2 / Math.sqrt(Math.PI)) * sum
}

// None at a kink, where the derivative is a matter of taste; the far ones overflow a careless exponential.
const points = [-1000, -90, -12.5, -6.2, -3, -1.3, -0.4, -0.01, 0.02, 0.5, 0.9, 2.4, 5.8, 6.3, 11, 95, 1000]

describe('activations', () => {
  it.each(activationNames)('%s has the values and the slope of its formula', async (name) => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', [points.length])
    const y = activations[name](x)
    const [slope] = gradients(reduceSum(y, [0]), [x])
    if (!slope) throw new Error(`${name} passes no gradient`)
    graph.output('y', y)
    graph.output('slope', slope)
    const compiled = await createOnnxRuntimeEngine().compile(graph)
    try {
      const feeds = { x: { data: Float32Array.from(points), shape: [points.length] } }
      const outputs = await compiled.run(feeds, ['y', 'slope'])
      points.forEach((point, i) => {
        const at = formulas[name]
        const expected = at(point)
        const size = 1 + Math.abs(expected)
        expect(Number(outputs['y']?.data[i]) / size, `at ${point}`).toBeCloseTo(expected / size, 5)
        const step = 1e-5 * (1 + Math.abs(point))
        const difference = (at(point + step) - at(point - step)) / (2 * step)
        expect(
          Number(outputs['slope']?.data[i]) / (1 + Math.abs(difference)),
          `slope at ${point}`,
        ).toBeCloseTo(difference / (1 + Math.abs(difference)), 4)
      })
    } finally {
      await compiled.dispose()
    }
  })
})
