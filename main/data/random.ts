/**
 * Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy
 * as 1, 2, 3", SC 2011). A number is a pure function of (seed, stream, position), so a resumed run or another
 * engine gets the same ones without any state being carried over.
 */

const multiplier0 = 0xd2511f53
const multiplier1 = 0xcd9e8d57
const weyl0 = 0x9e3779b9
const weyl1 = 0xbb67ae85
const twoTo32 = 2 ** 32

type Block = [number, number, number, number]

/** The upper 32 bits of a 32 x 32 bit product; `b` comes in halves. */
function multiplyHigh(a: number, bHigh: number, bLow: number): number {
  const aHigh = a >>> 16
  const aLow = a & 0xffff
  const low = Math.imul(aLow, bLow) >>> 16
  const middle = (Math.imul(aHigh, bLow) >>> 0) + low
  const rest = (Math.imul(aLow, bHigh) >>> 0) + (middle & 0xffff)
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (rest >>> 16)) | 0
}

/** One block of four 32-bit words (unsigned) into `out`, for a 128-bit counter and a 64-bit key. */
export function philox4x32(
  out: Uint32Array,
  counter0: number,
  counter1: number,
  counter2: number,
  counter3: number,
  key0: number,
  key1: number,
): void {
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(counter0, multiplier0 >>> 16, multiplier0 & 0xffff)
    const high1 = multiplyHigh(counter2, multiplier1 >>> 16, multiplier1 & 0xffff)
    const low0 = Math.imul(counter0, multiplier0)
    const low1 = Math.imul(counter2, multiplier1)
    counter0 = high1 ^ counter1 ^ key0
    counter1 = low1
    counter2 = high0 ^ counter3 ^ key1
    counter3 = low0
    key0 = (key0 + weyl0) | 0
    key1 = (key1 + weyl1) | 0
  }
  out[0] = counter0
  out[1] = counter1
  out[2] = counter2
  out[3] = counter3
}

export interface Random {
  /** 32-bit words drawn so far. Set it to go back, or on, to any place of the stream. */
  position: number
  /** The next word, an integer in [0, 2^32). */
  word(): number
  /** In [0, 1), a multiple of 2^-24, so that it is exact as a float32. One word. */
  uniform(): number
  /** Standard normal (Box-Muller). Two words. */
  normal(): number
  /** Uniform in 0 … n - 1, without bias, for n up to 2^32. Rarely more than one word. */
  integer(n: number): number
  /** 0 … n - 1 in random order. */
  permutation(n: number): Uint32Array
  /** The same values as that many calls of `uniform`. */
  fillUniform(values: Float32Array): void
  /** The same values as that many calls of `normal`, rounded to float32. */
  fillNormal(values: Float32Array): void
}

/**
 * The generator of one stream: `createRandom(seed, 'dropout', step, 'layer.3')`.
 *
 * @param seed a whole number from 0 to 2^53 - 1
 * @param stream names and numbers that tell this use of the seed from every other; 1 and '1' differ
 */
export function createRandom(seed: number, ...stream: (number | string)[]): Random {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`a seed is a whole number from 0 to 2^53 - 1, not ${seed}`)
  }
  const key0 = seed | 0
  const key1 = Math.floor(seed / twoTo32) | 0
  const [stream0, stream1] = hashStream(stream)
  const buffer = new Uint32Array(4)
  let block = -1
  let position = 0

  function load(wanted: number): void {
    philox4x32(buffer, wanted | 0, Math.floor(wanted / twoTo32) | 0, stream0, stream1, key0, key1)
    block = wanted
  }

  function word(): number {
    const wanted = Math.floor(position / 4)
    if (wanted !== block) load(wanted)
    const value = buffer[position % 4] ?? 0
    position++
    return value
  }

  function uniform(): number {
    return (word() >>> 8) * 2 ** -24
  }

  function normal(): number {
    // 1 is added so that the logarithm never sees 0.
    const radius = Math.sqrt(-2 * Math.log((word() + 1) / twoTo32))
    return radius * Math.cos((2 * Math.PI * word()) / twoTo32)
  }

  function integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > twoTo32) {
      throw new RangeError(`integer(n) needs a whole n from 1 to 2^32, not ${n}`)
    }
    const limit = twoTo32 - (twoTo32 % n)
    let value = word()
    while (value >= limit) value = word()
    return value % n
  }

  function permutation(n: number): Uint32Array {
    const order = Uint32Array.from({ length: n }, (_, index) => index)
    for (let last = n - 1; last > 0; last--) {
      const other = integer(last + 1)
      const moved = order[last] ?? 0
      order[last] = order[other] ?? 0
      order[other] = moved
    }
    return order
  }

  return {
    get position() {
      return position
    },
    set position(value: number) {
      if (!Number.isSafeInteger(value) || value < 0) {
        throw new RangeError(`a position is a whole number from 0, not ${value}`)
      }
      position = value
    },
    word,
    uniform,
    normal,
    integer,
    permutation,
    fillUniform(values) {
      for (let index = 0; index < values.length; index++) values[index] = uniform()
    },
    fillNormal(values) {
      for (let index = 0; index < values.length; index++) values[index] = normal()
    },
  }
}

/** 64 bits of a stream's parts: the generator itself absorbs kind, length and content of each, word by word. */
function hashStream(stream: readonly (number | string)[]): [number, number] {
  const state: Block = [0, 0, 0, 0]
  const out = new Uint32Array(4)
  const absorb = (value: number) => {
    philox4x32(out, state[0], state[1], state[2], state[3], value | 0, 0x57424e48)
    state[0] = out[0] ?? 0
    state[1] = out[1] ?? 0
    state[2] = out[2] ?? 0
    state[3] = out[3] ?? 0
  }
  const float64 = new DataView(new ArrayBuffer(8))
  for (const part of stream) {
    if (typeof part === 'number') {
      float64.setFloat64(0, part)
      absorb(1)
      absorb(float64.getInt32(0))
      absorb(float64.getInt32(4))
    } else {
      absorb(2)
      absorb(part.length)
      for (let index = 0; index < part.length; index++) absorb(part.charCodeAt(index))
    }
  }
  return [state[0], state[1]]
}
