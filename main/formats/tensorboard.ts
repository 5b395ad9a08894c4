import protobuf from 'protobufjs'

/** One scalar of a TensorBoard event file. */
export interface ScalarEvent {
  tag: string
  step: number
  value: number
}

/**
 * The part of TensorFlow's protocol buffers that scalars use (field numbers from tensorflow/core/util/event.proto,
 * framework/summary.proto and framework/tensor.proto).
 */
const root = protobuf.Root.fromJSON({
  nested: {
    Event: { fields: { step: { type: 'int64', id: 2 }, summary: { type: 'Summary', id: 5 } } },
    Summary: { fields: { value: { rule: 'repeated', type: 'Value', id: 1 } } },
    Value: {
      // Without it, a scalar of 0 would read as none at all.
      oneofs: { content: { oneof: ['simpleValue', 'tensor'] } },
      fields: {
        tag: { type: 'string', id: 1 },
        simpleValue: { type: 'float', id: 2 },
        tensor: { type: 'Tensor', id: 8 },
      },
    },
    Tensor: {
      fields: {
        dtype: { type: 'int32', id: 1 },
        shape: { type: 'Shape', id: 2 },
        content: { type: 'bytes', id: 4 },
        floats: { rule: 'repeated', type: 'float', id: 5, options: { packed: true } },
        doubles: { rule: 'repeated', type: 'double', id: 6, options: { packed: true } },
        ints: { rule: 'repeated', type: 'int32', id: 7, options: { packed: true } },
        longs: { rule: 'repeated', type: 'int64', id: 10, options: { packed: true } },
      },
    },
    Shape: { fields: { dim: { rule: 'repeated', type: 'Dimension', id: 2 } } },
    Dimension: { fields: { size: { type: 'int64', id: 1 } } },
  },
})
const eventType = root.lookupType('Event')

interface Tensor {
  dtype?: number
  shape?: { dim?: { size?: number }[] }
  content?: Uint8Array
  floats?: number[]
  doubles?: number[]
  ints?: number[]
  longs?: number[]
}

/** A record that is no event is a damaged file, so it throws. Images, texts and histograms are passed over. */
export function readScalars(record: Uint8Array): ScalarEvent[] {
  const { step = 0, summary } = eventType.toObject(eventType.decode(record), { longs: Number }) as {
    step?: number
    summary?: { value?: { tag?: string; simpleValue?: number; tensor?: Tensor }[] }
  }
  return (summary?.value ?? []).flatMap(({ tag, simpleValue, tensor }) => {
    const value = simpleValue ?? (tensor && scalarOf(tensor))
    return tag === undefined || value === undefined ? [] : [{ tag, step, value }]
  })
}

/** The one number of a tensor without dimensions (or with one element); undefined for any other. */
function scalarOf({ dtype, shape, content, floats, doubles, ints, longs }: Tensor): number | undefined {
  if ((shape?.dim ?? []).some(({ size = 0 }) => size !== 1)) return undefined
  const listed = floats ?? doubles ?? ints ?? longs
  if (listed?.length === 1) return listed[0]
  if (content === undefined) return undefined
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength)
  // Numbers of tensorflow's DataType: float, double, int32, int64.
  if (dtype === 1 && content.length === 4) return view.getFloat32(0, true)
  if (dtype === 2 && content.length === 8) return view.getFloat64(0, true)
  if (dtype === 3 && content.length === 4) return view.getInt32(0, true)
  if (dtype === 9 && content.length === 8) return Number(view.getBigInt64(0, true))
  return undefined
}
