import { hash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { DatasetDetail, SplitName } from '../../preload/contract.ts'
import type { StoredRow } from './dataset-file.ts'

export const splitNames = ['train', 'validation', 'test'] as const satisfies readonly SplitName[]

export type Statistics = Pick<
  DatasetDetail,
  'rows' | 'splits' | 'labelCounts' | 'lengthBucket' | 'lengths' | 'duplicates'
>

const bucketWidths = [5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000, 100_000, 1_000_000]

/**
 * Counts a dataset's rows as they go by. Per row it keeps 16 bytes, not the text.
 *
 * @param labels all classes, so that a class without rows in a split shows as 0
 */
export function createStatistics(labels: readonly string[]): {
  add(row: StoredRow): void
  /** Gives other work a turn between its steps, which take long for millions of rows. */
  finish(): Promise<Statistics>
} {
  const counts: Record<SplitName, Map<string, number>> = {
    train: new Map(),
    validation: new Map(),
    test: new Map(),
  }
  const lengthsOf: Record<SplitName, number[]> = { train: [], validation: [], test: [] }
  const keys: number[] = []

  function add(row: StoredRow): void {
    const ofSplit = counts[row.split]
    ofSplit.set(row.label, (ofSplit.get(row.label) ?? 0) + 1)
    lengthsOf[row.split].push(row.text.length + (row.secondText?.length ?? 0))
    keys.push(contentKey(row) * 4 + splitNames.indexOf(row.split))
  }

  async function finish(): Promise<Statistics> {
    const splits: Partial<Record<SplitName, number>> = {}
    const labelCounts: Statistics['labelCounts'] = { train: {}, validation: {}, test: {} }
    for (const split of splitNames) {
      const rows = lengthsOf[split].length
      if (rows === 0) continue
      splits[split] = rows
      labelCounts[split] = Object.fromEntries(labels.map((label) => [label, counts[split].get(label) ?? 0]))
    }
    const lengthBucket = bucketWidth(splitNames.flatMap((split) => lengthsOf[split]))
    await nextTurn()
    const duplicates = countDuplicates(keys)
    await nextTurn()
    const lengths = {
      train: histogram(lengthsOf.train, lengthBucket),
      validation: histogram(lengthsOf.validation, lengthBucket),
      test: histogram(lengthsOf.test, lengthBucket),
    }
    return { rows: keys.length, splits, labelCounts, lengthBucket, lengths, duplicates }
  }

  return { add, finish }
}

/** 51 bits of a hash of the text, so that two more fit into a float64: among a million rows no two clash. */
function contentKey(row: StoredRow): number {
  const content =
    row.secondText === undefined ? row.text.trim() : `${row.text.trim()}\0${row.secondText.trim()}`
  const digest = hash('sha1', content, 'buffer')
  return digest.readUIntBE(0, 6) * 8 + ((digest[6] ?? 0) >>> 5)
}

/** `keys`: content · 4 + split. Splits come in the order train, validation, test. */
function countDuplicates(keys: readonly number[]): DatasetDetail['duplicates'] {
  const sorted = Float64Array.from(keys).sort()
  let withinSplits = 0
  let acrossSplits = 0
  let content = -1
  let firstSplit = -1
  for (const [index, key] of sorted.entries()) {
    const split = key % 4
    const own = (key - split) / 4
    if (own !== content) {
      content = own
      firstSplit = split
      continue
    }
    if (key === sorted[index - 1]) withinSplits++
    if (split !== firstSplit) acrossSplits++
  }
  return { withinSplits, acrossSplits }
}

/** Narrow enough to show the shape of nearly all lengths, wide enough that one very long text makes no thousand buckets. */
function bucketWidth(lengths: number[]): number {
  const sorted = Float64Array.from(lengths).sort()
  const common = sorted[Math.floor(sorted.length * 0.99)] ?? 0
  const longest = sorted[sorted.length - 1] ?? 0
  const least = Math.max(common / 40, longest / 200)
  return bucketWidths.find((width) => width >= least) ?? Math.ceil(least)
}

function histogram(lengths: readonly number[], width: number): number[] {
  const counts: number[] = []
  for (const length of lengths) {
    const bucket = Math.floor(length / width)
    while (counts.length <= bucket) counts.push(0)
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  return counts
}
