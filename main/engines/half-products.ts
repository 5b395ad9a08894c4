import type { NodeMessage } from '../graph/onnx-proto.ts'
import {
  columns,
  elementTypes,
  inner,
  trialNode,
  tryProduct,
  type TrialProduct,
  type TrialRuntime,
} from './trial-product.ts'

/**
 * Whether a device of onnxruntime computes products in half precision. It is found by a small one: a driver without
 * half precision refuses it, and onnxruntime does not tell beforehand.
 */
export async function computesHalf(runtime: TrialRuntime, device: string): Promise<boolean> {
  const x = Float32Array.from({ length: inner }, (_, i) => i / inner)
  const expected = x.reduce((sum, value) => sum + value, 0)
  try {
    // A refusal is an answer here, not something to write to the log.
    const sum = await tryProduct(runtime, product(), x, { device, logSeverityLevel: 4 })
    return Math.abs(sum - expected) < expected / 100
  } catch {
    return false
  }
}

/** With `x` in half precision, times a matrix of ones. */
function product(): TrialProduct {
  return {
    nodes: [
      cast('x', 'half', 'float16'),
      trialNode('MatMul', ['half', 'weights'], ['product']),
      cast('product', 'y', 'float32'),
    ],
    weights: [
      {
        name: 'weights',
        dims: [inner, columns],
        dataType: elementTypes.float16,
        rawData: new Uint8Array(new Float16Array(inner * columns).fill(1).buffer),
      },
    ],
  }
}

function cast(input: string, output: string, type: keyof typeof elementTypes): NodeMessage {
  return trialNode('Cast', [input], [output], {
    attribute: [{ name: 'to', type: 2, i: elementTypes[type] }],
  })
}
