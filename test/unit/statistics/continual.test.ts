import { describe, expect, it } from 'vitest'

import { sequenceFigures } from '../../../main/statistics/continual.ts'

/** @param rows after each stage, the score on each task; undefined before it is trained, or where it is not known */
const figures = (
  rows: readonly (readonly (number | undefined)[])[],
  trainedAt = rows.map((_, stage) => stage),
) => sequenceFigures({ stages: rows.length, trainedAt, score: (stage, task) => rows[stage]?.[task] })

// Expected values were worked out by hand from the papers' formulas.
describe('a sequence of tasks', () => {
  const rows = [[0.9], [0.95, 0.8], [0.6, 0.7, 0.85]]

  it('has an average score, an average forgetting and a backward transfer', () => {
    const { averageScore, forgetting, backwardTransfer } = figures(rows)
    expect(averageScore).toBeCloseTo((0.6 + 0.7 + 0.85) / 3, 12)
    // From the best that each was after any earlier stage.
    expect(forgetting).toBeCloseTo((0.95 - 0.6 + (0.8 - 0.7)) / 2, 12)
    // From what each was when it had been trained.
    expect(backwardTransfer).toBeCloseTo((0.6 - 0.9 + (0.7 - 0.8)) / 2, 12)
  })

  it('forgets less than nothing where later tasks help', () => {
    const { forgetting, backwardTransfer } = figures([[0.5], [0.75, 0.9]])
    expect(forgetting).toBeCloseTo(-0.25, 12)
    expect(backwardTransfer).toBeCloseTo(0.25, 12)
  })

  it('counts every task of a stage that trained several', () => {
    const { averageScore, forgetting } = figures(
      [
        [0.8, 0.6],
        [0.7, 0.4, 0.9],
      ],
      [0, 0, 1],
    )
    expect(averageScore).toBeCloseTo(2 / 3, 12)
    expect(forgetting).toBeCloseTo(0.15, 12)
  })

  it('has no forgetting without an earlier task, and no figure without a score that it needs', () => {
    expect(figures([[0.9]])).toEqual({ averageScore: 0.9 })
    const gap = figures([[undefined], [0.95, 0.8], [0.6, 0.7, 0.85]])
    expect(gap.averageScore).toBeCloseTo(0.7166666666666667, 12)
    expect(gap).not.toHaveProperty('forgetting')
    expect(gap).not.toHaveProperty('backwardTransfer')
  })
})
