import {
  columns,
  elementTypes,
  inner,
  trialNode,
  tryProduct,
  type TrialProduct,
  type TrialRuntime,
} from './trial-product.ts'

const largest = 127

/**
 * The largest whole number that an 8-bit weight may be on this processor: 127, or 63 where the instructions at hand
 * add two products in 16 bits, which 2 · 255 · 127 is too much for. It is found by multiplying the largest numbers.
 */
export async function largestInt8(runtime: TrialRuntime): Promise<number> {
  const ones = new Float32Array(inner).fill(1)
  const sum = await tryProduct(runtime, product(), ones, { device: 'cpu', logSeverityLevel: 3 })
  return Math.abs(sum - inner * largest) < 1 ? largest : largest >> 1
}

/** With `x` rounded to 8 bits, times a matrix of the largest weights. */
function product(): TrialProduct {
  return {
    nodes: [
      trialNode('DynamicQuantizeLinear', ['x'], ['whole', 'scale', 'zero']),
      trialNode('MatMulIntegerToFloat', ['whole', 'weights', 'scale', 'scales', 'zero'], ['y'], {
        domain: 'com.microsoft',
      }),
    ],
    weights: [
      {
        name: 'weights',
        dims: [inner, columns],
        dataType: elementTypes.int8,
        rawData: new Uint8Array(inner * columns).fill(largest),
      },
      {
        name: 'scales',
        dims: [columns],
        dataType: elementTypes.float32,
        rawData: new Uint8Array(new Float32Array(columns).fill(1).buffer),
      },
    ],
  }
}
