/** Tables of scores: their columns, and which figure of a column is the best. */
import type { Scores } from '../../preload/contract.ts'
import { formatNumber, formatScore } from './format.ts'

export const scoreColumns = [
  { id: 'accuracy', label: 'Accuracy', unit: '%' },
  { id: 'macroF1', label: 'Macro F1', unit: '%' },
  { id: 'matthews', label: 'Matthews', unit: '%' },
  { id: 'loss', label: 'Loss', unit: '' },
] as const satisfies { id: keyof Scores; label: string; unit: string }[]

export type ScoreColumn = (typeof scoreColumns)[number]['id']

/** A figure as its column has it. */
export function scoreCell(scores: Scores, column: ScoreColumn): string {
  return column === 'loss' ? formatNumber(scores.loss) : formatScore(scores[column])
}

/** The best written figure of each column; where several rows share it, all of them are best. */
export function bestCells(rows: readonly Scores[]): Record<ScoreColumn, string | undefined> {
  const best = (column: ScoreColumn): string | undefined => {
    const [first, ...rest] = rows
    if (first === undefined || rest.length === 0) return undefined
    const isBetter = (a: Scores, b: Scores) => (column === 'loss' ? a.loss < b.loss : a[column] > b[column])
    return scoreCell(
      rest.reduce((top, row) => (isBetter(row, top) ? row : top), first),
      column,
    )
  }
  return {
    accuracy: best('accuracy'),
    macroF1: best('macroF1'),
    matthews: best('matthews'),
    loss: best('loss'),
  }
}
