import { describe, expect, it } from 'vitest'

import { calibration } from '../../../main/statistics/calibration.ts'
import { variableImportance } from '../../../main/statistics/forest.ts'
import { largestTriangles, paretoFront, smooth } from '../../../main/statistics/curves.ts'
import {
  holm,
  intervalOverSeeds,
  mcNemar,
  percentileInterval,
  resampledDifference,
  resampledScores,
  twoSidedP,
} from '../../../main/statistics/significance.ts'
import { boxOf, spearman, spreadOf } from '../../../main/statistics/spread.ts'

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
    const right = Uint8Array.from({ length: 500 }, (_, row) => Number(row % 5 > 0))
    const [scores = new Float64Array()] = resampledScores(500, [accuracyOf(right)], { resamples: 2000 })
    const { low, high } = percentileInterval(scores)
    expect(spreadOf([...scores]).deviation).toBeCloseTo(0.01789, 2.5)
    expect(low).toBeCloseTo(0.765, 1.9)
    expect(high).toBeCloseTo(0.835, 1.9)
  })

  it('of resampled scores lie between the order statistics as numpy puts them', () => {
    // numpy.percentile(numpy.arange(50) ** 2 / 7, [2.5, 97.5])
    const { low, high } = percentileInterval(Float64Array.from({ length: 50 }, (_, i) => i ** 2 / 7))
    expect(low).toBeCloseTo(0.2392857142857143, 12)
    expect(high).toBeCloseTo(326.0892857142857, 10)
  })

  it('by bootstrap are the same for the same seed', () => {
    const score = (sample: Uint32Array): number => (sample[0] ?? 0) / 10
    const options = { resamples: 50, seed: 4 }
    expect(resampledScores(10, [score], options)).toEqual(resampledScores(10, [score], options))
    expect(resampledScores(10, [score], options)).not.toEqual(resampledScores(10, [score]))
  })
})

function accuracyOf(right: ArrayLike<unknown>): (sample: Uint32Array) => number {
  return (sample) => sample.reduce((sum, row) => sum + Number(right[row]), 0) / sample.length
}

describe('the paired bootstrap', () => {
  const compare = (first: readonly boolean[], second: readonly boolean[]) => {
    const [a, b] = resampledScores(first.length, [accuracyOf(first), accuracyOf(second)])
    return resampledDifference(a ?? new Float64Array(), b ?? new Float64Array())
  }

  it('is sure where one model is right much more often', () => {
    const { low, p } = compare(...answers(40, 4, 156))
    expect(p).toBeLessThan(0.01)
    expect(low).toBeGreaterThan(0)
  })

  it('is not where both are right as often', () => {
    const { low, high, p } = compare(...answers(20, 20, 160))
    expect(p).toBeGreaterThan(0.5)
    expect(low).toBeLessThan(0)
    expect(high).toBeGreaterThan(0)
  })

  it('gives p small enough to be corrected for many tests', () => {
    // The difference has the mean 0.3 and the deviation √((0.3 − 0.3²) / 400): z = 13.1.
    expect(compare(...answers(120, 0, 280)).p).toBeLessThan(1e-20)
  })

  it('goes by the normal distribution', () => {
    // scipy.stats.norm.sf(z) * 2
    const expected: [number, number][] = [
      [0, 1],
      [0.5, 0.6170750774519738],
      [-1.959963984540054, 0.05],
      [3, 0.0026997960632601866],
      [6, 1.973175290075396e-9],
    ]
    for (const [z, p] of expected) expect(twoSidedP(z) / p).toBeCloseTo(1, 6)
  })

  it('uses the same rows for both models', () => {
    const right = Array.from({ length: 90 }, (_, row) => row % 3 > 0)
    expect(compare(right, right)).toMatchObject({ low: 0, high: 0, p: 1 })
  })
})

describe("Holm's correction", () => {
  it('multiplies the smallest p by the number of tests, the next by one less, and keeps their order', () => {
    // statsmodels.stats.multitest.multipletests([0.01, 0.04, 0.03, 0.005], method='holm')
    holm([0.01, 0.04, 0.03, 0.005]).forEach((p, i) => expect(p).toBeCloseTo([0.03, 0.06, 0.06, 0.02][i] ?? 0))
    expect(holm([0.6, 0.7])).toEqual([1, 1])
    expect(holm([])).toEqual([])
  })
})

describe('a box', () => {
  it('has the quartiles of numpy', () => {
    // numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6], [0, 25, 50, 75, 100])
    expect(boxOf([3, 1, 4, 1, 5, 9, 2, 6])).toEqual({
      minimum: 1,
      lowerQuartile: 1.75,
      median: 3.5,
      upperQuartile: 5.25,
      maximum: 9,
    })
  })
})

describe("Spearman's correlation", () => {
  it('goes by ranks, ties at their mean', () => {
    // scipy.stats.spearmanr
    expect(spearman([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])).toBeCloseTo(0.8207826816681233, 12)
    expect(spearman([1, 10, 100], [3, 2, 1])).toBeCloseTo(-1, 12)
  })

  it('is not there where one of the two never varies', () => {
    expect(spearman([1, 1, 1], [1, 2, 3])).toBeUndefined()
  })
})

describe('the importance of settings', () => {
  const grid = Array.from({ length: 64 }, (_, i) => [i % 4, (i >> 2) % 4, i >> 4])
  const column = (index: number): number[] => grid.map((row) => row[index] ?? 0)

  it('goes to the setting on which the score depends', () => {
    const y = grid.map(([a = 0, b = 0]) => Math.abs(a - 1.5) * 10 + b)
    const [a = 0, b = 0, c = 0] = variableImportance([column(0), column(1), column(2)], y)
    expect(a).toBeGreaterThan(0.9)
    expect(a + b + c).toBeCloseTo(1, 10)
    expect(b).toBeGreaterThan(c)
  })

  it('is shared where two matter alike, and nobody has any where nothing varies', () => {
    const [a = 0, b = 0] = variableImportance(
      [column(0), column(1)],
      grid.map(([x = 0, y = 0]) => x + y),
    )
    expect(Math.abs(a - b)).toBeLessThan(0.1)
    expect(
      variableImportance(
        [column(0), column(1)],
        grid.map(() => 1),
      ),
    ).toEqual([0, 0])
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
