import { tasks, taskNames, type Encoder, type TaskName } from './plan.ts'
import type { ResultRow } from './rows.ts'
import { countingError, mean, signed } from './statistics.ts'

/** What a paper claims, and whether the rows bear it out. */
export interface Claim {
  claim: string
  verdict: Verdict
  /** The figures that it follows from. */
  figures: string
}

/** `undecided`: the rows say neither yes nor no beyond the error of counting on so few test rows. */
export type Verdict = 'confirmed' | 'not confirmed' | 'undecided' | 'not measured yet'

/** Points of test accuracy by which an adapter may stay below full fine-tuning and still be close to it. */
const close = 1
/** Share of the accuracy that robust adapters must keep without those of the lower half. */
const kept = 0.95

export function claimsOf(rows: readonly ResultRow[], encoder: Encoder, layers: number): Claim[] {
  const own = rows.filter((row) => row.encoder === encoder)
  return [
    fusionHelpsSmallTasks(own),
    robustKeepsQuality(own, Math.floor(layers / 2)),
    ...['seq_bn', 'double_seq_bn', 'par_bn'].map((method) => closeToFull(own, method)),
    beatsItsParts(own),
  ]
}

/** What is claimed of every task holds where it holds on each, and not where it fails on one. */
function verdictOf(tasks: readonly Verdict[]): Verdict {
  if (tasks.length === 0) return 'not measured yet'
  if (tasks.includes('not confirmed')) return 'not confirmed'
  return tasks.includes('undecided') ? 'undecided' : 'confirmed'
}

/** Both methods of a task with the seeds that they have in common. */
function paired(
  rows: readonly ResultRow[],
  task: TaskName,
  better: string,
  worse: string,
): Comparison | undefined {
  const of = (method: string): ResultRow[] => rows.filter((row) => row.task === task && row.method === method)
  const pairs = of(better).flatMap((row) => {
    const other = of(worse).find(({ seed }) => seed === row.seed)
    return other ? [{ row, other }] : []
  })
  if (pairs.length === 0) return undefined
  const accuracy = mean(pairs.map(({ row }) => row.test.accuracy))
  const rowsTested = pairs[0]?.row.testRows ?? 0
  return {
    task,
    seeds: pairs.length,
    difference: mean(pairs.map(({ row, other }) => (row.test.accuracy - other.test.accuracy) * 100)),
    error: 100 * Math.SQRT2 * countingError(accuracy, rowsTested * pairs.length),
  }
}

interface Comparison {
  task: TaskName
  seeds: number
  /** Points of test accuracy. */
  difference: number
  /** Its standard error by the number of test rows alone, were the two methods' mistakes unrelated. */
  error: number
}

function comparisons(
  rows: readonly ResultRow[],
  names: readonly TaskName[],
  better: string,
  worse: string,
): Comparison[] {
  return names.flatMap((task) => paired(rows, task, better, worse) ?? [])
}

function inWords(all: readonly Comparison[]): string {
  if (all.length === 0) return 'no rows yet'
  return all
    .map(({ task, difference, error, seeds }) => {
      const count = seeds === 1 ? 'one seed' : `${seeds} seeds`
      return `${tasks[task].title} ${signed(difference)} ± ${error.toFixed(1)} (${count})`
    })
    .join(', ')
}

/** Pfeiffer et al. 2021. */
function fusionHelpsSmallTasks(rows: readonly ResultRow[]): Claim {
  const all = comparisons(rows, taskNames, 'fusion', 'seq_bn')
  const small = all.filter(({ task }) => tasks[task].small)
  return {
    claim: 'Fusion helps the small tasks: it beats the task’s own adapter (seq_bn) on each of them',
    verdict: verdictOf(
      small.map(({ difference, error }) =>
        difference > error ? 'confirmed' : difference < -error ? 'not confirmed' : 'undecided',
      ),
    ),
    figures: `fusion − seq_bn, points of test accuracy: ${inWords(all)}`,
  }
}

/** Rücklé et al. 2021. */
function robustKeepsQuality(rows: readonly ResultRow[], half: number): Claim {
  const shares = (method: string) =>
    taskNames.flatMap((task) => {
      const curves = rows.filter((row) => row.task === task && row.method === method)
      const ratios = curves.flatMap(({ dropCurve = [] }) => {
        const at = (n: number): number | undefined =>
          dropCurve.find(({ droppedLayers }) => droppedLayers === n)?.scores.accuracy
        const [all, fewer] = [at(0), at(half)]
        return all && fewer !== undefined ? [fewer / all] : []
      })
      return ratios.length === 0 ? [] : [{ task, share: mean(ratios) }]
    })
  const words = (found: readonly { task: TaskName; share: number }[]): string =>
    found.length === 0
      ? 'no rows yet'
      : found.map(({ task, share }) => `${tasks[task].title} ${(share * 100).toFixed(1)} %`).join(', ')
  const robust = shares('adapter_drop, robust')
  return {
    claim: `Robust AdapterDrop keeps most of its quality (${kept * 100} % of the accuracy) with the adapters of the lower half (n = ${half}) dropped`,
    verdict: verdictOf(robust.map(({ share }) => (share >= kept ? 'confirmed' : 'not confirmed'))),
    figures: `validation accuracy at n = ${half} by that at n = 0: ${words(robust)}; of plain seq_bn, which was not trained for it: ${words(shares('seq_bn'))}`,
  }
}

/** Houlsby et al. 2019; Pfeiffer et al. 2021; He et al. 2022. */
function closeToFull(rows: readonly ResultRow[], method: string): Claim {
  const all = comparisons(rows, taskNames, method, 'full')
  return {
    claim: `${method} comes close to full fine-tuning: no more than ${close} point below it on every task`,
    verdict: verdictOf(
      all.map(({ difference, error }) =>
        difference >= -close ? 'confirmed' : difference < -close - 2 * error ? 'not confirmed' : 'undecided',
      ),
    ),
    figures: `${method} − full, points of test accuracy: ${inWords(all)}`,
  }
}

/** He et al. 2022. */
function beatsItsParts(rows: readonly ResultRow[]): Claim {
  const parts = ['prefix', 'scaled_par_bn'].map((part) => ({
    part,
    all: comparisons(rows, taskNames, 'mam', part),
  }))
  const averages = parts.flatMap(({ all }) =>
    all.length === 0 ? [] : [mean(all.map((one) => one.difference))],
  )
  return {
    claim:
      'Mix-And-Match beats each of its parts, prefix tuning and the scaled parallel adapter, on average over the tasks',
    verdict:
      averages.length < parts.length
        ? 'not measured yet'
        : averages.every((average) => average > 0)
          ? 'confirmed'
          : 'not confirmed',
    figures: parts
      .map(({ part, all }) => `mam − ${part}, points of test accuracy: ${inWords(all)}`)
      .join('; '),
  }
}
