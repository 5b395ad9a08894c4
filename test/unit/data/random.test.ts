import { describe, expect, it } from 'vitest'

import { createRandom, philox4x32 } from '../../../main/data/random.ts'

function block(counter: [number, number, number, number], key: [number, number]): string[] {
  const out = new Uint32Array(4)
  philox4x32(out, ...counter, ...key)
  return Array.from(out, (word) => word.toString(16).padStart(8, '0'))
}

/** kat_vectors of the Random123 library, lines `philox4x32 10`. */
describe('philox4x32', () => {
  it('gives the known answer for zeros', () => {
    expect(block([0, 0, 0, 0], [0, 0])).toEqual(['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8'])
  })

  it('gives the known answer for ones', () => {
    const ones = 0xffffffff
    expect(block([ones, ones, ones, ones], [ones, ones])).toEqual([
      '408f276d',
      '41c83b0e',
      'a20bc7c6',
      '6d5451fd',
    ])
  })

  it('gives the known answer for the digits of pi', () => {
    expect(block([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
      'd16cfe09',
      '94fdcceb',
      '5001e420',
      '24126ea1',
    ])
  })
})

function words(count: number, seed: number, ...stream: (number | string)[]): number[] {
  const random = createRandom(seed, ...stream)
  return Array.from({ length: count }, () => random.word())
}

describe('createRandom', () => {
  it('gives the same numbers for the same seed and stream', () => {
    expect(words(9, 7, 'dropout', 3)).toEqual(words(9, 7, 'dropout', 3))
  })

  it('gives other numbers for another seed, name, number, kind or grouping of the stream', () => {
    const streams = [
      words(4, 7, 'a', 3),
      words(4, 8, 'a', 3),
      words(4, 7 + 2 ** 32, 'a', 3),
      words(4, 7, 'b', 3),
      words(4, 7, 'a', 4),
      words(4, 7, 'a', -3),
      words(4, 7, 'a', '3'),
      words(4, 7, 3, 'a'),
      words(4, 7, 'a3'),
      words(4, 7, 'a', '', 3),
      words(4, 7),
    ]
    expect(new Set(streams.map(String)).size).toBe(streams.length)
  })

  it('stays as it is: runs recorded with it must be reproducible by later versions', () => {
    expect(words(2, 1, 'dropout', 12, 'layer.0')).toEqual([822335249, 2407277716])
  })

  it('goes on at any position', () => {
    const all = words(40, 5, 'x')
    const random = createRandom(5, 'x')
    for (const position of [17, 3, 39, 0, 20]) {
      random.position = position
      expect(random.word()).toBe(all[position])
      expect(random.position).toBe(position + 1)
    }
  })

  it('reaches positions past 2^32 words', () => {
    const random = createRandom(5, 'x')
    random.position = 2 ** 40 + 1
    const far = random.word()
    random.position = 1
    expect(random.word()).not.toBe(far)
    random.position = 2 ** 40 + 1
    expect(random.word()).toBe(far)
  })

  it('draws uniform numbers in [0, 1) with the right mean and variance, exact in float32', () => {
    const values = new Float32Array(100_000)
    createRandom(1, 'uniform').fillUniform(values)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
    expect(Math.min(...values.subarray(0, 50_000))).toBeGreaterThanOrEqual(0)
    expect(values.every((value) => value < 1)).toBe(true)
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.004)
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.002)
    const again = createRandom(1, 'uniform')
    expect(Array.from({ length: 1000 }, () => again.uniform())).toEqual(Array.from(values.subarray(0, 1000)))
  })

  it('draws normal numbers with the right moments', () => {
    const values = new Float32Array(100_000)
    const random = createRandom(1, 'normal')
    random.fillNormal(values)
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length
    expect(Math.abs(moment(1))).toBeLessThan(0.015)
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.02)
    expect(Math.abs(moment(3))).toBeLessThan(0.05)
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.15)
    expect(random.position).toBe(200_000)
  })

  it('draws whole numbers evenly', () => {
    const random = createRandom(2, 'integer')
    const counts = new Array<number>(7).fill(0)
    for (let draw = 0; draw < 70_000; draw++) {
      const value = random.integer(7)
      counts[value] = (counts[value] ?? 0) + 1
    }
    expect(counts).toHaveLength(7)
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400)
  })

  it('draws whole numbers without bias where the range does not divide 2^32', () => {
    const random = createRandom(2, 'bias')
    const range = 3 * 2 ** 30
    const low = Array.from({ length: 9000 }, () => random.integer(range)).filter((value) => value < range / 3)
    expect(Math.abs(low.length - 3000)).toBeLessThan(200)
  })

  it('permutes without losing or doubling, and reaches every order', () => {
    const random = createRandom(3, 'permutation')
    expect(Array.from(random.permutation(100)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    )
    const orders = new Map<string, number>()
    for (let draw = 0; draw < 6000; draw++) {
      const order = random.permutation(3).join()
      orders.set(order, (orders.get(order) ?? 0) + 1)
    }
    expect(orders.size).toBe(6)
    for (const count of orders.values()) expect(Math.abs(count - 1000)).toBeLessThan(130)
    expect(random.permutation(0)).toHaveLength(0)
  })

  it('refuses seeds, positions and ranges that it cannot honour', () => {
    expect(() => createRandom(-1)).toThrow(/seed/)
    expect(() => createRandom(0.5)).toThrow(/seed/)
    expect(() => createRandom(1).integer(0)).toThrow(/whole n/)
    expect(() => {
      createRandom(1).position = -1
    }).toThrow(/position/)
  })
})
