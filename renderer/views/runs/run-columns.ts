import type { Column } from '../../components/table.ts'
import { formatCount, formatMoment, formatNumber, formatScores } from '../../lib/format.ts'
import { shareDone, statusWords } from '../../lib/run-status.ts'
import type { TableRow } from '../../lib/run-table.ts'
import type { RunSummary } from '../../../preload/contract.ts'

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

export const formatMean = (values: number[]) => formatNumber(mean(values))

/** The runs' table. Texts are what copying puts on the clipboard. */
export const runColumns: Column<TableRow>[] = [
  {
    id: 'name',
    label: 'Run',
    width: 250,
    grow: true,
    sortable: true,
    text: (row) => (row.kind === 'run' ? row.run.name : row.name),
  },
  {
    id: 'status',
    label: 'Status',
    width: 108,
    sortable: true,
    text: (row) => (row.kind === 'run' ? statusWords[row.run.status] : statusSummary(row.runs)),
  },
  { id: 'method', label: 'Method', width: 138, sortable: true, text: (row) => firstOf(row)?.method ?? '' },
  {
    id: 'dataset',
    label: 'Dataset',
    width: 130,
    sortable: true,
    text: (row) => firstOf(row)?.datasetName ?? '',
  },
  { id: 'model', label: 'Model', width: 90, sortable: true, text: (row) => firstOf(row)?.modelName ?? '' },
  {
    id: 'seed',
    label: 'Seed',
    width: 64,
    number: true,
    sortable: true,
    text: (row) => (row.kind === 'run' ? String(row.run.seed) : `${row.runs.length} seeds`),
  },
  {
    id: 'progress',
    label: 'Progress',
    width: 128,
    sortable: true,
    text: (row) => figure(row, shareDone, (values) => `${Math.floor(mean(values) * 100)} %`),
  },
  {
    id: 'left',
    label: 'Left',
    width: 64,
    number: true,
    sortable: true,
    text: (row) =>
      figure(
        row,
        (run) => run.progress?.secondsLeft,
        (values) => String(Math.max(...values)),
      ),
  },
  { id: 'spark', label: 'Validation', width: 104, text: () => '' },
  {
    id: 'validation',
    label: 'Best val.',
    unit: '%',
    width: 102,
    number: true,
    sortable: true,
    text: (row) => figure(row, validation, formatScores),
  },
  {
    id: 'accuracy',
    label: 'Test acc.',
    unit: '%',
    width: 102,
    number: true,
    sortable: true,
    text: (row) => figure(row, accuracy, formatScores),
  },
  {
    id: 'macroF1',
    label: 'Test F1',
    unit: '%',
    width: 102,
    number: true,
    sortable: true,
    text: (row) => figure(row, macroF1, formatScores),
  },
  {
    id: 'parameters',
    label: 'Trained',
    width: 90,
    number: true,
    sortable: true,
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
    width: 84,
    number: true,
    sortable: true,
    text: (row) => figure(row, (run) => run.examplesPerSecond, formatMean),
  },
  {
    id: 'seconds',
    label: 'Time',
    unit: 's',
    width: 74,
    number: true,
    sortable: true,
    text: (row) => figure(row, (run) => run.seconds, formatMean),
  },
  {
    id: 'created',
    label: 'Created',
    width: 120,
    sortable: true,
    text: (row) => formatMoment(firstOf(row)?.createdAt ?? ''),
  },
]
