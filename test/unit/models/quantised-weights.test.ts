import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { quantiseColumns, writeQuantisedFile } from '../../../main/models/quantised-weights.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'workbench-quantised-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a quantised right factor', () => {
  it('has the largest value of each column as its largest whole number, and is off by half a step at most', () => {
    const values = Float32Array.of(0.5, -20, 0.1, 3, -0.25, 9)
    const { values: whole, scales } = quantiseColumns(values, 2, 127)
    expect([...whole]).toEqual([127, -127, 25, 19, -63, 57])
    values.forEach((value, i) => {
      const step = scales[i % 2] ?? Number.NaN
      expect(Math.abs((whole[i] ?? Number.NaN) * step - value)).toBeLessThanOrEqual(step / 2 + 1e-6)
    })
  })

  it('of zeros stays zero', () => {
    const { values, scales } = quantiseColumns(new Float32Array(4), 2, 63)
    expect([...values]).toEqual([0, 0, 0, 0])
    expect([...scales]).toEqual([1, 1])
  })
})

describe('the file of quantised weights', () => {
  const tensor = (shape: number[], data: number[]) => ({ shape, read: async () => Float32Array.from(data) })
  const backbone = {
    hash: 'abc',
    tensors: new Map([
      ['embeddings.weight', tensor([2, 2], [1, 2, 3, 4])],
      ['layer.weight', tensor([2, 3], [1, 2, 3, -4, 5, 7])],
      ['layer.bias', tensor([2], [1, 2])],
    ]),
  }

  it('holds linear layers as they are and transposed, each rounded by its own columns', async () => {
    const { path, entries } = await writeQuantisedFile(backbone, folder, 127)
    expect([...entries.keys()]).toEqual(['layer.weight'])
    const { plain, transposed } = entries.get('layer.weight') ?? expect.fail('no entry')
    const bytes = readFileSync(path)
    const whole = (place: { offset: number; byteLength: number }): number[] => [
      ...new Int8Array(bytes.buffer, bytes.byteOffset + place.offset, place.byteLength),
    ]
    const factors = (place: { offset: number; byteLength: number }): number[] => [
      ...new Float32Array(bytes.buffer.slice(bytes.byteOffset + place.offset).slice(0, place.byteLength)),
    ]
    expect(whole(plain.values)).toEqual([32, 51, 54, -127, 127, 127])
    expect(whole(transposed.values)).toEqual([42, -73, 85, 91, 127, 127])
    expect(factors(transposed.scales)).toEqual([Math.fround(3 / 127), Math.fround(7 / 127)])
  })

  it('is made again where it is not whole, and lies beside those of another range', async () => {
    const { path } = await writeQuantisedFile(backbone, folder, 127)
    const { size } = statSync(path)
    truncateSync(path, 10)
    await writeQuantisedFile(backbone, folder, 127)
    expect(statSync(path).size).toBe(size)
    expect((await writeQuantisedFile(backbone, folder, 63)).path).not.toBe(path)
  })
})
