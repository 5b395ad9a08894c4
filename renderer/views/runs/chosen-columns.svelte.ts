import type { RunSummary } from '../../../preload/contract.ts'
import type { Column } from '../../components/table.ts'
import { ordered, readChoice, type ColumnChoice } from '../../lib/column-choice.ts'
import { formatMoment, formatNumber, formatScores } from '../../lib/format.ts'
import { recall, remember } from '../../lib/remember.ts'
import { figureOf, settingOf, type Statistic } from '../../lib/run-settings.svelte.ts'
import { isSortKey, sortValues, type SortBy, type SortValue, type TableRow } from '../../lib/run-table.ts'
import { figure, formatMean, runColumns } from './run-columns.ts'

const key = 'runs.columns'
const standard: ColumnChoice = {
  shown: runColumns
    .map(({ id }) => id)
    .filter((id) => !['tags', 'notes', 'experiment', 'ended'].includes(id)),
  pinned: ['name'],
}

const state: { choice: ColumnChoice } = $state({ choice: readChoice(recall(key), standard) })

export const columnChoice = {
  get value(): ColumnChoice {
    return state.choice
  },
  set value(next: ColumnChoice) {
    state.choice = ordered(next)
    remember(key, JSON.stringify(state.choice))
  },
  reset(): void {
    columnChoice.value = standard
  },
}

const statistics: Record<Statistic, string> = { last: 'last', minimum: 'min.', maximum: 'max.' }

export interface MetricColumn {
  name: string
  statistic: Statistic
}

/** `metric:validation.loss:minimum` as its parts. */
export function metricOf(id: string): MetricColumn | undefined {
  const [, name, statistic] = /^metric:(.+):(last|minimum|maximum)$/.exec(id) ?? []
  return name === undefined || statistic === undefined
    ? undefined
    : { name, statistic: statistic as Statistic }
}

export const metricId = ({ name, statistic }: MetricColumn) => `metric:${name}:${statistic}`

/** `setting:training.learningRate` as the setting's path. */
export const settingPath = (id: string) =>
  id.startsWith('setting:') ? id.slice('setting:'.length) : undefined

const isShare = (name: string) => /accuracy|macroF1|matthews/i.test(name)
const membersOf = (row: TableRow): RunSummary[] => (row.kind === 'run' ? [row.run] : row.runs)

function settingText(value: unknown): string {
  return value === undefined || value === null
    ? ''
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value)
}

/** A column by its id, whether the table's own, a setting or a metric; undefined for an id of another version. */
export function columnOf(id: string): Column<TableRow> | undefined {
  const metric = metricOf(id)
  if (metric !== undefined) {
    const value = (run: RunSummary) => figureOf(run, metric.name, metric.statistic)
    return {
      id,
      label: `${metric.name} ${statistics[metric.statistic]}`,
      ...(isShare(metric.name) ? { unit: '%' } : {}),
      width: 170,
      number: true,
      sortable: true,
      text: (row) => figure(row, value, isShare(metric.name) ? formatScores : formatMean),
    }
  }
  const path = settingPath(id)
  if (path !== undefined) {
    return {
      id,
      label: path.split('.').at(-1) ?? path,
      width: 130,
      sortable: true,
      text: (row) =>
        membersOf(row)
          .map((run) => settingText(settingOf(run, path)))
          .filter((text, index, all) => all.indexOf(text) === index)
          .join(', '),
    }
  }
  return runColumns.find((column) => column.id === id)
}

/** What a column sorts by. */
export function sortBy(id: string): SortBy {
  const metric = metricOf(id)
  if (metric !== undefined) return (run) => figureOf(run, metric.name, metric.statistic)
  const path = settingPath(id)
  if (path !== undefined) {
    return (run): SortValue => {
      const value = settingOf(run, path)
      return typeof value === 'number' ? value : settingText(value) || undefined
    }
  }
  if (id === 'tags') return (run) => run.tags?.join(', ')
  if (id === 'experiment') return (run) => run.experiment?.name
  if (id === 'ended') return (run) => run.endedAt
  return isSortKey(id) ? id : 'created'
}

export const canSort = (id: string) => id in sortValues || columnOf(id)?.sortable === true

/** What runs can be gathered by besides their variant. */
export const groupings: Record<string, { label: string; value: (run: RunSummary) => string }> = {
  method: { label: 'method', value: ({ method }) => method },
  family: { label: 'family', value: ({ family }) => family },
  dataset: { label: 'dataset', value: ({ datasetName }) => datasetName },
  model: { label: 'model', value: ({ modelName }) => modelName },
  seed: { label: 'seed', value: ({ seed }) => `seed ${seed}` },
  status: { label: 'status', value: ({ status }) => status },
  tags: { label: 'tags', value: ({ tags = [] }) => tags.join(', ') || 'no tags' },
  experiment: { label: 'experiment', value: ({ experiment }) => experiment?.name ?? 'no experiment' },
  day: {
    label: 'day',
    value: ({ createdAt }) => formatMoment(createdAt).replace(/ ?\d\d:\d\d$/, '') || 'today',
  },
}

/** The value of a grouping for one run, the group's name. */
export function groupValue(id: string, run: RunSummary): string {
  const path = settingPath(id)
  if (path !== undefined) {
    const value = settingOf(run, path)
    const text = typeof value === 'number' ? formatNumber(value) : settingText(value)
    return `${path.split('.').at(-1) ?? path} ${text === '' ? 'not set' : text}`
  }
  return groupings[id]?.value(run) ?? ''
}
