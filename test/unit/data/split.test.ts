import { describe, expect, it } from 'vitest'

import { drawStratified } from '../../../main/data/split.ts'

function labelsOf(counts: number[]): number[] {
  return counts.flatMap((count, label) => new Array<number>(count).fill(label))
}

function perClass(labels: number[], drawn: number[]): number[] {
  const counts = new Array<number>(Math.max(...labels) + 1).fill(0)
  for (const row of drawn) counts[labels[row] ?? 0] = (counts[labels[row] ?? 0] ?? 0) + 1
  return counts
}

describe('drawStratified', () => {
  it('draws the share of every class, and of all rows together', () => {
    const labels = labelsOf([86, 1162, 1250, 1223, 835, 896])
    const drawn = drawStratified(labels, 0.1, 1, 'validation')
    expect(drawn).toHaveLength(545)
    expect(perClass(labels, drawn)).toEqual([9, 116, 125, 122, 83, 90])
  })

  it('stays frozen: the draw of a seed is part of every result made with it', () => {
    expect(drawStratified(labelsOf([10, 10, 20]), 0.2, 1, 'validation')).toEqual([
      4, 7, 12, 18, 20, 27, 31, 32,
    ])
  })

  it('is the same for the same seed and another for another seed or purpose', () => {
    const labels = labelsOf([300, 300])
    const draw = (seed: number, purpose: string) => drawStratified(labels, 0.1, seed, purpose).join()
    expect(draw(1, 'validation')).toBe(draw(1, 'validation'))
    expect(new Set([draw(1, 'validation'), draw(2, 'validation'), draw(1, 'test')]).size).toBe(3)
  })

  it('draws from all over a class, not from its beginning', () => {
    const drawn = drawStratified(labelsOf([1000, 1000]), 0.1, 1, 'validation').filter((row) => row < 1000)
    expect(drawn.filter((row) => row >= 500).length).toBeGreaterThan(30)
    expect(drawn.filter((row) => row < 500).length).toBeGreaterThan(30)
  })

  it('gives distinct rows in order', () => {
    const drawn = drawStratified(labelsOf([50, 70, 3]), 0.3, 4, 'test')
    expect(drawn).toEqual([...new Set(drawn)].sort((a, b) => a - b))
  })

  it('leaves a row of every class and takes the rest from larger ones', () => {
    const labels = labelsOf([1, 1, 1, 7])
    expect(perClass(labels, drawStratified(labels, 0.3, 1, 'validation'))).toEqual([0, 0, 0, 3])
    const more = labelsOf([1, 1, 1, 1, 1, 1, 10])
    expect(perClass(more, drawStratified(more, 0.5, 1, 'validation'))).toEqual([0, 0, 0, 0, 0, 0, 8])
    const tooFew = labelsOf([1, 1, 1, 1, 1, 1, 6])
    expect(perClass(tooFew, drawStratified(tooFew, 0.5, 1, 'validation'))).toEqual([0, 0, 0, 0, 0, 0, 5])
  })

  it('draws at least one row where it can and none where it cannot', () => {
    expect(drawStratified(labelsOf([2, 1]), 0.01, 1, 'validation')).toHaveLength(1)
    expect(drawStratified(labelsOf([1, 1]), 0.5, 1, 'validation')).toEqual([])
    expect(drawStratified([0], 0.5, 1, 'validation')).toEqual([])
    expect(drawStratified([], 0.5, 1, 'validation')).toEqual([])
  })

  it('has no trouble with class numbers that do not occur', () => {
    expect(perClass([0, 0, 0, 0, 3, 3, 3, 3], drawStratified([0, 0, 0, 0, 3, 3, 3, 3], 0.5, 1, 'x'))).toEqual(
      [2, 0, 0, 2],
    )
  })
})
