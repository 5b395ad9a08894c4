/** What the runs' table shows and in which order: sorting, variants with their seeds, best of a column. */
import type { RunSummary } from '../../preload/contract.ts'
import { meanAndDeviation } from './format.ts'
import { isLive, shareDone } from './run-status.ts'

export interface RunRow {
  kind: 'run'
  key: string
  run: RunSummary
  /** It stands under its variant's row. */
  nested: boolean
}

export interface VariantRow {
  kind: 'variant'
  key: string
  name: string
  runs: RunSummary[]
  open: boolean
}

export type TableRow = RunRow | VariantRow

export type SortValue = string | number | undefined

/** The sortable columns' values. */
export const sortValues = {
  name: (run) => run.name.toLowerCase(),
  status: (run) => run.status,
  method: (run) => run.method,
  dataset: (run) => run.datasetName.toLowerCase(),
  model: (run) => run.modelName.toLowerCase(),
  seed: (run) => run.seed,
  progress: (run) => shareDone(run),
  left: (run) => (isLive(run.status) ? run.progress?.secondsLeft : undefined),
  validation: (run) => run.best?.value,
  accuracy: (run) => run.test?.accuracy,
  macroF1: (run) => run.test?.macroF1,
  parameters: (run) => run.trainableParameters,
  speed: (run) => run.examplesPerSecond,
  seconds: (run) => run.seconds,
  created: (run) => run.createdAt,
} satisfies Record<string, (run: RunSummary) => SortValue>

export type SortKey = keyof typeof sortValues

export function isSortKey(name: string): name is SortKey {
  return name in sortValues
}

/** Orders values; what is absent comes last in both directions. */
export function compareValues(a: SortValue, b: SortValue, descending: boolean): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b))
  return descending ? -order : order
}

/** How runs are ordered: by one of the table's own columns, or by whatever else is told of a run. */
export type SortBy = SortKey | ((run: RunSummary) => SortValue)

const valueOf = (key: SortBy): ((run: RunSummary) => SortValue) =>
  typeof key === 'function' ? key : sortValues[key]

export function sortRuns(runs: readonly RunSummary[], key: SortBy, descending: boolean): RunSummary[] {
  const value = valueOf(key)
  return [...runs].sort((a, b) => compareValues(value(a), value(b), descending))
}

/** A name without what tells its seed: `trec seq_bn s2` gives `trec seq_bn`. */
export function nameWithoutSeed(run: RunSummary): string {
  const bare = run.name.replace(new RegExp(`[\\s,·_-]*\\b(?:seed|s)\\s*${run.seed}\\b\\s*$`, 'i'), '').trim()
  return bare === '' ? run.name : bare
}

/** Runs that differ in their seed only. Where the workbench does not say, by model, data, method, size and name. */
export function variantKey(run: RunSummary): string {
  if (run.variant !== undefined) return run.variant
  return [run.modelId, run.datasetId, run.method, run.trainableParameters ?? '', nameWithoutSeed(run)].join(
    '\u0000',
  )
}

/** What runs are gathered by. */
export interface Grouping {
  key: (run: RunSummary) => string
  name: (run: RunSummary) => string
  /** A group of one run is that run's own row. */
  unfoldsOne: boolean
}

export const byVariant: Grouping = { key: variantKey, name: nameWithoutSeed, unfoldsOne: true }

/**
 * Runs under their groups, in the order of the groups' mean. `open` holds the keys of the groups whose runs are shown.
 */
export function groupRuns(
  runs: readonly RunSummary[],
  key: SortBy,
  descending: boolean,
  open: ReadonlySet<string>,
  by: Grouping = byVariant,
): TableRow[] {
  const groups = Map.groupBy(sortRuns(runs, key, descending), by.key)
  const value = valueOf(key)
  return [...groups]
    .sort(([, a], [, b]) => compareValues(groupValue(a.map(value)), groupValue(b.map(value)), descending))
    .flatMap(([group, members]): TableRow[] => {
      const [first] = members
      if (first === undefined) return []
      if (members.length === 1 && by.unfoldsOne)
        return [{ kind: 'run', key: first.id, run: first, nested: false }]
      const isOpen = open.has(group)
      const head: VariantRow = {
        kind: 'variant',
        key: group,
        name: by.name(first),
        runs: members,
        open: isOpen,
      }
      const rows = members.map((run): RunRow => ({ kind: 'run', key: run.id, run, nested: true }))
      return isOpen ? [head, ...rows] : [head]
    })
}

function groupValue(values: SortValue[]): SortValue {
  const numeric = values.filter((value) => typeof value === 'number')
  return numeric.length > 0 ? meanAndDeviation(numeric).mean : values.find((value) => value !== undefined)
}

/**
 * Per dataset the highest score of the rows, since scores of different data do not compare; a variant counts by the
 * mean of its seeds, and its unfolded seeds not again.
 */
export function bestScores(
  rows: readonly TableRow[],
  score: (run: RunSummary) => number | undefined,
): Map<string, number> {
  const byDataset = new Map<string, number[]>()
  for (const row of rows) {
    if (row.kind === 'run' && row.nested) continue
    const members = row.kind === 'run' ? [row.run] : row.runs
    const values = members.map(score).filter((value) => value !== undefined)
    const dataset = members[0]?.datasetId
    if (dataset === undefined || values.length === 0) continue
    byDataset.set(dataset, [...(byDataset.get(dataset) ?? []), meanAndDeviation(values).mean])
  }
  // The best of one is no news.
  return new Map(
    [...byDataset].filter(([, means]) => means.length > 1).map(([id, means]) => [id, Math.max(...means)]),
  )
}
