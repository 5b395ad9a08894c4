import { mkdtemp, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { beforeEach, describe, expect, it } from 'vitest'

import {
  readSafetensors,
  writeSafetensors,
  type TensorToWrite,
} from '../../../../main/models/checkpoint/safetensors.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'safetensors-'))
})

async function writeRaw(header: string, data = new Uint8Array(0)): Promise<string> {
  const path = join(folder, 'raw.safetensors')
  const text = new TextEncoder().encode(header)
  const length = new Uint8Array(new BigUint64Array([BigInt(text.byteLength)]).buffer)
  await writeFile(path, Buffer.concat([length, text, data]))
  return path
}

async function readValues(path: string, name: string): Promise<number[]> {
  const file = await readSafetensors(path)
  try {
    return [...(await file.read(name))]
  } finally {
    await file.close()
  }
}

const entry = (dtype: string, shape: number[], offsets: number[]) => ({ dtype, shape, data_offsets: offsets })

describe('writeSafetensors and readSafetensors', () => {
  it('give back values, shapes and metadata', async () => {
    const path = join(folder, 'model.safetensors')
    const bytes = await writeSafetensors(
      path,
      [
        { name: 'bytes', shape: [3], data: new Uint8Array([1, 2, 255]) },
        { name: 'weights', shape: [2, 3], data: new Float32Array([1, -2, 3.5, 0, 1e-30, -0]) },
        { name: 'empty', shape: [0, 4], data: new Float32Array(0) },
        { name: 'step', shape: [], data: new BigInt64Array([12345678901n]) },
        { name: 'counts', shape: [2], data: new Int32Array([-7, 9]) },
        { name: 'exact', shape: [1], data: new Float64Array([Math.PI]) },
      ],
      { format: 'pt', note: 'naïve' },
    )
    expect((await readFile(path)).byteLength).toBe(bytes)
    const file = await readSafetensors(path)
    expect(file.metadata).toEqual({ format: 'pt', note: 'naïve' })
    expect(file.tensors.get('weights')).toMatchObject({ name: 'weights', shape: [2, 3], dtype: 'F32' })
    expect(await file.read('weights')).toEqual(new Float32Array([1, -2, 3.5, 0, 1e-30, -0]))
    expect(await file.read('empty')).toHaveLength(0)
    expect(await file.read('step')).toEqual(new Float32Array([12345678901]))
    expect(await file.read('exact')).toEqual(new Float32Array([Math.PI]))
    expect(await file.read('counts')).toEqual(new Float32Array([-7, 9]))
    expect(await file.read('bytes')).toEqual(new Float32Array([1, 2, 255]))
    await file.close()
  })

  it('writes views into larger buffers as the view, not the buffer', async () => {
    const path = join(folder, 'view.safetensors')
    const view = new Float32Array([9, 1, 2, 9]).subarray(1, 3)
    await writeSafetensors(path, [{ name: 'x', shape: [2], data: view }])
    expect(await readValues(path, 'x')).toEqual([1, 2])
  })

  it('replaces an older file and leaves nothing temporary', async () => {
    const path = join(folder, 'x.safetensors')
    await writeSafetensors(path, [{ name: 'x', shape: [1], data: new Float32Array([1]) }])
    await writeSafetensors(path, [{ name: 'x', shape: [1], data: new Float32Array([2]) }])
    expect(await readValues(path, 'x')).toEqual([2])
    expect(await readdir(folder)).toEqual(['x.safetensors'])
  })

  it('refuses values that do not fill the shape, and a name given twice', async () => {
    const path = join(folder, 'x.safetensors')
    const tensor: TensorToWrite = { name: 'x', shape: [2], data: new Float32Array([1]) }
    await expect(writeSafetensors(path, [tensor])).rejects.toThrow('"x" of shape [2] got 1 values')
    const twice: TensorToWrite = { name: 'x', shape: [1], data: new Float32Array([1]) }
    await expect(writeSafetensors(path, [twice, twice])).rejects.toThrow('"x" would be written twice')
    expect(await readdir(folder)).toEqual([])
  })
})

describe('half precision', () => {
  it('is written rounded to nearest even and read back exactly', async () => {
    const path = join(folder, 'half.safetensors')
    // Value, and the nearest half by hand (step 2^-10 at 1, 2^-24 below 2^-14, largest 65,504).
    const cases: [number, number][] = [
      [1, 1],
      [-0.5, -0.5],
      [1 + 2 ** -11, 1],
      [1 + 3 * 2 ** -11, 1 + 2 ** -9],
      [1 + 2 ** -11 + 2 ** -20, 1 + 2 ** -10],
      [65504, 65504],
      [65519, 65504],
      [65520, Infinity],
      [-1e9, -Infinity],
      [2 ** -14, 2 ** -14],
      [2 ** -24, 2 ** -24],
      [2 ** -25, 0],
      [1.5 * 2 ** -25, 2 ** -24],
      [3 * 2 ** -25, 2 ** -23],
      [2 ** -14 - 2 ** -26, 2 ** -14],
      [2 ** -40, 0],
      [NaN, NaN],
    ]
    await writeSafetensors(path, [
      { name: 'h', shape: [cases.length], data: Float32Array.from(cases, ([value]) => value), dtype: 'F16' },
    ])
    const file = await readSafetensors(path)
    expect(file.tensors.get('h')?.dtype).toBe('F16')
    expect(await readValues(path, 'h')).toEqual(cases.map(([, half]) => half))
    await file.close()
  })

  it('reads every finite half as the value that rounds to it', async () => {
    const path = join(folder, 'all.safetensors')
    const bits = Uint16Array.from({ length: 0x10000 }, (_, index) => index).filter(
      (b) => (b & 0x7c00) !== 0x7c00,
    )
    const raw = await writeRaw(
      JSON.stringify({ h: entry('F16', [bits.length], [0, bits.byteLength]) }),
      new Uint8Array(bits.buffer),
    )
    const values = Float32Array.from(await readValues(raw, 'h'))
    await writeSafetensors(path, [{ name: 'h', shape: [bits.length], data: values, dtype: 'F16' }])
    expect((await readFile(path)).subarray(-bits.byteLength)).toEqual(Buffer.from(bits.buffer))
  })

  it.each([
    ['F64', new Float64Array([-1.5, 200])],
    ['I64', new BigInt64Array([-7n, 200n])],
    ['U64', new BigUint64Array([7n, 200n])],
    ['I32', new Int32Array([-7, 200])],
    ['U32', new Uint32Array([4294967040, 200])],
    ['I16', new Int16Array([-7, 200])],
    ['U16', new Uint16Array([65535, 200])],
    ['I8', new Int8Array([-7, 100])],
    ['U8', new Uint8Array([7, 200])],
    ['BOOL', new Uint8Array([1, 0])],
  ])('reads %s as float32', async (dtype, data) => {
    const path = await writeRaw(
      JSON.stringify({ x: entry(dtype, [2], [0, data.byteLength]) }),
      new Uint8Array(data.buffer),
    )
    expect(await readValues(path, 'x')).toEqual(Array.from(data, Number))
  })

  it('reads bfloat16', async () => {
    const path = await writeRaw(
      JSON.stringify({ b: entry('BF16', [3], [0, 6]) }),
      new Uint8Array(new Uint16Array([0x3f80, 0xc040, 0x7f80]).buffer),
    )
    expect(await readValues(path, 'b')).toEqual([1, -3, Infinity])
  })
})

describe('a damaged safetensors file', () => {
  const bad = async (header: unknown, data: number, message: string | RegExp) => {
    const path = await writeRaw(
      typeof header === 'string' ? header : JSON.stringify(header),
      new Uint8Array(data),
    )
    await expect(readSafetensors(path)).rejects.toThrow(message)
    await expect(readSafetensors(path)).rejects.toMatchObject({ message: expect.stringContaining(path) })
  }

  it('is not there', async () => {
    await expect(readSafetensors(join(folder, 'no.safetensors'))).rejects.toMatchObject({ code: 'not-found' })
    await expect(readSafetensors(folder)).rejects.toThrow('is a folder')
  })

  it('is truncated anywhere', async () => {
    const path = join(folder, 'x.safetensors')
    const size = await writeSafetensors(path, [
      { name: 'layer.weight', shape: [64], data: new Float32Array(64) },
    ])
    await truncate(path, size - 1)
    await expect(readSafetensors(path)).rejects.toThrow(/tensor "layer\.weight".*truncated/)
    await truncate(path, 20)
    await expect(readSafetensors(path)).rejects.toThrow(/truncated or not a safetensors file/)
    await truncate(path, 3)
    await expect(readSafetensors(path)).rejects.toThrow(/3 bytes only/)
  })

  it('shrinks while it is open', async () => {
    const path = join(folder, 'x.safetensors')
    const size = await writeSafetensors(path, [{ name: 'w', shape: [64], data: new Float32Array(64) }])
    const file = await readSafetensors(path)
    await truncate(path, size - 8)
    await expect(file.read('w')).rejects.toThrow(/ends in the middle of tensor "w"/)
    await file.close()
  })

  it('announces a header larger than itself', async () => {
    const path = join(folder, 'x.safetensors')
    await writeFile(path, new Uint8Array(64).fill(255))
    await expect(readSafetensors(path)).rejects.toThrow(/announces a header of/)
  })

  it('has a header that is not a JSON object', async () => {
    await bad('{"w": ', 0, 'not JSON')
    await bad('[1]', 0, 'no JSON object')
    await bad(
      { w: { dtype: 'F32', shape: [-1], data_offsets: [0, 4] } },
      4,
      /"w" is described wrongly .*shape\.0/,
    )
    await bad({ w: { dtype: 'F32', shape: [1] } }, 4, /"w" is described wrongly .*data_offsets/)
  })

  it('has offsets that lie outside, cross, or do not fit shape and type', async () => {
    await bad(
      { w: entry('F32', [4], [0, 16]) },
      8,
      /"w" lies at bytes 0 to 16 of the data, which has 8 bytes/,
    )
    await bad({ w: entry('F32', [1], [4, 0]) }, 8, /"w" lies at bytes 4 to 0/)
    await bad({ w: entry('F32', [3], [0, 8]) }, 8, /"w" has 8 bytes, but its shape \[3\] of F32 needs 12/)
  })

  it('has tensors that overlap, holes, or bytes that no tensor names', async () => {
    const first = entry('F32', [2], [0, 8])
    await bad({ a: first, b: entry('F32', [2], [4, 12]) }, 12, /"b" overlaps tensor "a"/)
    await bad({ a: first, b: entry('F32', [1], [12, 16]) }, 16, /"b" leaves unnamed bytes after tensor "a"/)
    await bad({ a: first }, 12, /has 4 bytes after tensor "a"/)
  })

  it('has a type that is not supported', async () => {
    await bad({ w: entry('F8_E4M3', [4], [0, 4]) }, 4, /"w" has the type F8_E4M3/)
  })

  it('lacks the tensor asked for', async () => {
    const path = await writeRaw('{}')
    await expect(readValues(path, 'pooler.weight')).rejects.toThrow(
      `${path} holds no tensor "pooler.weight".`,
    )
  })
})
