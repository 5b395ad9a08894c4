import { createRandom, type Random } from '../data/random.ts'

/**
 * How much of the variance of `y` each column explains, by a forest of regression trees (Breiman 2001): the mean
 * decrease of squared error at the splits on that column, as shares that add up to 1 (all 0 where nothing varies).
 *
 * @param columns by setting, row by row; a category is its code, which is split like a number
 */
export function variableImportance(
  columns: readonly (readonly number[])[],
  y: readonly number[],
  { trees = 100, seed = 1 }: { trees?: number; seed?: number } = {},
): number[] {
  const gains = columns.map(() => 0)
  if (columns.length === 0) return gains
  for (let tree = 0; tree < trees; tree++) {
    const random = createRandom(seed, 'forest', tree)
    const rows = y.map(() => random.integer(y.length))
    grow(rows, columns, y, random, gains)
  }
  const total = gains.reduce((sum, gain) => sum + gain, 0)
  return gains.map((gain) => (total > 0 ? gain / total : 0))
}

/** Splits until a leaf has one value, adding what each split gains. */
function grow(
  rows: readonly number[],
  columns: readonly (readonly number[])[],
  y: readonly number[],
  random: Random,
  gains: number[],
): void {
  if (rows.length < 2) return
  const tried = chooseColumns(columns.length, random)
  let best: { column: number; threshold: number; gain: number } | undefined
  for (const column of tried) {
    const split = bestSplit(rows, columns[column] ?? [], y)
    if (split && split.gain > (best?.gain ?? 1e-15)) best = { column, ...split }
  }
  if (!best) return
  const { column, threshold, gain } = best
  gains[column] = (gains[column] ?? 0) + gain
  const values = columns[column] ?? []
  const isLeft = (row: number): boolean => (values[row] ?? 0) <= threshold
  grow(rows.filter(isLeft), columns, y, random, gains)
  grow(
    rows.filter((row) => !isLeft(row)),
    columns,
    y,
    random,
    gains,
  )
}

/** Two thirds of the columns, so that one that explains much does not hide another at every split. */
function chooseColumns(count: number, random: Random): number[] {
  const all = Array.from({ length: count }, (_, column) => column)
  const wanted = Math.max(1, Math.ceil((count * 2) / 3))
  for (let i = 0; i < wanted; i++) {
    const other = i + random.integer(count - i)
    const kept = all[i] ?? 0
    all[i] = all[other] ?? 0
    all[other] = kept
  }
  return all.slice(0, wanted)
}

/** Where to cut a column so that the squared error falls most, in sums over rows. */
function bestSplit(
  rows: readonly number[],
  column: readonly number[],
  y: readonly number[],
): { threshold: number; gain: number } | undefined {
  const sorted = rows
    .map((row) => ({ x: column[row] ?? 0, y: y[row] ?? 0 }))
    .sort((a, b) => a.x - b.x || a.y - b.y)
  const total = sorted.reduce((sum, point) => sum + point.y, 0)
  let left = 0
  let best: { threshold: number; gain: number } | undefined
  for (let i = 0; i + 1 < sorted.length; i++) {
    const { x, y: value } = sorted[i] ?? { x: 0, y: 0 }
    left += value
    const next = sorted[i + 1]?.x ?? x
    if (next === x) continue
    const [below, above] = [i + 1, sorted.length - i - 1]
    const gain = left ** 2 / below + (total - left) ** 2 / above - total ** 2 / sorted.length
    if (gain > (best?.gain ?? 0)) best = { threshold: (x + next) / 2, gain }
  }
  return best
}
