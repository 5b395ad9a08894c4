import { describe, expect, it } from 'vitest'

import { calibration } from '../../../main/statistics/calibration.ts'
import { largestTriangles, paretoFront, smooth } from '../../../main/statistics/curves.ts'
import {
  bootstrapInterval,
  intervalOverSeeds,
  mcNemar,
  pairedBootstrap,
} from '../../../main/statistics/significance.ts'

// Expected values were computed with numpy from the formulas, independently of the code under test.

/** Rows of which the first model alone gets `onlyFirst` right, the second alone `onlySecond`, both `both`. */
function answers(onlyFirst: number, onlySecond: number, both = 20): [boolean[], boolean[]] {
  const rows = [
    ...Array<string>(onlyFirst).fill('first'),
    ...Array<string>(onlySecond).fill('second'),
    ...Array<string>(both).fill('both'),
  ]
  return [rows.map((row) => row !== 'second'), rows.map((row) => row !== 'first')]
}

describe("McNemar's test", () => {
  it.each([
    [10, 3, 0.09228515625],
    [0, 7, 0.015625],
    [5, 5, 1],
    [120, 80, 0.0056851559967503055],
    [0, 0, 1],
  ])('of %i against %i rows gives p = %d', (onlyFirst, onlySecond, p) => {
    const result = mcNemar(...answers(onlyFirst, onlySecond))
    expect(result).toMatchObject({ onlyFirst, onlySecond })
    expect(result.p).toBeCloseTo(p, 10)
  })

  it('needs the same rows', () => {
    expect(() => mcNemar([true], [true, false])).toThrow(/1 and 2 rows/)
  })
})

describe('intervals', () => {
  it("over three seeds follow Student's t", () => {
    const { mean, deviation, low, high } = intervalOverSeeds([0.81, 0.84, 0.79])
    expect(mean).toBeCloseTo(0.8133333, 6)
    expect(deviation).toBeCloseTo(0.0251661, 6)
    expect(high - mean).toBeCloseTo(0.0625211, 4)
    expect(mean - low).toBeCloseTo(0.0625211, 4)
  })

  it('of one seed is the value', () => {
    expect(intervalOverSeeds([0.7])).toEqual({ mean: 0.7, deviation: 0, low: 0.7, high: 0.7 })
  })

  it('by bootstrap of an accuracy of 80 % on 500 rows are those of the binomial', () => {
    const accuracy = (sample: Uint32Array): number =>
      sample.filter((row) => row % 5 > 0).length / sample.length
    const { mean, deviation, low, high } = bootstrapInterval(500, accuracy, { resamples: 2000 })
    expect(mean).toBe(0.8)
    expect(deviation).toBeCloseTo(0.01789, 2.5)
    expect(low).toBeCloseTo(0.765, 1.9)
    expect(high).toBeCloseTo(0.835, 1.9)
  })

  it('by bootstrap are the same for the same seed', () => {
    const score = (sample: Uint32Array): number => (sample[0] ?? 0) / 10
    expect(bootstrapInterval(10, score, { resamples: 50, seed: 4 })).toEqual(
      bootstrapInterval(10, score, { resamples: 50, seed: 4 }),
    )
  })
})

describe('the paired bootstrap', () => {
  const difference =
    (first: readonly boolean[], second: readonly boolean[]) =>
    (sample: Uint32Array): number =>
      sample.reduce((sum, row) => sum + Number(first[row]) - Number(second[row]), 0) / sample.length

  it('is sure where one model is right much more often', () => {
    const result = pairedBootstrap(200, difference(...answers(40, 4, 156)))
    expect(result.difference).toBeCloseTo(36 / 200)
    expect(result.p).toBeLessThan(0.01)
    expect(result.low).toBeGreaterThan(0)
  })

  it('is not where both are right as often', () => {
    expect(pairedBootstrap(200, difference(...answers(20, 20, 160))).p).toBeGreaterThan(0.5)
  })
})

describe('curves', () => {
  it('are smoothed without a pull to 0 at the start', () => {
    const smoothed = smooth([1, 2, 4, 3], 0.6)
    ;[1, 1.625, 2.8367346938775513, 2.911764705882353].forEach((value, i) =>
      expect(smoothed[i]).toBeCloseTo(value, 12),
    )
    expect(smooth([5, Number.NaN, 5], 0.9)[2]).toBeCloseTo(5)
    expect(smooth([3, 1], 0)).toEqual([3, 1])
  })

  it('keep the points of Largest-Triangle-Three-Buckets', () => {
    const x = Array.from({ length: 60 }, (_, i) => i)
    const y = x.map((value) => Math.sin(value / 4) + 0.3 * Math.cos(value * 1.7))
    expect(Array.from(largestTriangles(x, y, 12))).toEqual([0, 4, 11, 17, 20, 26, 33, 39, 46, 52, 53, 59])
    expect(largestTriangles(x, y, 100)).toHaveLength(60)
  })

  it('keep a single spike among a million points', () => {
    const length = 1_000_000
    const x = Float64Array.from({ length }, (_, i) => i)
    const y = new Float64Array(length)
    y[654_321] = 1
    expect(largestTriangles(x, y, 1000)).toContain(654_321)
  })
})

describe('the Pareto front', () => {
  it('holds what nothing beats in both, cheapest first', () => {
    const cost = [10, 1, 5, 5, 20, 2]
    const quality = [0.9, 0.5, 0.8, 0.85, 0.9, 0.4]
    expect(paretoFront(cost, quality)).toEqual([1, 3, 0])
  })

  it('holds equals together', () => {
    expect(paretoFront([1, 1, 2], [0.5, 0.5, 0.5])).toEqual([0, 1])
  })
})

describe('calibration', () => {
  it('weighs the distance of confidence from accuracy by the bins', () => {
    const { error, bins } = calibration(
      [0.95, 0.91, 0.55, 0.62, 0.68, 0.35],
      [true, false, true, true, false, false],
    )
    expect(error).toBeCloseTo(0.3266666666666666, 12)
    expect(bins[9]).toMatchObject({ count: 2, accuracy: 0.5 })
  })

  it('puts certainty into the last bin', () => {
    expect(calibration([1], [true]).bins[9]?.count).toBe(1)
  })
})
