import { describe, expect, it } from 'vitest'

import {
  argmax,
  confusionCounts,
  median,
  onlyAnswer,
  scoresOf,
  softmaxRow,
} from '../../../main/training/metrics.ts'

describe('the only answer', () => {
  it('is the class that all examples were taken for', () => {
    expect(onlyAnswer(confusionCounts([0, 1, 2], [1, 1, 1], 3))).toBe(1)
  })

  it.each([
    ['several were given', [0, 1, 2], [1, 1, 2]],
    ['it is right for all of them', [1, 1], [1, 1]],
    ['there are no examples', [], []],
  ])('is none where %s', (_, actual, predicted) => {
    expect(onlyAnswer(confusionCounts(actual, predicted, 3))).toBeUndefined()
  })
})

describe('scores', () => {
  it('are those of scikit-learn for three classes', () => {
    const actual = [0, 0, 0, 1, 1, 2, 2, 2, 2, 2]
    const predicted = [0, 1, 0, 1, 1, 2, 0, 2, 2, 1]
    const counts = confusionCounts(actual, predicted, 3)
    expect(counts).toEqual([
      [2, 1, 0],
      [0, 2, 0],
      [1, 1, 3],
    ])
    const scores = scoresOf(counts, 0.5)
    expect(scores.accuracy).toBeCloseTo(0.7, 12)
    // f1_score(average="macro") and matthews_corrcoef, worked out by their definitions.
    expect(scores.macroF1).toBeCloseTo((2 / 3 + 2 / 3 + 3 / 4) / 3, 12)
    expect(scores.matthews).toBeCloseTo(
      (7 * 10 - (3 * 3 + 2 * 4 + 5 * 3)) / Math.sqrt((100 - 34) * (100 - 38)),
      12,
    )
    expect(scores.loss).toBe(0.5)
  })

  it('leave classes out of macro F1 that occur neither as label nor as prediction', () => {
    expect(scoresOf(confusionCounts([0, 1], [0, 1], 5), 0).macroF1).toBe(1)
  })

  it('have no correlation where only one class is predicted', () => {
    expect(scoresOf(confusionCounts([0, 1, 1], [1, 1, 1], 2), 0).matthews).toBe(0)
  })

  it('are -1 correlated where every prediction is wrong', () => {
    expect(scoresOf(confusionCounts([0, 1], [1, 0], 2), 0).matthews).toBe(-1)
  })
})

describe('an answer outside of the classes', () => {
  it('is wrong, and no class to average over', () => {
    const actual = Array.from({ length: 100 }, (_, i) => i % 2)
    const predicted = actual.map((label, i) => (i === 0 ? 2 : label))
    const { accuracy, macroF1 } = scoresOf(confusionCounts(actual, predicted, 3), 0, 2)
    expect(accuracy).toBeCloseTo(0.99, 10)
    expect(macroF1).toBeCloseTo((1 + (2 * 49) / 99) / 2, 10)
  })
})

describe('rows of logits', () => {
  const logits = [0, 2, 1, 1000, 1000, -5]

  it('are read with the first of equal values winning', () => {
    expect(argmax(logits, 3, 0)).toBe(1)
    expect(argmax(logits, 3, 1)).toBe(0)
  })

  it('become probabilities without overflow', () => {
    expect(softmaxRow(logits, 3, 1)).toEqual([0.5, 0.5, 0])
  })
})

describe('median', () => {
  it('is the middle value, or the mean of both', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect(median([])).toBe(0)
  })
})
