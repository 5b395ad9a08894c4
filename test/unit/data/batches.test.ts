import { describe, expect, it } from 'vitest'

import { collate, evaluationBatches, trainingBatches } from '../../../main/data/batches.ts'
import { createRandom } from '../../../main/data/random.ts'

const random = createRandom(9, 'lengths')
const lengths = Array.from({ length: 4003 }, () => 4 + random.integer(60))
const lengthOf = (example: number) => lengths[example] ?? 0
const all = Array.from({ length: lengths.length }, (_, index) => index)

function padding(batches: Uint32Array[]): number {
  let cells = 0
  for (const batch of batches) cells += batch.length * Math.max(...Array.from(batch, lengthOf))
  return cells / lengths.reduce((sum, length) => sum + length, 0) - 1
}

describe('trainingBatches', () => {
  it('holds every example once, in batches of the size asked for but one', () => {
    const batches = trainingBatches(lengths, { batchSize: 32 }, 1, 0)
    expect(batches.flatMap((batch) => Array.from(batch)).sort((a, b) => a - b)).toEqual(all)
    expect(batches.filter((batch) => batch.length !== 32).map((batch) => batch.length)).toEqual([4003 % 32])
  })

  it('is the same for the same seed and epoch, and another for any other', () => {
    const flat = (seed: number, epoch: number) =>
      trainingBatches(lengths, { batchSize: 32 }, seed, epoch).map(String).join(';')
    expect(flat(1, 2)).toBe(flat(1, 2))
    expect(new Set([flat(1, 1), flat(1, 2), flat(2, 1), flat(2, 2)]).size).toBe(4)
  })

  it('pads little', () => {
    expect(padding(trainingBatches(lengths, { batchSize: 32 }, 1, 0))).toBeLessThan(0.04)
  })

  it('sorts by length only inside chunks of 50 batches', () => {
    const distinct = createRandom(1, 'distinct').permutation(4000)
    const lengthAt = (example: number) => distinct[example] ?? 0
    const batches = trainingBatches(distinct, { batchSize: 8 }, 1, 0)
    const spreads = batches
      .map((batch) => lengthAt(batch[7] ?? 0) - lengthAt(batch[0] ?? 0))
      .sort((a, b) => a - b)
    // 8 neighbours among the 400 of a chunk, out of 4000 lengths: 70 apart, with chunks of 50 batches.
    expect(Math.abs((spreads[250] ?? 0) - 70)).toBeLessThan(15)
    for (const batch of batches) {
      const inBatch = Array.from(batch, lengthAt)
      expect(inBatch).toEqual([...inBatch].sort((a, b) => a - b))
    }
  })

  it('does not go from short to long batches', () => {
    const longest = trainingBatches(lengths, { batchSize: 32 }, 1, 0).map((batch) =>
      lengthOf(batch[batch.length - 1] ?? 0),
    )
    const rises = longest.filter((length, index) => index > 0 && length > (longest[index - 1] ?? 0)).length
    expect(rises).toBeGreaterThan(longest.length * 0.3)
    expect(rises).toBeLessThan(longest.length * 0.7)
  })

  it('puts an example into other company in another epoch', () => {
    const company = (epoch: number) => {
      const batch = trainingBatches(lengths, { batchSize: 32 }, 1, epoch).find((candidate) =>
        candidate.includes(17),
      )
      return Array.from(batch ?? [])
    }
    const later = new Set(company(1))
    expect(later.size).toBe(32)
    expect(company(0).filter((example) => later.has(example)).length).toBeLessThan(16)
  })

  it('makes no batch of nothing and refuses a size of 0', () => {
    expect(trainingBatches([], { batchSize: 8 }, 1, 0)).toEqual([])
    expect(() => trainingBatches([1], { batchSize: 0 }, 1, 0)).toThrow(/batch/)
    expect(() => evaluationBatches([1], 1.5)).toThrow(/batch/)
  })
})

describe('trainingBatches of so many tokens', () => {
  const limit = { batchSize: 32, batchTokens: 1200 }
  const cells = (batch: Uint32Array) => batch.length * Math.max(...Array.from(batch, lengthOf))

  it('holds every example once, in batches with no more tokens and padding than that', () => {
    const batches = trainingBatches(lengths, limit, 1, 0)
    expect(batches.flatMap((batch) => Array.from(batch)).sort((a, b) => a - b)).toEqual(all)
    expect(Math.max(...batches.map(cells))).toBeLessThanOrEqual(1200)
    const filled = batches.reduce((sum, batch) => sum + cells(batch), 0) / (1200 * batches.length)
    expect(filled).toBeGreaterThan(0.95)
  })

  it('has many short examples in a batch, or few long ones', () => {
    const rows = trainingBatches(lengths, limit, 1, 0).map((batch) => batch.length)
    expect(Math.min(...rows)).toBeLessThan(25)
    expect(Math.max(...rows)).toBeGreaterThan(100)
  })

  it('is the same for the same seed and epoch, and another for any other', () => {
    const flat = (seed: number, epoch: number) =>
      trainingBatches(lengths, limit, seed, epoch).map(String).join(';')
    expect(flat(1, 2)).toBe(flat(1, 2))
    expect(new Set([flat(1, 1), flat(1, 2), flat(2, 1), flat(2, 2)]).size).toBe(4)
  })

  it('has an example that is longer than all of it in a batch of its own', () => {
    const batches = trainingBatches([4, 50, 4, 0], { batchSize: 1, batchTokens: 10 }, 1, 0)
    expect(batches.find((batch) => batch.includes(1))).toEqual(Uint32Array.of(1))
    expect(batches.flatMap((batch) => Array.from(batch)).sort()).toEqual([0, 1, 2, 3])
  })
})

describe('evaluationBatches', () => {
  it('holds fewer texts where they are long, so that a batch of a large model is no long silence', () => {
    const batches = evaluationBatches(
      Array.from({ length: 100 }, (_, i) => (i < 64 ? 100 : 512)),
      64,
    )
    expect(batches[0]?.length).toBe(64)
    expect(batches.slice(1).map(({ length }) => length)).toEqual([4, 16, 16])
  })

  it('goes through all examples by length, equal ones in their order', () => {
    expect(evaluationBatches([5, 3, 5, 1, 3], 2).map((batch) => Array.from(batch))).toEqual([
      [3, 1],
      [4, 0],
      [2],
    ])
  })
})

describe('collate', () => {
  it('lays ids and segments out time-major and the mask batch-major, padded to the longest', () => {
    const batch = collate(
      [
        { ids: [2, 7, 3], typeIds: [0, 0, 1] },
        { ids: [2, 3], typeIds: [0, 1] },
      ],
      9,
    )
    expect(batch).toEqual({
      batch: 2,
      sequence: 3,
      ids: Int32Array.from([2, 2, 7, 3, 3, 9]),
      typeIds: Int32Array.from([0, 0, 0, 1, 1, 0]),
      mask: Float32Array.from([1, 1, 1, 1, 1, 0]),
    })
  })

  it('has a position of padding where no text has a token', () => {
    expect(collate([{ ids: [], typeIds: [] }], 9)).toEqual({
      batch: 1,
      sequence: 1,
      ids: Int32Array.from([9]),
      typeIds: Int32Array.from([0]),
      mask: Float32Array.from([0]),
    })
  })
})
