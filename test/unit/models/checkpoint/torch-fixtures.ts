import { crc32 } from 'node:zlib'

/** A zip archive as `torch.save` writes it. @param compression what the entries claim to be; 0: stored as they are */
export function makeZip(entries: Record<string, Uint8Array>, compression = 0): Uint8Array {
  const parts: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let offset = 0
  for (const [name, data] of Object.entries(entries)) {
    const encoded = Buffer.from(name)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(compression, 4)
    common.writeUInt32LE(crc32(data), 10)
    common.writeUInt32LE(data.byteLength, 14)
    common.writeUInt32LE(data.byteLength, 18)
    common.writeUInt16LE(encoded.byteLength, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, encoded, data])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(offset, 10)
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, rest, encoded]))
    parts.push(local)
    offset += local.byteLength
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0, 'latin1')
  end.writeUInt16LE(directory.length, 8)
  end.writeUInt16LE(directory.length, 10)
  end.writeUInt32LE(central.byteLength, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, central, end])
}

export interface TensorSpec {
  name: string
  key: string
  elements: number
  shape: number[]
  strides: number[]
  offset?: number
  storage?: string
  parameter?: boolean
}

const text = (value: string) => {
  const encoded = Buffer.from(value)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(encoded.byteLength)
  return Buffer.concat([Buffer.from('X'), length, encoded])
}
const integer = (value: number) => {
  const encoded = Buffer.alloc(5)
  encoded.write('J', 'latin1')
  encoded.writeInt32LE(value, 1)
  return encoded
}
const globalName = (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`)
const tuple = (items: Buffer[]) => Buffer.concat([Buffer.from('('), ...items, Buffer.from('t')])
const call = (callable: Buffer, operands: Buffer[]) =>
  Buffer.concat([callable, tuple(operands), Buffer.from('R')])
const none = Buffer.from('N')
const no = Buffer.from([0x89])
const emptyDictionary = call(globalName('collections', 'OrderedDict'), [])

function tensor({
  key,
  elements,
  shape,
  strides,
  offset = 0,
  storage = 'FloatStorage',
  parameter,
}: TensorSpec): Buffer {
  const identifier = tuple([
    text('storage'),
    globalName('torch', storage),
    text(key),
    text('cpu'),
    integer(elements),
  ])
  const rebuilt = call(globalName('torch._utils', '_rebuild_tensor_v2'), [
    Buffer.concat([identifier, Buffer.from('Q')]),
    integer(offset),
    tuple(shape.map(integer)),
    tuple(strides.map(integer)),
    no,
    emptyDictionary,
  ])
  return parameter === true
    ? call(globalName('torch._utils', '_rebuild_parameter'), [rebuilt, no, emptyDictionary])
    : rebuilt
}

/** A protocol 2 pickle of an ordered dictionary of tensors, with `_metadata` as PyTorch adds it. */
export function tensorPickle(tensors: TensorSpec[]): Buffer {
  return Buffer.concat([
    Buffer.from([0x80, 2]),
    emptyDictionary,
    Buffer.from('q\x00('),
    ...tensors.flatMap((spec) => [text(spec.name), tensor(spec)]),
    text('epoch'),
    none,
    Buffer.from('u'),
    // BUILD with {'_metadata': OrderedDict()}
    Buffer.from('}'),
    text('_metadata'),
    emptyDictionary,
    Buffer.from('sb.'),
  ])
}

/** What `pickle.dumps` gives for an object whose `__reduce__` returns `(module.name, (operand,))`. */
export function callingPickle(module: string, name: string, operand: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x80, 2]),
    Buffer.from('}'),
    text('weight'),
    call(globalName(module, name), [text(operand)]),
    Buffer.from('s.'),
  ])
}
