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

  describe('of layers that read a layer norm', () => {
    const [wide, even] = [Float32Array.of(1, 8, 1, 1), Float32Array.of(1, 1.1, 1, 0.9)]
    const source = Float32Array.of(1, 2, 3, 4, -5, 6, 7, 0.5)
    const withNorm = (scale: Float32Array<ArrayBuffer>) => ({
      hash: 'normed',
      tensors: new Map([
        ['a.weight', { shape: [2, 4], read: async () => source }],
        ['a.bias', tensor([2], [0, 0])],
        ['b.weight', { shape: [4, 2], read: async () => source }],
        ['b.bias', tensor([2], [0, 0])],
        ['norm.weight', { shape: [4], read: async () => scale }],
        ['norm.bias', tensor([4], [0, 0, 0, 0])],
      ]),
    })
    const norm = { scale: 'norm.weight', bias: 'norm.bias' }
    const norms = new Map([
      ['a.weight', { ...norm, transposed: true }],
      ['b.weight', { ...norm, transposed: false }],
    ])

    it('holds what their left factor is multiplied by, once for all of a norm, and the inverse in their weights', async () => {
      const before = Float32Array.from(source)
      const { path, entries } = await writeQuantisedFile(withNorm(wide), folder, 127, norms)
      const { transposed, plain } = entries.get('a.weight') ?? expect.fail('no entry')
      const other = entries.get('b.weight') ?? expect.fail('no entry')
      expect(plain.balance).toBeUndefined()
      expect(other.transposed.balance).toBeUndefined()
      expect(other.plain.balance).toEqual(transposed.balance)
      const bytes = readFileSync(path)
      const floats = (place: { offset: number; byteLength: number } | undefined): Float32Array =>
        new Float32Array(
          bytes.buffer.slice(bytes.byteOffset + (place?.offset ?? 0)).slice(0, place?.byteLength ?? 0),
        )
      const balance = floats(transposed.balance)
      // The channel of 8 is divided by more than the others, and no more than it is larger.
      expect(balance).toHaveLength(4)
      expect((balance[0] ?? 0) / (balance[1] ?? 0)).toBeGreaterThan(2)
      expect((balance[0] ?? 0) / (balance[1] ?? 0)).toBeLessThan(8)
      const rightFactors = [
        { ...transposed, weightAt: (row: number, column: number) => source[column * 4 + row] },
        { ...other.plain, weightAt: (row: number, column: number) => source[row * 2 + column] },
      ]
      for (const { values, scales, weightAt } of rightFactors) {
        const whole = new Int8Array(bytes.buffer, bytes.byteOffset + values.offset, values.byteLength)
        const steps = floats(scales)
        for (let row = 0; row < 4; row++) {
          for (let column = 0; column < 2; column++) {
            const step = (steps[column] ?? 0) * (balance[row] ?? 0)
            const found = (whole[row * 2 + column] ?? 0) * step
            expect(Math.abs(found - (weightAt(row, column) ?? 0))).toBeLessThanOrEqual(step / 2 + 1e-6)
          }
        }
      }
      expect(source).toEqual(before)
    })

    it('leaves them as they are where the channels of the norm are alike', async () => {
      const { entries } = await writeQuantisedFile(withNorm(even), folder, 127, norms)
      expect(entries.get('a.weight')?.transposed.balance).toBeUndefined()
      expect(entries.get('b.weight')?.plain.balance).toBeUndefined()
    })

    it('copes with channels and weights of zero', async () => {
      const empty = withNorm(Float32Array.of(0, 8, 1, 1))
      empty.tensors.set('a.weight', tensor([2, 4], [0, 0, 0, 0, 0, 0, 0, 0]))
      empty.tensors.set('b.weight', tensor([4, 2], [0, 0, 0, 0, 0, 0, 0, 0]))
      const { path, entries } = await writeQuantisedFile(empty, folder, 127, norms)
      const place = entries.get('a.weight')?.transposed.balance ?? expect.fail('no balance')
      const bytes = readFileSync(path)
      const balance = new Float32Array(bytes.buffer.slice(bytes.byteOffset + place.offset).slice(0, 16))
      expect([...balance]).toEqual([1, 1, 1, 1])
    })
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
