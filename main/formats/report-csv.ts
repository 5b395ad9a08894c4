import { toCsv, type Cell } from './csv.ts'
import type { ReportData } from './report-data.ts'

/** One row for each run of the comparison, so that a spreadsheet can make anything of it. */
export function reportCsv({ comparison, runs }: ReportData): string {
  const { groups, metric, split } = comparison
  const paths = [...new Set(groups.flatMap(({ settings }) => Object.keys(settings)))]
  const columnOf = ({ without }: { without: readonly string[] }): string =>
    without.length === 0 ? 'validation with all parts' : `validation without ${without.join(' + ')}`
  const ablated = [
    ...new Set(runs.flatMap(({ analysis }) => analysis.contributions?.ablations.map(columnOf) ?? [])),
  ]
  const details = new Map(runs.map((run) => [run.id, run]))
  const rows = groups.flatMap((group) =>
    group.runs.map((run): Cell[] => {
      const detail = details.get(run.id)
      const { forgetting, latency, contributions } = detail?.analysis ?? {}
      const sequence = detail?.sequence?.figures[metric]
      return [
        ...[group.datasetName, group.modelName, group.name, group.method, group.family],
        ...[run.id, run.name, run.seed, run.status, metric, split, run.score],
        ...[group.score?.mean, group.score?.low, group.score?.high, group.score?.basis],
        ...[detail?.trainableParameters, detail?.backboneParameters, detail?.seconds],
        ...[detail?.examplesPerSecond, detail?.peakRssBytes, latency?.p50, latency?.p95],
        ...[forgetting && forgetting.after - forgetting.before, detail?.datasetHash],
        ...[sequence?.averageScore, sequence?.forgetting, sequence?.backwardTransfer],
        ...ablated.map(
          (column) => contributions?.ablations.find((one) => columnOf(one) === column)?.scores[metric],
        ),
        ...paths.map((path): Cell => {
          const value = group.settings[path]
          return value === undefined || typeof value === 'string' ? value : JSON.stringify(value)
        }),
      ]
    }),
  )
  return toCsv(
    [
      ...['dataset', 'model', 'variant', 'method', 'family'],
      ...['run', 'name', 'seed', 'status', 'metric', 'split', 'score'],
      ...['mean', 'low', 'high', 'interval'],
      ...['trainableParameters', 'backboneParameters', 'seconds'],
      ...['examplesPerSecond', 'peakRssBytes', 'latencyP50Ms', 'latencyP95Ms'],
      ...['forgettingNats', 'datasetHash'],
      ...['averageScoreOfTasks', 'forgettingOfTasks', 'backwardTransfer'],
      ...ablated,
      ...paths,
    ],
    rows,
  )
}
