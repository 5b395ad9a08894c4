/**
 * A pickle reader that can build tensors' descriptions and plain containers, and nothing else. A pickle is a
 * program: it may name any function and have it called. Here every global is on the list below or refused when it
 * is named, and a call only ever fills in a record. Opcodes: Python's Lib/pickletools.py.
 */
import { WorkbenchError } from '../../../preload/contract.ts'
import type { Dtype } from './dtypes.ts'

/** The elements that one entry `data/<key>` of the archive holds. */
export interface TorchStorage {
  readonly kind: 'storage'
  readonly dtype: Dtype
  readonly key: string
  readonly elements: number
}

/** A view into a storage; offset and strides count elements. */
export interface TorchTensor {
  readonly kind: 'tensor'
  readonly storage: TorchStorage
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

interface StorageType {
  readonly kind: 'storage-type'
  readonly dtype: Dtype
}

interface Callable {
  readonly kind: 'callable'
  readonly call: (operands: Value[], refuse: Refuse) => Value
}

type Value =
  | undefined
  | boolean
  | number
  | string
  | Value[]
  | Map<Value, Value>
  | TorchStorage
  | TorchTensor
  | StorageType
  | Callable
type Refuse = (problem: string) => WorkbenchError

const storageTypes: Record<string, Dtype> = {
  FloatStorage: 'F32',
  DoubleStorage: 'F64',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
}

const callables: Record<string, Callable['call']> = {
  'collections.OrderedDict': (operands, refuse) => {
    if (operands.length > 0) throw refuse('collections.OrderedDict is called with values')
    return new Map()
  },
  'torch._utils._rebuild_tensor_v2': ([storage, offset, shape, strides], refuse) => {
    if (!isKind(storage, 'storage') || !isSize(offset) || !isSizes(shape) || !isSizes(strides)) {
      throw refuse('a tensor is described wrongly')
    }
    if (shape.length !== strides.length) throw refuse('a tensor has not as many strides as dimensions')
    return { kind: 'tensor', storage, offset, shape, strides }
  },
  'torch._utils._rebuild_parameter': ([tensor], refuse) => {
    if (!isKind(tensor, 'tensor')) throw refuse('a parameter is described wrongly')
    return tensor
  },
}

function resolveGlobal(module: string, name: string, refuse: Refuse): StorageType | Callable {
  const full = `${module}.${name}`
  const call = Object.hasOwn(callables, full) ? callables[full] : undefined
  if (call !== undefined) return { kind: 'callable', call }
  const dtype = module === 'torch' && Object.hasOwn(storageTypes, name) ? storageTypes[name] : undefined
  if (dtype !== undefined) return { kind: 'storage-type', dtype }
  throw refuse(`it names the global "${full}", which no tensor needs`)
}

/**
 * The tensors of a pickled state dict by name; entries that are no tensors are left out.
 * @throws WorkbenchError `bad-input` naming the file and the opcode or global that is not allowed.
 */
export function readTensorPickle(bytes: Uint8Array, path: string): Map<string, TorchTensor> {
  const refuse: Refuse = (problem) =>
    new WorkbenchError(
      'bad-input',
      `${path} is not read: ${problem}. Only files that hold nothing but tensors are read; ` +
        `ask for the checkpoint as model.safetensors.`,
    )
  const root = unpickle(bytes, refuse)
  if (!(root instanceof Map)) throw refuse('it holds no dictionary of tensors')
  const tensors = new Map<string, TorchTensor>()
  for (const [name, value] of root) {
    if (typeof name === 'string' && isKind(value, 'tensor')) tensors.set(name, value)
  }
  return tensors
}

interface Machine {
  readonly refuse: Refuse
  readonly memo: Map<number, Value>
  take(length: number): DataView
  line(): string
  push(value: Value): void
  pop(): Value
  top(): Value
  /** What was pushed since the last MARK. */
  popMark(): Value[]
}

function unpickle(bytes: Uint8Array, refuse: Refuse): Value {
  let position = 0
  let stack: Value[] = []
  // Stacks put aside by MARK.
  const marks: Value[][] = []
  const machine: Machine = {
    refuse,
    memo: new Map(),
    take: (length) => {
      if (position + length > bytes.byteLength) throw refuse('its pickle ends too early; the file is damaged')
      const view = new DataView(bytes.buffer, bytes.byteOffset + position, length)
      position += length
      return view
    },
    line: () => {
      const end = bytes.indexOf(0x0a, position)
      if (end < 0) throw refuse('its pickle ends too early; the file is damaged')
      const text = new TextDecoder().decode(bytes.subarray(position, end))
      position = end + 1
      return text
    },
    push: (value) => {
      stack.push(value)
    },
    pop: () => {
      if (stack.length === 0) throw refuse('its pickle takes more than it put; the file is damaged')
      return stack.pop()
    },
    top: () => {
      if (stack.length === 0) throw refuse('its pickle takes more than it put; the file is damaged')
      return stack.at(-1)
    },
    popMark: () => {
      const outer = marks.pop()
      if (outer === undefined) throw refuse('its pickle has no mark where it needs one; the file is damaged')
      const items = stack
      stack = outer
      return items
    },
  }
  for (;;) {
    const code = machine.take(1).getUint8(0)
    if (code === stop) return machine.pop()
    if (code === mark) {
      marks.push(stack)
      stack = []
      continue
    }
    const operation = operations[code]
    if (operation === undefined) {
      throw refuse(`its pickle has the opcode 0x${code.toString(16).padStart(2, '0')}, which no tensor needs`)
    }
    operation(machine)
  }
}

const stop = 0x2e
const mark = 0x28

const operations: Record<number, (machine: Machine) => void> = {
  // PROTO, FRAME: nothing to build.
  0x80: ({ take, refuse }) => {
    const version = take(1).getUint8(0)
    if (version < 2 || version > 5) throw refuse(`its pickle protocol is ${version}, not 2 to 5`)
  },
  0x95: ({ take }) => {
    take(8)
  },
  // NONE, NEWTRUE, NEWFALSE
  0x4e: ({ push }) => push(undefined),
  0x88: ({ push }) => push(true),
  0x89: ({ push }) => push(false),
  // BININT, BININT1, BININT2, LONG1, BINFLOAT
  0x4a: ({ push, take }) => push(take(4).getInt32(0, true)),
  0x4b: ({ push, take }) => push(take(1).getUint8(0)),
  0x4d: ({ push, take }) => push(take(2).getUint16(0, true)),
  0x8a: ({ push, take, refuse }) => push(longValue(take(take(1).getUint8(0)), refuse)),
  0x47: ({ push, take }) => push(take(8).getFloat64(0)),
  // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8
  0x8c: ({ push, take }) => push(textOf(take(take(1).getUint8(0)))),
  0x58: ({ push, take }) => push(textOf(take(take(4).getUint32(0, true)))),
  0x8d: ({ push, take }) => push(textOf(take(Number(take(8).getBigUint64(0, true))))),
  // EMPTY_LIST, EMPTY_TUPLE, EMPTY_DICT, TUPLE, TUPLE1, TUPLE2, TUPLE3
  0x5d: ({ push }) => push([]),
  0x29: ({ push }) => push([]),
  0x7d: ({ push }) => push(new Map()),
  0x74: ({ push, popMark }) => push(popMark()),
  0x85: ({ push, pop }) => push([pop()]),
  0x86: ({ push, pop }) => push([pop(), pop()].reverse()),
  0x87: ({ push, pop }) => push([pop(), pop(), pop()].reverse()),
  // APPEND, APPENDS, SETITEM, SETITEMS
  0x61: ({ pop, top, refuse }) => {
    const value = pop()
    listOf(top(), refuse).push(value)
  },
  0x65: ({ popMark, top, refuse }) => {
    const values = popMark()
    const list = listOf(top(), refuse)
    for (const value of values) list.push(value)
  },
  0x73: ({ pop, top, refuse }) => {
    const value = pop()
    const key = pop()
    dictionaryOf(top(), refuse).set(key, value)
  },
  0x75: ({ popMark, top, refuse }) => {
    const items = popMark()
    const dictionary = dictionaryOf(top(), refuse)
    for (let index = 0; index + 1 < items.length; index += 2) dictionary.set(items[index], items[index + 1])
  },
  // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
  0x71: ({ memo, take, top }) => void memo.set(take(1).getUint8(0), top()),
  0x72: ({ memo, take, top }) => void memo.set(take(4).getUint32(0, true), top()),
  0x94: ({ memo, top }) => void memo.set(memo.size, top()),
  0x68: (machine) => recall(machine, machine.take(1).getUint8(0)),
  0x6a: (machine) => recall(machine, machine.take(4).getUint32(0, true)),
  // GLOBAL, STACK_GLOBAL
  0x63: ({ push, line, refuse }) => {
    const module = line()
    push(resolveGlobal(module, line(), refuse))
  },
  0x93: ({ push, pop, refuse }) => {
    const name = pop()
    const module = pop()
    push(resolveGlobal(String(module), String(name), refuse))
  },
  // REDUCE: call one of the three callables above.
  0x52: ({ push, pop, refuse }) => {
    const operands = pop()
    const callable = pop()
    if (!isKind(callable, 'callable') || !Array.isArray(operands)) {
      throw refuse('its pickle calls something that is no function of the allowed ones')
    }
    push(callable.call(operands, refuse))
  },
  // BUILD: the attributes of a dictionary (a state dict's `_metadata`), which we do not need.
  0x62: ({ pop, top, refuse }) => {
    pop()
    dictionaryOf(top(), refuse)
  },
  // BINPERSID: ('storage', type, key, device, elements)
  0x51: ({ push, pop, refuse }) => push(storageOf(pop(), refuse)),
}

function recall({ memo, push, refuse }: Machine, index: number): void {
  if (!memo.has(index)) throw refuse('its pickle recalls what it never stored; the file is damaged')
  push(memo.get(index))
}

function storageOf(identifier: Value, refuse: Refuse): TorchStorage {
  if (Array.isArray(identifier)) {
    const [tag, type, key, , elements] = identifier
    if (tag === 'storage' && isKind(type, 'storage-type') && typeof key === 'string' && isSize(elements)) {
      return { kind: 'storage', dtype: type.dtype, key, elements }
    }
  }
  throw refuse('a storage is described wrongly')
}

function listOf(value: Value, refuse: Refuse): Value[] {
  if (!Array.isArray(value)) throw refuse('its pickle appends to what is no list')
  return value
}

function dictionaryOf(value: Value, refuse: Refuse): Map<Value, Value> {
  if (!(value instanceof Map)) throw refuse('its pickle fills in what is no dictionary')
  return value
}

function longValue(view: DataView, refuse: Refuse): number {
  let value = 0n
  for (let index = view.byteLength - 1; index >= 0; index--)
    value = (value << 8n) | BigInt(view.getUint8(index))
  const number = Number(BigInt.asIntN(Math.max(view.byteLength, 1) * 8, value))
  if (!Number.isSafeInteger(number)) throw refuse('it holds an integer beyond 2^53')
  return number
}

function textOf(view: DataView): string {
  return new TextDecoder().decode(view)
}

interface Kinds {
  storage: TorchStorage
  tensor: TorchTensor
  'storage-type': StorageType
  callable: Callable
}

function isKind<Kind extends keyof Kinds>(value: Value, kind: Kind): value is Kinds[Kind] {
  return typeof value === 'object' && 'kind' in value && value.kind === kind
}

function isSize(value: Value): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isSizes(value: Value): value is number[] {
  return Array.isArray(value) && value.every(isSize)
}
