import type { InferenceSession, Tensor } from 'onnxruntime-node'

import { encodeModel } from '../graph/onnx-proto.ts'

const inner = 64
const columns = 16
const [float32, float16] = [1, 10]

/**
 * Whether a device of onnxruntime computes products in half precision. It is found by a small one: a driver without
 * half precision refuses it, and onnxruntime does not tell beforehand.
 */
export async function computesHalf(
  runtime: {
    InferenceSession: { create(model: Uint8Array, options: object): Promise<InferenceSession> }
    Tensor: new (type: 'float32', data: Float32Array, dims: number[]) => Tensor
  },
  device: string,
): Promise<boolean> {
  try {
    const session = await runtime.InferenceSession.create(product(), {
      executionProviders: [device],
      interOpNumThreads: 1,
      // A refusal is an answer here, not something to write to the log.
      logSeverityLevel: 4,
    })
    try {
      const x = Float32Array.from({ length: inner }, (_, i) => i / inner)
      const { y } = await session.run(
        { x: new runtime.Tensor('float32', x, [1, inner]) },
        { logSeverityLevel: 4 },
      )
      const expected = x.reduce((sum, value) => sum + value, 0)
      return y !== undefined && 'data' in y && Math.abs(Number(y.data[0]) - expected) < expected / 100
    } finally {
      await session.release()
    }
  } catch {
    return false
  }
}

/** `x [1, inner]`, in half precision, times a matrix of ones. */
function product(): Uint8Array {
  const value = (name: string, size: number) => ({
    name,
    type: { tensorType: { elemType: float32, shape: { dim: [{ dimValue: 1 }, { dimValue: size }] } } },
  })
  const node = (opType: string, input: string[], output: string, to?: number) => ({
    opType,
    domain: '',
    name: output,
    input,
    output: [output],
    attribute: to === undefined ? [] : [{ name: 'to', type: 2, i: to }],
  })
  return encodeModel({
    irVersion: 9,
    producerName: 'adapter-workbench',
    opsetImport: [{ domain: '', version: 20 }],
    graph: {
      name: 'product',
      node: [
        node('Cast', ['x'], 'half', float16),
        node('MatMul', ['half', 'weights'], 'product'),
        node('Cast', ['product'], 'y', float32),
      ],
      initializer: [
        {
          name: 'weights',
          dims: [inner, columns],
          dataType: float16,
          rawData: new Uint8Array(new Float16Array(inner * columns).fill(1).buffer),
        },
      ],
      input: [value('x', inner)],
      output: [value('y', columns)],
    },
  })
}
