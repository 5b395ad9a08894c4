import { tasks, tasksOf, type Encoder, type TaskName } from './plan.ts'
import type { ResultRow } from './rows.ts'
import { countingError, mean, signed } from './statistics.ts'

/** What a paper claims, and whether the rows bear it out. */
export interface Claim {
  claim: string
  verdict: Verdict
  /** On how many of the tasks that it is about it was measured: `2 of 6 tasks`. */
  measured: string
  /** The figures that it follows from. */
  figures: string
}

/** `undecided`: no further from the claim's bound than the standard error of counting on so few test rows. */
export type Verdict = 'confirmed' | 'not confirmed' | 'undecided' | 'not measured yet'

/** Points of test accuracy by which an adapter may stay below full fine-tuning and still be close to it. */
const close = 1
/** Share of the accuracy that robust adapters must keep without those of the lower half. */
const kept = 0.95

export function claimsOf(all: readonly ResultRow[], encoder: Encoder, layers: number): Claim[] {
  const rows = all.filter((row) => row.encoder === encoder)
  const names = tasksOf(encoder)
  return [
    fusionHelpsSmallTasks(rows, names),
    robustKeepsQuality(rows, names, Math.floor(layers / 2)),
    ...['seq_bn', 'double_seq_bn', 'par_bn'].map((method) => closeToFull(rows, names, method)),
    beatsItsParts(rows, names),
  ]
}

/** The one rule of all claims: beyond its bound by more than the error, below it by more, or neither. */
function verdictAt(value: number, error: number, bound: number): Verdict {
  if (value - error > bound) return 'confirmed'
  return value + error < bound ? 'not confirmed' : 'undecided'
}

/** What is claimed of every task holds where it holds on each, and not where it fails on one. */
function onEvery(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.length === 0) return 'not measured yet'
  if (verdicts.includes('not confirmed')) return 'not confirmed'
  return verdicts.includes('undecided') ? 'undecided' : 'confirmed'
}

const share = (measured: number, names: readonly TaskName[]): string => `${measured} of ${names.length} tasks`

interface Comparison {
  task: TaskName
  seeds: number
  /** Points of test accuracy. */
  difference: number
  /** Its standard error by the number of test rows alone, were the two methods' mistakes unrelated. */
  error: number
  /** Runs in it that gave every row the same answer. */
  collapsed: number
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
    collapsed: pairs.flatMap(({ row, other }) => [row, other]).filter(isCollapsed).length,
  }
}

/** A correlation of exactly 0 is that of one answer for every row. */
export function isCollapsed({ test }: ResultRow): boolean {
  return test.matthews === 0
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
    .map(({ task, difference, error, seeds, collapsed }) => {
      const count = seeds === 1 ? 'one seed' : `${seeds} seeds`
      const lost = collapsed === 0 ? '' : `, ${collapsed} of the runs collapsed to one answer`
      return `${tasks[task].title} ${signed(difference)} ± ${error.toFixed(1)} (${count}${lost})`
    })
    .join(', ')
}

/** Pfeiffer et al. 2021. */
function fusionHelpsSmallTasks(rows: readonly ResultRow[], names: readonly TaskName[]): Claim {
  const all = comparisons(rows, names, 'fusion', 'seq_bn')
  const isSmall = (task: TaskName): boolean => tasks[task].small
  const small = all.filter(({ task }) => isSmall(task))
  return {
    claim: 'Fusion helps the small tasks: it beats the task’s own adapter (seq_bn) on each of them',
    verdict: onEvery(small.map(({ difference, error }) => verdictAt(difference, error, 0))),
    measured: share(small.length, names.filter(isSmall)),
    figures: `fusion − seq_bn, points of test accuracy: ${inWords(all)}`,
  }
}

/** Rücklé et al. 2021. */
function robustKeepsQuality(rows: readonly ResultRow[], names: readonly TaskName[], half: number): Claim {
  const shares = (method: string) =>
    names.flatMap((task) => {
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
    // Both scores are the same run's on the same rows: their error is not that of two separate counts.
    verdict: onEvery(robust.map(({ share }) => verdictAt(share, 0, kept))),
    measured: share(robust.length, names),
    figures: `validation accuracy at n = ${half} by that at n = 0: ${words(robust)}; of plain seq_bn, which was not trained for it: ${words(shares('seq_bn'))}`,
  }
}

/** Houlsby et al. 2019; Pfeiffer et al. 2021; He et al. 2022. */
function closeToFull(rows: readonly ResultRow[], names: readonly TaskName[], method: string): Claim {
  const all = comparisons(rows, names, method, 'full')
  return {
    claim: `${method} comes close to full fine-tuning: no more than ${close} point below it on every task`,
    verdict: onEvery(all.map(({ difference, error }) => verdictAt(difference, error, -close))),
    measured: share(all.length, names),
    figures: `${method} − full, points of test accuracy: ${inWords(all)}`,
  }
}

/** He et al. 2022. */
function beatsItsParts(rows: readonly ResultRow[], names: readonly TaskName[]): Claim {
  const parts = ['prefix', 'scaled_par_bn'].map((part) => ({
    part,
    all: comparisons(rows, names, 'mam', part),
  }))
  const verdicts = parts.flatMap(({ all }): Verdict[] => {
    if (all.length === 0) return []
    const error = Math.hypot(...all.map((one) => one.error)) / all.length
    return [verdictAt(mean(all.map((one) => one.difference)), error, 0)]
  })
  return {
    claim:
      'Mix-And-Match beats each of its parts, prefix tuning and the scaled parallel adapter, on average over the tasks',
    verdict: verdicts.length < parts.length ? 'not measured yet' : onEvery(verdicts),
    measured: share(Math.min(...parts.map(({ all }) => all.length)), names),
    figures: parts
      .map(({ part, all }) => `mam − ${part}, points of test accuracy: ${inWords(all)}`)
      .join('; '),
  }
}
