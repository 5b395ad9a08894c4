import type { InferenceSession, Tensor } from 'onnxruntime-node'

import { encodeModel, type NodeMessage, type TensorMessage } from '../graph/onnx-proto.ts'

/** What a trial needs of onnxruntime. */
export interface TrialRuntime {
  InferenceSession: { create(model: Uint8Array, options: object): Promise<InferenceSession> }
  Tensor: new (type: 'float32', data: Float32Array, dims: number[]) => Tensor
}

/** A small product, by which a device shows how it computes: `x [1, inner]` times a matrix `[inner, columns]`. */
export interface TrialProduct {
  /** Operations from `x` to `y`. */
  nodes: NodeMessage[]
  weights: TensorMessage[]
}

export const inner = 64
export const columns = 16

/** ONNX's numbers of element types. */
export const elementTypes = { float32: 1, int8: 3, float16: 10 } as const

/** An operation of a trial; its first output is its name. */
export function trialNode(
  opType: string,
  input: string[],
  output: string[],
  { domain = '', attribute = [] }: Partial<Pick<NodeMessage, 'domain' | 'attribute'>> = {},
): NodeMessage {
  return { opType, domain, name: output[0] ?? opType, input, output, attribute }
}

/**
 * The first number of the product on a device.
 *
 * @param logSeverityLevel of what onnxruntime writes to its log by itself
 * @throws what onnxruntime throws where the device does not have the operations
 */
export async function tryProduct(
  { InferenceSession, Tensor }: TrialRuntime,
  { nodes, weights }: TrialProduct,
  x: Float32Array,
  { device, logSeverityLevel }: { device: string; logSeverityLevel: 3 | 4 },
): Promise<number> {
  const value = (name: string, size: number) => ({
    name,
    type: {
      tensorType: { elemType: elementTypes.float32, shape: { dim: [{ dimValue: 1 }, { dimValue: size }] } },
    },
  })
  const model = encodeModel({
    irVersion: 9,
    producerName: 'adapter-workbench',
    opsetImport: [
      { domain: '', version: 20 },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: 'product',
      node: nodes,
      initializer: weights,
      input: [value('x', inner)],
      output: [value('y', columns)],
    },
  })
  const session = await InferenceSession.create(model, {
    executionProviders: [device],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel,
  })
  try {
    const { y } = await session.run({ x: new Tensor('float32', x, [1, inner]) }, { logSeverityLevel })
    return y && 'data' in y ? Number(y.data[0]) : Number.NaN
  } finally {
    await session.release()
  }
}
