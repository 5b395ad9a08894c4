import { describe, expect, it } from 'vitest'

import { BatchPlan } from '../../../main/data/batch-plan.ts'
import { trainingBatches } from '../../../main/data/batches.ts'

const lengthsOf = (rows: number): number[] => Array.from({ length: rows }, (_, row) => 3 + (row % 7))
const large = lengthsOf(160)
const small = lengthsOf(37)
const settings = { batchSize: 8, seed: 5 } as const

/** How many batches of an epoch belong to each task. */
function shares(sampling: 'size' | 'squareRoot' | 'even', epoch = 1): number[] {
  const batches = new BatchPlan([large, small], { ...settings, sampling }).epoch(epoch)
  return [0, 1].map((own) => batches.filter(({ task }) => task === own).length)
}

describe('batches of several tasks', () => {
  it('are those of one task alone where there is one', () => {
    const plan = new BatchPlan([large], { ...settings, sampling: 'squareRoot' })
    expect(plan.epoch(3).map(({ indices }) => indices)).toEqual(trainingBatches(large, settings, 5, 3))
    expect(plan.before(3)).toBe(40)
  })

  it('are as many however they are divided', () => {
    for (const sampling of ['size', 'squareRoot', 'even'] as const) {
      expect(shares(sampling).reduce((sum, share) => sum + share, 0)).toBe(20 + 5)
      expect(new BatchPlan([large, small], { ...settings, sampling }).before(4)).toBe(3 * (20 + 5))
    }
  })

  it('are divided by size, its square root, or evenly', () => {
    expect(shares('size')).toEqual([20, 5])
    // 25 · √160 / (√160 + √37) = 16.9
    expect(shares('squareRoot')).toEqual([17, 8])
    expect(shares('even')).toEqual([13, 12])
  })

  it('by size hold each row of each task once', () => {
    const batches = new BatchPlan([large, small], { ...settings, sampling: 'size' }).epoch(1)
    for (const [task, rows] of [large, small].entries()) {
      const seen = batches.filter((batch) => batch.task === task).flatMap(({ indices }) => [...indices])
      expect(seen.toSorted((a, b) => a - b)).toEqual(rows.map((_, row) => row))
    }
  })

  it('take up a task’s rows where the epoch before left them', () => {
    const plan = new BatchPlan([large, small], { ...settings, sampling: 'even' })
    const epochs = [1, 2, 3].flatMap((epoch) => plan.epoch(epoch))
    // 3 · 13 batches of 20 a pass: every row of the large task once or twice, and nothing three times.
    const counts = new Map<number, number>()
    for (const { task, indices } of epochs) {
      if (task === 0) for (const row of indices) counts.set(row, (counts.get(row) ?? 0) + 1)
    }
    expect(counts.size).toBe(160)
    expect(Math.max(...counts.values())).toBe(2)
  })

  it('come in mixed order, the same for the same seed and epoch', () => {
    const order = (seed: number, epoch: number): number[] =>
      new BatchPlan([large, small], { batchSize: 8, seed, sampling: 'even' })
        .epoch(epoch)
        .map(({ task }) => task)
    expect(order(5, 1)).toEqual(order(5, 1))
    expect(order(5, 1)).not.toEqual(order(6, 1))
    expect(order(5, 1)).not.toEqual(order(5, 2))
    const changes = order(5, 1).filter((task, i, all) => i > 0 && task !== all[i - 1]).length
    expect(changes).toBeGreaterThan(5)
  })
})

describe('batches of so many tokens', () => {
  const options = { batchSize: 8, batchTokens: 40, seed: 5, sampling: 'even' } as const

  it('are as many in an epoch as are announced, of one task or of several', () => {
    for (const lengths of [[large], [large, small]]) {
      const plan = new BatchPlan(lengths, options)
      for (const epoch of [1, 2, 3, 7]) {
        expect(plan.epoch(epoch)).toHaveLength(plan.before(epoch + 1) - plan.before(epoch))
      }
    }
  })

  it('are the same whichever epoch is asked for first', () => {
    const inOrder = new BatchPlan([large, small], options)
    const epochs = [1, 2, 3, 4].map((epoch) => inOrder.epoch(epoch))
    expect(new BatchPlan([large, small], options).epoch(4)).toEqual(epochs[3])
  })

  it('take up a task’s rows where the epoch before left them', () => {
    const plan = new BatchPlan([large, small], options)
    const seen = [1, 2, 3, 4]
      .flatMap((epoch) => plan.epoch(epoch))
      .filter(({ task }) => task === 0)
      .flatMap(({ indices }) => [...indices])
    const counts = Map.groupBy(seen, (row) => row)
    const times = [...counts.values()].map((rows) => rows.length)
    expect(counts.size).toBe(160)
    expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(1)
  })
})
