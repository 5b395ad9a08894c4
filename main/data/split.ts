import { createRandom } from './random.ts'

/** Drawn rows per class: shares rounded by largest remainder, one row of each class always kept back. */
function quotas(counts: readonly number[], share: number): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const wanted = Math.max(1, Math.round(total * share))
  const exact = counts.map((count) => (wanted * count) / total)
  const drawn = exact.map((quota, label) =>
    Math.min(Math.floor(quota), Math.max(0, (counts[label] ?? 0) - 1)),
  )
  const byRemainder = exact
    .map((quota, label) => ({ label, remainder: quota - Math.floor(quota) }))
    .sort((a, b) => b.remainder - a.remainder || a.label - b.label)
  let left = wanted - drawn.reduce((sum, count) => sum + count, 0)
  // Further rounds hand on what classes too small for their quota could not give.
  for (let before = -1; left > 0 && left !== before;) {
    before = left
    for (const { label } of byRemainder) {
      if (left > 0 && (drawn[label] ?? 0) < (counts[label] ?? 0) - 1) {
        drawn[label] = (drawn[label] ?? 0) + 1
        left--
      }
    }
  }
  return drawn
}

/**
 * Draws a share of rows, each class by its own share, by seed: the same rows and seed give the same draw.
 * No class is drawn out entirely; at least one row is drawn if any class has two.
 *
 * @param labels class index of each row to draw from
 * @param purpose tells draws with the same seed apart
 * @returns positions in `labels`, ascending
 */
export function drawStratified(
  labels: readonly number[],
  share: number,
  seed: number,
  purpose: string,
): number[] {
  const rowsOf: number[][] = []
  for (const [row, label] of labels.entries()) {
    const rows = rowsOf[label] ?? []
    rows.push(row)
    rowsOf[label] = rows
  }
  const classes = Array.from(rowsOf, (rows) => rows ?? [])
  const drawn: number[] = []
  const take = quotas(
    classes.map((rows) => rows.length),
    share,
  )
  for (const [label, rows] of classes.entries()) {
    const random = createRandom(seed, 'split', purpose, label)
    // The first steps of a shuffle: the rest of the order is of no interest.
    for (let position = 0; position < (take[label] ?? 0); position++) {
      const other = position + random.integer(rows.length - position)
      const row = rows[other]
      const moved = rows[position]
      if (row === undefined || moved === undefined) break
      rows[other] = moved
      drawn.push(row)
    }
  }
  return drawn.sort((a, b) => a - b)
}
