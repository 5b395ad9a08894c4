import { describe, expect, it } from 'vitest'

import { trainingBatches } from '../../../main/data/batches.ts'
import { run, trainingFolderForEachTest, type Heard } from '../../fixtures/training-run.ts'

const folder = trainingFolderForEachTest()

describe('savings that can be switched off', () => {
  it('the last layer gives the same whole', async () => {
    const training = { epochs: 2 }
    const cut = await run(folder.jobFor('cut', { training }))
    const whole = await run(folder.jobFor('whole', { training: { ...training, cutLastLayer: false } }))
    const losses = (of: Heard): number[] =>
      [...of.points.values()].filter(({ name }) => name === 'train.loss').map(({ value }) => value)
    expect(losses(cut).length).toBeGreaterThan(3)
    losses(cut).forEach((value, i) => expect(losses(whole)[i]).toBeCloseTo(value, 4))
    // Another order of sums: the same to the last digit would be the same graph.
    expect(losses(whole)).not.toEqual(losses(cut))
  })

  it('batches hold whatever comes together, each text once', () => {
    const lengths = Array.from({ length: 200 }, (_, i) => 4 + (i % 50))
    const padded = (batches: Uint32Array[]): number =>
      batches.reduce(
        (sum, batch) => sum + batch.length * Math.max(...Array.from(batch, (i) => lengths[i] ?? 0)),
        0,
      )
    const sorted = trainingBatches(lengths, { batchSize: 8 }, 1, 1)
    const random = trainingBatches(lengths, { batchSize: 8, sortByLength: false }, 1, 1)
    expect(random.flatMap((batch) => [...batch]).toSorted((a, b) => a - b)).toEqual([...lengths.keys()])
    expect(random.length).toBe(sorted.length)
    expect(padded(random)).toBeGreaterThan(1.3 * padded(sorted))
    expect(trainingBatches(lengths, { batchSize: 8, sortByLength: false }, 1, 2)).not.toEqual(random)
  })
})
