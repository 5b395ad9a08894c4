/** Bytes per element of each type that is read, under its safetensors name. */
export const dtypeBytes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const

export type Dtype = keyof typeof dtypeBytes

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(dtypeBytes, name)
}

/**
 * Values of any type as float32; integers beyond 2^24 are rounded. Files are little-endian, as are all processors that
 * Node and the engines run on.
 *
 * @param bytes at the beginning of their buffer, which aligns them
 */
export function toFloat32(dtype: Dtype, { buffer }: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  switch (dtype) {
    case 'F64':
      return new Float32Array(new Float64Array(buffer))
    case 'F32':
      return new Float32Array(buffer)
    case 'F16':
      return halfToFloat32(new Uint16Array(buffer))
    case 'BF16':
      return brainToFloat32(new Uint16Array(buffer))
    case 'I64':
      return Float32Array.from(new BigInt64Array(buffer), Number)
    case 'U64':
      return Float32Array.from(new BigUint64Array(buffer), Number)
    case 'I32':
      return new Float32Array(new Int32Array(buffer))
    case 'U32':
      return new Float32Array(new Uint32Array(buffer))
    case 'I16':
      return new Float32Array(new Int16Array(buffer))
    case 'U16':
      return new Float32Array(new Uint16Array(buffer))
    case 'I8':
      return new Float32Array(new Int8Array(buffer))
    case 'U8':
    case 'BOOL':
      return new Float32Array(new Uint8Array(buffer))
  }
}

/** float32 whose upper half these bits are. */
function brainToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const widened = new Uint32Array(bits.length)
  for (let index = 0; index < bits.length; index++) widened[index] = (bits[index] ?? 0) << 16
  return new Float32Array(widened.buffer)
}

let halfTable: Float32Array<ArrayBuffer> | undefined

/** All 65,536 halves: a look-up is several times faster than decoding each. */
function makeHalfTable(): Float32Array<ArrayBuffer> {
  const table = new Float32Array(0x10000)
  for (let bits = 0; bits < 0x10000; bits++) {
    const sign = bits & 0x8000 ? -1 : 1
    const exponent = (bits >> 10) & 0x1f
    const fraction = bits & 0x3ff
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24
    else if (exponent === 0x1f) table[bits] = fraction === 0 ? sign * Infinity : NaN
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  }
  return table
}

function halfToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const table = (halfTable ??= makeHalfTable())
  const values = new Float32Array(bits.length)
  for (let index = 0; index < bits.length; index++) values[index] = table[bits[index] ?? 0] ?? 0
  return values
}

/** IEEE 754 half-precision bits of float32 values, rounded to nearest, ties to even. */
export function toHalf(values: Float32Array): Uint16Array<ArrayBuffer> {
  const source = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const halves = new Uint16Array(values.length)
  for (let index = 0; index < source.length; index++) halves[index] = halfBits(source[index] ?? 0)
  return halves
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  // 65,520 and above round to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude >= 0x38800000) {
    const rebased = magnitude - (112 << 23)
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13)
  }
  // Below the smallest normal half the step is 2^-24, wherever the value's own exponent lies.
  const exponent = magnitude >>> 23
  if (exponent < 102) return sign
  const fraction = (magnitude & 0x7fffff) | 0x800000
  const shift = 126 - exponent
  const kept = fraction >>> shift
  const rest = fraction & ((1 << shift) - 1)
  const middle = 1 << (shift - 1)
  return sign | (rest > middle || (rest === middle && (kept & 1) === 1) ? kept + 1 : kept)
}
