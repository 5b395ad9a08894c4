import type { ComparedGroup, ScoreName, Spread } from '../../preload/contract.ts'
import { byDataset, fullName, scoreNames, type ReportData, type ReportTable } from './report-data.ts'

const none = '–'

interface Column {
  header: string
  cell: (group: ComparedGroup) => string
  /** What the best has most of (or, with `least`, least of); left out: there is no best. */
  value?: (group: ComparedGroup) => number | undefined
  least?: boolean
}

/** The summary of each dataset. */
export function summaryTables({ comparison }: ReportData): ReportTable[] {
  const { metric, groups: all, split } = comparison
  return byDataset(all).map(({ datasetName, groups }) => {
    const columns = [
      { header: 'variant', cell: (group: ComparedGroup) => fullName(group, all) },
      ...columnsOf(metric),
    ].filter(({ cell }) => groups.some((group) => cell(group) !== none))
    return {
      title: `${datasetName}, ${split} rows`,
      header: columns.map(({ header }) => header),
      rows: groups.map((group) => ({
        cells: columns.map(({ cell }) => cell(group)),
        best: columns.map((column) => isBest(column, group, groups)),
      })),
    }
  })
}

function columnsOf(metric: ScoreName): Column[] {
  return [
    {
      header: metric === 'matthews' ? scoreNames[metric] : `${scoreNames[metric]} (%), 95 % interval`,
      cell: (group) => scoreCell(group, metric),
      value: ({ score }) => score?.mean,
    },
    { header: 'seeds', cell: ({ score }) => (score ? String(score.values.length) : none) },
    {
      header: 'trained parameters',
      cell: ({ trainableParameters: count }) => whole(count),
      value: ({ trainableParameters }) => trainableParameters,
      least: true,
    },
    {
      header: 'share of the backbone (%)',
      cell: ({ trainableParameters: count, backboneParameters: all }) =>
        count === undefined || !all ? none : figure((100 * count) / all),
    },
    {
      header: 'training (s)',
      cell: ({ seconds }) => figure(seconds?.mean),
      value: ({ seconds }) => seconds?.mean,
      least: true,
    },
    {
      header: 'examples/s',
      cell: ({ examplesPerSecond }) => figure(examplesPerSecond?.mean),
      value: ({ examplesPerSecond }) => examplesPerSecond?.mean,
    },
    {
      header: 'peak memory (MB)',
      cell: ({ peakRssBytes }) => whole(peakRssBytes && peakRssBytes.mean / 1e6),
      value: ({ peakRssBytes }) => peakRssBytes?.mean,
      least: true,
    },
    {
      header: 'latency p50 / p95 (ms)',
      cell: ({ latency }) => (latency ? `${figure(latency.p50)} / ${figure(latency.p95)}` : none),
      value: ({ latency }) => latency?.p50,
      least: true,
    },
    {
      header: 'forgetting (nats)',
      cell: ({ forgetting }) => (forgetting ? forgetting.mean.toFixed(3) : none),
      value: ({ forgetting }) => forgetting?.mean,
      least: true,
    },
    {
      header: `forgetting of earlier tasks (${pointsOf(metric)})`,
      cell: ({ sequence }) => (sequence?.forgetting ? signedScore(sequence.forgetting, metric) : none),
      value: ({ sequence }) => sequence?.forgetting?.mean,
      least: true,
    },
  ]
}

function isBest({ value, least }: Column, group: ComparedGroup, groups: readonly ComparedGroup[]): boolean {
  const own = value?.(group)
  if (value === undefined || own === undefined || groups.length < 2) return false
  const all = groups.flatMap((other) => value(other) ?? [])
  // What every variant has alike is no one's merit.
  if (all.every((other) => other === all[0])) return false
  return own === (least ? Math.min(...all) : Math.max(...all))
}

/** Every tested pair of each dataset. */
export function significanceTables({ comparison }: ReportData): ReportTable[] {
  const { groups: all, pairs, metric } = comparison
  const named = new Map(all.map((group) => [group.id, fullName(group, all)]))
  const scale = metric === 'matthews' ? 1 : 100
  return byDataset(all).flatMap(({ datasetName, groups }) => {
    const ids = new Set(groups.map(({ id }) => id))
    const own = pairs.filter(({ first }) => ids.has(first))
    if (own.length === 0) return []
    return [
      {
        title: datasetName,
        header: [
          'first',
          'second',
          `difference (${pointsOf(metric)}), 95 % interval`,
          'test',
          'p',
          'p after Holm',
          'rows',
        ],
        rows: own.map((pair) => ({
          cells: [
            named.get(pair.first) ?? '',
            named.get(pair.second) ?? '',
            `${signed(pair.difference * scale)} [${signed(pair.low * scale)}, ${signed(pair.high * scale)}]`,
            pair.test === 'mcnemar' ? 'McNemar, exact' : 'paired bootstrap',
            probability(pair.p),
            probability(pair.adjustedP) + (pair.significant ? ' *' : ''),
            String(pair.rows),
          ],
          best: [],
        })),
      },
    ]
  })
}

/** Precision, recall and F1 of each class. */
export function classTables({ comparison }: ReportData): ReportTable[] {
  const { groups: all } = comparison
  return byDataset(all).flatMap(({ datasetName, groups }) => {
    const scored = groups.filter(({ classScores }) => classScores !== undefined)
    const labels = scored[0]?.classScores?.map(({ label }) => label) ?? []
    if (labels.length === 0) return []
    return [
      {
        title: `${datasetName}: F1 of each class (%)`,
        header: ['variant', ...labels],
        rows: scored.map((group) => ({
          cells: [
            fullName(group, all),
            ...labels.map((label) => {
              const own = group.classScores?.find((score) => score.label === label)
              return own ? (own.f1 * 100).toFixed(1) : none
            }),
          ],
          best: [
            false,
            ...labels.map((label) =>
              isBest(
                {
                  header: label,
                  cell: () => '',
                  value: ({ classScores }) => classScores?.find((score) => score.label === label)?.f1,
                },
                group,
                scored,
              ),
            ),
          ],
        })),
      },
    ]
  })
}

/** Settings in which the groups differ. */
export function settingsTable({ comparison: { groups } }: ReportData): ReportTable | undefined {
  const paths = [...new Set(groups.flatMap(({ settings }) => Object.keys(settings)))]
  if (paths.length === 0) return undefined
  return {
    title: 'Settings that differ',
    header: ['variant', 'dataset', ...paths],
    rows: groups.map((group) => ({
      cells: [
        fullName(group, groups),
        group.datasetName,
        ...paths.map((path) => {
          const value = group.settings[path]
          return value === undefined ? none : typeof value === 'string' ? value : JSON.stringify(value)
        }),
      ],
      best: [],
    })),
  }
}

/** Data, backbones, engines and machines that the runs came from. */
export function originTable({ runs }: ReportData): ReportTable {
  return {
    title: 'Runs',
    header: [
      'run',
      'status',
      'seed',
      'data (SHA-256)',
      'backbone before → after',
      'engine',
      'machine',
      'version',
    ],
    rows: runs.map((run) => ({
      cells: [
        `${run.name} (${run.id})`,
        run.imported ? 'imported' : run.status,
        String(run.seed),
        run.datasetHash.slice(0, 12) || none,
        `${run.backboneHashBefore?.slice(0, 12) ?? none} → ${run.backboneHashAfter?.slice(0, 12) ?? none}`,
        run.environment
          ? `${run.environment.engine} ${run.environment.engineVersion}, ${run.environment.device}, ${run.environment.threads} threads`
          : none,
        run.environment
          ? [run.environment.hardware, run.environment.processor, run.environment.platform]
              .filter((part) => part !== undefined)
              .join(', ')
          : none,
        run.environment?.workbench ?? none,
      ],
      best: [],
    })),
  }
}

export function scoreCell({ score }: ComparedGroup, metric: ScoreName): string {
  if (score === undefined) return none
  const show = (value: number): string =>
    metric === 'matthews' ? value.toFixed(3) : (value * 100).toFixed(1)
  const spread = score.basis === 'none' ? '' : ` ± ${show((score.high - score.low) / 2)}`
  return show(score.mean) + spread
}

/** Three significant figures. */
export function figure(value: number | undefined): string {
  if (value === undefined) return none
  return Math.abs(value) >= 100 ? whole(value) : String(Number(value.toPrecision(3)))
}

function whole(value: number | undefined): string {
  return value === undefined ? none : Math.round(value).toLocaleString('en-US')
}

/** Unit of a difference of scores. */
export function pointsOf(metric: ScoreName): string {
  return metric === 'matthews' ? 'points' : '%-points'
}

/** A mean score, with its deviation where there are several. */
export function spreadScore({ mean, deviation, values }: Spread, metric: ScoreName): string {
  const show = (value: number): string =>
    metric === 'matthews' ? value.toFixed(3) : (value * 100).toFixed(1)
  return values.length > 1 ? `${show(mean)} ± ${show(deviation)}` : show(mean)
}

/** A mean difference of scores with its sign, and its deviation where there are several. */
export function signedScore({ mean, deviation, values }: Spread, metric: ScoreName): string {
  const scale = metric === 'matthews' ? 1 : 100
  const spread = values.length > 1 ? ` ± ${(deviation * scale).toFixed(2)}` : ''
  return signed(mean * scale) + spread
}

function signed(value: number): string {
  const text = Math.abs(value).toFixed(2)
  return `${value < 0 && Number(text) !== 0 ? '−' : '+'}${text}`
}

function probability(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(3)
}
