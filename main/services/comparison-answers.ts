import { argmax, confusionCounts, scoresOf, softmaxRow } from '../training/metrics.ts'
import { readAnswers } from '../training/predictions.ts'
import type { ScoreName } from '../../preload/contract.ts'
import type { ComparedEntry } from './comparison-groups.ts'
import { runFolder } from './run-views.ts'

/** What one run answered to the rows of a split, ready to be compared. */
export interface RowAnswers {
  /** True class of each row. */
  classes: Int32Array
  predicted: Int32Array
  /** Probability of the answer given. */
  confidence: Float64Array
  labels: number
}

/** Answers of finished runs never change, so those looked at last are kept. */
export interface AnswerStore {
  read(
    entry: Pick<ComparedEntry, 'run' | 'task'>,
    split: 'validation' | 'test',
  ): Promise<RowAnswers | undefined>
}

/** Rows kept in memory over all runs. */
const mostKeptRows = 2_000_000

export function createAnswerStore(home: string): AnswerStore {
  const kept = new Map<string, RowAnswers>()
  let keptRows = 0

  function keep(key: string, answers: RowAnswers): void {
    kept.set(key, answers)
    keptRows += answers.classes.length
    for (const [oldest, { classes }] of kept) {
      if (keptRows <= mostKeptRows || oldest === key) break
      kept.delete(oldest)
      keptRows -= classes.length
    }
  }

  return {
    async read({ run, task }, split) {
      if (run.status !== 'finished') return undefined
      const key = JSON.stringify([run.id, run.endedAt, task, split])
      const known = kept.get(key)
      if (known !== undefined) return known
      const read = await readAnswers(runFolder(home, run.id), split, task)
      if (read === undefined) return undefined
      const rows = read.classes.length
      const labels = read.logits.length / rows
      const predicted = Int32Array.from({ length: rows }, (_, row) => argmax(read.logits, labels, row))
      const confidence = Float64Array.from(
        predicted,
        (label, row) => softmaxRow(read.logits, labels, row)[label] ?? 0,
      )
      const answers = { classes: read.classes, predicted, confidence, labels }
      keep(key, answers)
      return answers
    },
  }
}

/** A score on a sample of rows: the mean over the runs whose answers these are. */
export function scorerOf(answers: readonly RowAnswers[], metric: ScoreName): (sample: Uint32Array) => number {
  if (metric === 'accuracy') return accuracyOf(answers)
  return (sample) => {
    const actual = new Int32Array(sample.length)
    const predicted = new Int32Array(sample.length)
    const scores = answers.map((own) => {
      sample.forEach((row, i) => {
        actual[i] = own.classes[row] ?? 0
        predicted[i] = own.predicted[row] ?? 0
      })
      return scoresOf(confusionCounts(actual, predicted, own.labels), 0)[metric]
    })
    return scores.reduce((sum, score) => sum + score, 0) / scores.length
  }
}

/** The same rows are sampled a thousand times, so what each adds is added up once. */
function accuracyOf(answers: readonly RowAnswers[]): (sample: Uint32Array) => number {
  const rows = answers[0]?.classes.length ?? 0
  const right = new Uint16Array(rows)
  for (const { classes, predicted } of answers) {
    for (let row = 0; row < rows; row++)
      right[row] = (right[row] ?? 0) + Number(predicted[row] === classes[row])
  }
  return (sample) => {
    let sum = 0
    for (let i = 0; i < sample.length; i++) sum += right[sample[i] ?? 0] ?? 0
    return sum / (sample.length * answers.length)
  }
}

/** Whether one run is right, row by row. */
export function rightRows({ classes, predicted }: RowAnswers): boolean[] {
  return Array.from(classes, (actual, row) => actual === predicted[row])
}
