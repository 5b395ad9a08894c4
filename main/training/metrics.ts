import type { Scores } from '../../preload/contract.ts'

/** `counts[actual][predicted]` over examples. */
export function confusionCounts(
  actual: ArrayLike<number>,
  predicted: ArrayLike<number>,
  labels: number,
): number[][] {
  const counts = Array.from({ length: labels }, () => new Array<number>(labels).fill(0))
  for (let i = 0; i < actual.length; i++) {
    const row = counts[actual[i] ?? 0]
    const column = predicted[i] ?? 0
    if (row) row[column] = (row[column] ?? 0) + 1
  }
  return counts
}

/** The class that was predicted for every example, where examples of several classes were asked; else undefined. */
export function onlyAnswer(counts: readonly (readonly number[])[]): number | undefined {
  const predicted = counts.flatMap((_, label) => (column(counts, label) > 0 ? [label] : []))
  const occurring = counts.filter((row) => sum(row) > 0).length
  return occurring > 1 && predicted.length === 1 ? predicted[0] : undefined
}

/**
 * Scores of a confusion matrix, as fractions, under the definitions of scikit-learn.
 *
 * @param classes how many of the first ones macro-F1 averages over; the others only make an answer wrong
 */
export function scoresOf(
  counts: readonly (readonly number[])[],
  loss: number,
  classes = counts.length,
): Scores {
  return { accuracy: accuracy(counts), macroF1: macroF1(counts, classes), matthews: matthews(counts), loss }
}

/** The mean of each score, every task counting the same. */
export function meanScores(all: readonly Scores[]): Scores {
  const mean = (name: keyof Scores): number => sum(all.map((scores) => scores[name])) / all.length
  return {
    accuracy: mean('accuracy'),
    macroF1: mean('macroF1'),
    matthews: mean('matthews'),
    loss: mean('loss'),
  }
}

function accuracy(counts: readonly (readonly number[])[]): number {
  const total = sum(counts.map(sum))
  return total === 0 ? 0 : diagonal(counts) / total
}

/** Mean F1 over those of the first classes that occur, as label or as prediction. */
function macroF1(counts: readonly (readonly number[])[], classes: number): number {
  const scores = counts.slice(0, classes).flatMap((row, label) => {
    const actual = sum(row)
    const predicted = column(counts, label)
    if (actual + predicted === 0) return []
    return [(2 * (row[label] ?? 0)) / (actual + predicted)]
  })
  return scores.length === 0 ? 0 : sum(scores) / scores.length
}

/** Matthews' correlation for any number of classes (Gorodkin 2004); 0 where it is not defined. */
function matthews(counts: readonly (readonly number[])[]): number {
  const actual = counts.map(sum)
  const predicted = counts.map((_, label) => column(counts, label))
  const total = sum(actual)
  const covariance =
    diagonal(counts) * total - sum(actual.map((count, label) => count * (predicted[label] ?? 0)))
  const actualSpread = total ** 2 - sum(actual.map((count) => count ** 2))
  const predictedSpread = total ** 2 - sum(predicted.map((count) => count ** 2))
  const spread = Math.sqrt(actualSpread * predictedSpread)
  return spread === 0 ? 0 : covariance / spread
}

function column(counts: readonly (readonly number[])[], label: number): number {
  return sum(counts.map((row) => row[label] ?? 0))
}

function diagonal(counts: readonly (readonly number[])[]): number {
  return sum(counts.map((row, label) => row[label] ?? 0))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** Index of the largest value in one row of a matrix `[rows, width]`. */
export function argmax(matrix: ArrayLike<number>, width: number, row: number): number {
  let best = 0
  for (let i = 1; i < width; i++) {
    if ((matrix[row * width + i] ?? 0) > (matrix[row * width + best] ?? 0)) best = i
  }
  return best
}

export function softmaxRow(matrix: ArrayLike<number>, width: number, row: number): number[] {
  const logits = Array.from({ length: width }, (_, i) => matrix[row * width + i] ?? 0)
  const largest = Math.max(...logits)
  const exponentials = logits.map((logit) => Math.exp(logit - largest))
  const total = sum(exponentials)
  return exponentials.map((value) => value / total)
}

/** Middle value; of an even number the mean of both. 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
