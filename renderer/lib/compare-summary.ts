/** The summary table of a comparison: its columns, their order, the best of each and the words for significance. */
import type { ComparedGroup, Comparison, ScoreName } from '../../preload/contract.ts'
import {
  absent,
  formatBytes,
  formatCount,
  formatDuration,
  formatNumber,
  formatPercent,
  formatScore,
} from './format.ts'

const scoreWords: Record<ScoreName, string> = {
  accuracy: 'Accuracy',
  macroF1: 'Macro F1',
  matthews: 'Matthews',
}

export interface SummaryColumn {
  key: string
  label: string
  unit?: string
  value: (group: ComparedGroup) => number | undefined
  text: (group: ComparedGroup) => string
  /** Which way is better; neither where it is only told. */
  better: 'higher' | 'lower'
  /** How it is defined, where its name does not say. */
  hint?: string
}

const known = (value: number | undefined, text: (value: number) => string) =>
  value === undefined ? absent : text(value)

/** `89.4 ± 0.6`: the mean and half the width of its 95 % interval, in percent. */
export function scoreText({ score }: Pick<ComparedGroup, 'score'>): string {
  if (score === undefined) return absent
  const half = (score.high - score.low) / 2
  return score.basis === 'none'
    ? formatScore(score.mean)
    : `${formatScore(score.mean)} ± ${formatScore(half)}`
}

/** Where the interval of a score comes from, in words. */
export function basisText({ score }: Pick<ComparedGroup, 'score'>): string {
  if (score === undefined) return 'no score yet'
  const range = `${formatScore(score.low)} to ${formatScore(score.high)}`
  if (score.basis === 'seeds') return `95 % interval ${range}, Student's t over ${score.values.length} seeds`
  if (score.basis === 'bootstrap') return `95 % interval ${range}, bootstrap over the rows`
  return 'one run whose single answers are not kept: no interval'
}

export function summaryColumns(metric: ScoreName): SummaryColumn[] {
  return [
    {
      key: 'score',
      label: scoreWords[metric],
      unit: '%, ± 95 %',
      value: ({ score }) => score?.mean,
      text: scoreText,
      better: 'higher',
    },
    {
      key: 'parameters',
      label: 'Trained',
      value: ({ trainableParameters }) => trainableParameters,
      text: ({ trainableParameters, backboneParameters }) =>
        known(
          trainableParameters,
          (value) =>
            `${formatCount(value)}${backboneParameters ? ` (${formatPercent(value / backboneParameters)})` : ''}`,
        ),
      better: 'lower',
    },
    {
      key: 'seconds',
      label: 'Time',
      value: ({ seconds }) => seconds?.mean,
      text: ({ seconds }) => known(seconds?.mean, formatDuration),
      better: 'lower',
    },
    {
      key: 'speed',
      label: 'Speed',
      unit: '1/s',
      value: ({ examplesPerSecond }) => examplesPerSecond?.mean,
      text: ({ examplesPerSecond }) => known(examplesPerSecond?.mean, formatNumber),
      better: 'higher',
    },
    {
      key: 'memory',
      label: 'Peak memory',
      value: ({ peakRssBytes }) => peakRssBytes?.mean,
      text: ({ peakRssBytes }) => known(peakRssBytes?.mean, formatBytes),
      better: 'lower',
    },
    {
      key: 'latency',
      label: 'Latency',
      unit: 'ms, p50 / p95',
      value: ({ latency }) => latency?.p50,
      text: ({ latency }) =>
        latency ? `${formatNumber(latency.p50)} / ${formatNumber(latency.p95)}` : absent,
      better: 'lower',
    },
    {
      key: 'forgetting',
      label: 'Forgetting',
      unit: 'nats',
      value: ({ forgetting }) => forgetting?.mean,
      text: ({ forgetting }) => known(forgetting?.mean, formatNumber),
      better: 'lower',
    },
    ...sequenceColumns,
  ]
}

/** A difference of scores in points, with its sign. */
const points = (value: number) => `${value < 0 ? '−' : '+'}${formatScore(Math.abs(value))}`

/** What became of tasks that were trained one after the other. */
const sequenceColumns: SummaryColumn[] = [
  {
    key: 'tasks',
    label: 'All tasks',
    unit: '%',
    value: ({ sequence }) => sequence?.averageScore?.mean,
    text: ({ sequence }) => known(sequence?.averageScore?.mean, formatScore),
    better: 'higher',
    hint: 'Average score: mean over all tasks of the sequence of the score after the last of them',
  },
  {
    key: 'forgotten',
    label: 'Forgotten',
    unit: 'points',
    value: ({ sequence }) => sequence?.forgetting?.mean,
    text: ({ sequence }) => known(sequence?.forgetting?.mean, points),
    better: 'lower',
    hint: 'Average forgetting: mean over the earlier tasks of the best score after an earlier stage less the score at the end (Chaudhry et al. 2018)',
  },
  {
    key: 'transfer',
    label: 'Transfer',
    unit: 'points',
    value: ({ sequence }) => sequence?.backwardTransfer?.mean,
    text: ({ sequence }) => known(sequence?.backwardTransfer?.mean, points),
    better: 'higher',
    hint: 'Backward transfer: mean over the earlier tasks of the score at the end less the score when it had just been trained (Lopez-Paz and Ranzato 2017)',
  },
]

/** Ids of the groups with the best value; none where fewer than two have one, or all are the same. */
export function bestOf(groups: readonly ComparedGroup[], { value, better }: SummaryColumn): Set<string> {
  const entries = groups.flatMap((group) => {
    const figure = value(group)
    return figure === undefined ? [] : [{ id: group.id, figure }]
  })
  const figures = entries.map(({ figure }) => figure)
  const top = better === 'higher' ? Math.max(...figures) : Math.min(...figures)
  const best = entries.filter(({ figure }) => figure === top)
  return new Set(best.length === entries.length ? [] : best.map(({ id }) => id))
}

/** The groups by one column; those without a value come last. */
export function sortGroups(
  groups: readonly ComparedGroup[],
  columns: readonly SummaryColumn[],
  sort: { key: string; descending: boolean },
): ComparedGroup[] {
  const column = columns.find(({ key }) => key === sort.key)
  const sign = sort.descending ? -1 : 1
  return [...groups].sort((a, b) => {
    const [x, y] = [column?.value(a), column?.value(b)]
    if (column === undefined) return sign * a.name.localeCompare(b.name)
    if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined)
    return sign * (x - y)
  })
}

/** `best`, `within noise (p 0.21)` or `below (p 0.003)`: how a group stands to the best of its dataset. */
export function standing(comparison: Comparison, group: ComparedGroup): string {
  const answer = comparison.answers.find(({ datasetId }) => datasetId === group.datasetId)
  if (answer === undefined || group.score === undefined) return absent
  if (answer.best === group.id) return 'best'
  const pair = comparison.pairs.find(
    ({ first, second }) =>
      (first === group.id && second === answer.best) || (second === group.id && first === answer.best),
  )
  if (pair === undefined) {
    const between = comparison.untested.find(
      ({ first, second }) => [first, second].includes(group.id) && [first, second].includes(answer.best),
    )
    return between === undefined ? absent : 'not tested'
  }
  return `${pair.significant ? 'below' : 'within noise'} (p ${pText(pair.adjustedP)})`
}

/** `0.003`, `< 0.001`. */
export function pText(p: number): string {
  return p < 0.001 ? '< 0.001' : String(Number(p.toPrecision(2)))
}
