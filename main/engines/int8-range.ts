import type { InferenceSession, Tensor } from 'onnxruntime-node'

import { encodeModel } from '../graph/onnx-proto.ts'

const inner = 64
const largest = 127

/**
 * The largest whole number that an 8-bit weight may be on this processor: 127, or 63 where the instructions at hand
 * add two products in 16 bits, which 2 · 255 · 127 is too much for. It is found by multiplying the largest numbers.
 */
export async function largestInt8(runtime: {
  InferenceSession: { create(model: Uint8Array, options: object): Promise<InferenceSession> }
  Tensor: new (type: 'float32', data: Float32Array, dims: number[]) => Tensor
}): Promise<number> {
  const session = await runtime.InferenceSession.create(product(), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  })
  try {
    const ones = new runtime.Tensor('float32', new Float32Array(inner).fill(1), [1, inner])
    const { y } = await session.run({ x: ones })
    const sum = y && 'data' in y ? Number(y.data[0]) : Number.NaN
    return Math.abs(sum - inner * largest) < 1 ? largest : largest >> 1
  } finally {
    await session.release()
  }
}

/** `x [1, inner]`, rounded to 8 bits, times a matrix of the largest weights. */
function product(): Uint8Array {
  const columns = 16
  const value = (name: string, size: number) => ({
    name,
    type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 1 }, { dimValue: size }] } } },
  })
  const node = (opType: string, domain: string, input: string[], output: string[]) => ({
    opType,
    domain,
    name: opType,
    input,
    output,
    attribute: [],
  })
  return encodeModel({
    irVersion: 9,
    producerName: 'adapter-workbench',
    opsetImport: [
      { domain: '', version: 20 },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: 'product',
      node: [
        node('DynamicQuantizeLinear', '', ['x'], ['whole', 'scale', 'zero']),
        node('MatMulIntegerToFloat', 'com.microsoft', ['whole', 'weights', 'scale', 'scales', 'zero'], ['y']),
      ],
      initializer: [
        {
          name: 'weights',
          dims: [inner, columns],
          dataType: 3,
          rawData: new Uint8Array(inner * columns).fill(largest),
        },
        {
          name: 'scales',
          dims: [columns],
          dataType: 1,
          rawData: new Uint8Array(new Float32Array(columns).fill(1).buffer),
        },
      ],
      input: [value('x', inner)],
      output: [value('y', columns)],
    },
  })
}
