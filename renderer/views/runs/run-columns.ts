import type { Column } from '../../components/table.ts'
import { formatClock, formatCount, formatMoment, formatNumber, formatScores } from '../../lib/format.ts'
import { shareDone, statusWords } from '../../lib/run-status.ts'
import type { TableRow } from '../../lib/run-table.ts'
import type { RunStatus, RunSummary } from '../../../preload/contract.ts'

/** A figure of one run, or of a variant's runs as mean ± deviation. */
export function figure(
  row: TableRow,
  value: (run: RunSummary) => number | undefined,
  format: (values: number[]) => string,
): string {
  const members = row.kind === 'run' ? [row.run] : row.runs
  const values = members.map(value).filter((entry) => entry !== undefined)
  return values.length === 0 ? '' : format(values)
}

/** A variant's runs by their states: `3 finished, 1 running`. */
export function statusSummary(runs: readonly RunSummary[]): string {
  return [...Map.groupBy(runs, (run) => run.status)]
    .map(([status, members]) => `${members.length} ${statusWords[status].toLowerCase()}`)
    .join(', ')
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const firstOf = (row: TableRow): RunSummary | undefined => (row.kind === 'run' ? row.run : row.runs[0])

export const validation = (run: RunSummary) => run.best?.value
export const accuracy = (run: RunSummary) => run.test?.accuracy
export const macroF1 = (run: RunSummary) => run.test?.macroF1

/** Time left of what is running; queued and ended runs have none. */
const secondsLeft = (run: RunSummary) => (run.status === 'running' ? run.progress?.secondsLeft : undefined)

export const formatMean = (values: number[]) => formatNumber(mean(values))

const activity: RunStatus[] = ['running', 'queued', 'paused', 'interrupted', 'failed', 'stopped', 'finished']

/** The state of a variant's runs that matters most: what runs before what is over. */
export function mostActive(runs: readonly RunSummary[]): RunStatus {
  return activity.find((status) => runs.some((run) => run.status === status)) ?? 'finished'
}

/** Mean of several series, point by point, as far as all of them go. */
export function meanSeries(series: readonly (readonly number[])[]): number[] {
  const known = series.filter((values) => values.length > 0)
  const length = known.length === 0 ? 0 : Math.min(...known.map((values) => values.length))
  return Array.from({ length }, (_, index) => mean(known.map((values) => values[index] ?? Number.NaN)))
}

const number = { number: true, sortable: true } as const

/** The runs' table. Texts are what copying puts on the clipboard. */
export const runColumns: Column<TableRow>[] = [
  {
    id: 'name',
    label: 'Run',
    width: 236,
    grow: true,
    sortable: true,
    text: (row) => (row.kind === 'run' ? row.run.name : row.name),
  },
  {
    id: 'status',
    label: 'Status',
    width: 104,
    sortable: true,
    text: (row) => (row.kind === 'run' ? statusWords[row.run.status] : statusSummary(row.runs)),
  },
  { id: 'method', label: 'Method', width: 150, sortable: true, text: (row) => firstOf(row)?.method ?? '' },
  {
    id: 'progress',
    label: 'Progress',
    width: 112,
    sortable: true,
    text: (row) => figure(row, shareDone, (values) => `${Math.floor(mean(values) * 100)} %`),
  },
  {
    id: 'left',
    label: 'Left',
    width: 54,
    ...number,
    text: (row) => figure(row, secondsLeft, (values) => formatClock(Math.max(...values))),
  },
  { id: 'spark', label: 'Validation', width: 104, text: () => '' },
  {
    id: 'validation',
    label: 'Best val.',
    unit: '%',
    width: 104,
    ...number,
    text: (row) => figure(row, validation, formatScores),
  },
  {
    id: 'accuracy',
    label: 'Test acc.',
    unit: '%',
    width: 104,
    ...number,
    text: (row) => figure(row, accuracy, formatScores),
  },
  {
    id: 'macroF1',
    label: 'Test F1',
    unit: '%',
    width: 94,
    ...number,
    text: (row) => figure(row, macroF1, formatScores),
  },
  {
    id: 'parameters',
    label: 'Trained',
    width: 96,
    ...number,
    text: (row) =>
      figure(
        row,
        (run) => run.trainableParameters,
        (values) => formatCount(mean(values)),
      ),
  },
  {
    id: 'speed',
    label: 'Speed',
    unit: '1/s',
    width: 80,
    ...number,
    text: (row) => figure(row, (run) => run.examplesPerSecond, formatMean),
  },
  {
    id: 'seconds',
    label: 'Time',
    unit: 's',
    width: 66,
    ...number,
    text: (row) => figure(row, (run) => run.seconds, formatMean),
  },
  {
    id: 'dataset',
    label: 'Dataset',
    width: 124,
    sortable: true,
    text: (row) => firstOf(row)?.datasetName ?? '',
  },
  { id: 'model', label: 'Model', width: 84, sortable: true, text: (row) => firstOf(row)?.modelName ?? '' },
  {
    id: 'seed',
    label: 'Seed',
    width: 60,
    ...number,
    text: (row) => (row.kind === 'run' ? String(row.run.seed) : `${row.runs.length} seeds`),
  },
  {
    id: 'created',
    label: 'Created',
    width: 112,
    sortable: true,
    text: (row) => formatMoment(firstOf(row)?.createdAt ?? ''),
  },
  {
    id: 'ended',
    label: 'Ended',
    width: 112,
    sortable: true,
    text: (row) => formatMoment(firstOf(row)?.endedAt ?? ''),
  },
  { id: 'tags', label: 'Tags', width: 140, sortable: true, text: (row) => tagsOf(row).join(', ') },
  {
    id: 'notes',
    label: 'Notes',
    width: 200,
    text: (row) => (row.kind === 'run' ? (row.run.notes ?? '') : ''),
  },
  {
    id: 'experiment',
    label: 'Experiment',
    width: 160,
    sortable: true,
    text: (row) => firstOf(row)?.experiment?.name ?? '',
  },
]

/** The tags of a run, or all that a group's runs have. */
export function tagsOf(row: TableRow): string[] {
  const members = row.kind === 'run' ? [row.run] : row.runs
  return [...new Set(members.flatMap(({ tags = [] }) => tags))]
}
