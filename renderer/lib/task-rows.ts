/** Tables that put tasks side by side: what each row is about, and the score of every task in it. */
import type { DropPoint, ScoreName, Scores, SelectionResult } from '../../preload/contract.ts'
import { formatNumber, formatPercent, formatScore } from './format.ts'

export interface TaskRow {
  name: string
  /** In the order of the tasks; undefined where one was not measured. */
  scores: readonly (Scores | undefined)[]
  /** Under the head of the further column, as it is shown. */
  further: string
}

const words: Record<string, string> = {
  all: 'All adapters',
  own: 'Own adapter only',
  confident: 'Most confident head',
  top1: 'The one with the largest gate',
}

/** Which of a run's task adapters are at work, in words. @param tasks all that there are */
export function selectionText(selection: string, tasks: readonly string[]): string {
  const known = words[selection]
  if (known !== undefined) return known
  const [, count] = /^top(\d+)$/.exec(selection) ?? []
  if (count !== undefined) return `The ${count} with the largest gates`
  const chosen = selection.split(',')
  const left = tasks.filter((task) => !chosen.includes(task))
  const [out] = left
  return out !== undefined && left.length === 1 && chosen.length > 2 ? `All but ${out}` : chosen.join(', ')
}

/** A row for each selection; for `confident`, the share of a task's rows that were given to its own, mean over tasks. */
export function selectionRows(results: readonly SelectionResult[], tasks: readonly string[]): TaskRow[] {
  return [...Map.groupBy(results, ({ selection }) => selection)].map(([selection, own]) => {
    const routed = own.flatMap((result) => result.routed ?? [])
    const share = routed.reduce((sum, one) => sum + one, 0) / routed.length
    return {
      name: selectionText(selection, tasks),
      scores: tasks.map((name) => own.find(({ task }) => task === name)?.scores),
      further: routed.length === 0 ? '' : formatPercent(share),
    }
  })
}

/** A row for each number of layers left out, where there are several tasks. */
export function dropRows(points: readonly DropPoint[], tasks: readonly string[]): TaskRow[] {
  return points.flatMap(({ droppedLayers, tasks: own, msPerExample }) =>
    own === undefined
      ? []
      : [
          {
            name: String(droppedLayers),
            scores: tasks.map((name) => own.find(({ task }) => task === name)?.scores),
            further: formatNumber(msPerExample),
          },
        ],
  )
}

/** The cells of each row as they are shown: the mean over tasks first; and the best written figure of each column. */
export function taskCells(
  rows: readonly TaskRow[],
  metric: ScoreName,
): { cells: string[][]; best: (string | undefined)[] } {
  const values = rows.map(({ scores }) => {
    const own = scores.map((score) => score?.[metric])
    const known = own.filter((value) => value !== undefined)
    return [known.length < own.length ? undefined : known.reduce((a, b) => a + b, 0) / known.length, ...own]
  })
  const best = (values[0] ?? []).map((_, column) => {
    const all = values.flatMap((row) => row[column] ?? [])
    return all.length < 2 ? undefined : formatScore(Math.max(...all))
  })
  const cells = values.map((row) => row.map((value) => (value === undefined ? '' : formatScore(value))))
  return { cells, best }
}
