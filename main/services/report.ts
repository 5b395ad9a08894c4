import packageJson from '../../package.json' with { type: 'json' }
import type { Comparison, Handlers, Report, ReportInput, RunDetail } from '../../preload/contract.ts'
import { CurvesInput } from '../../preload/contract.ts'
import { reportCsv } from '../formats/report-csv.ts'
import type { ReportCurves, ReportData } from '../formats/report-data.ts'
import { reportHtml } from '../formats/report-html.ts'
import { reportMarkdown } from '../formats/report-markdown.ts'
import type { Database } from '../store/database.ts'
import { getExperiment } from '../store/experiments.ts'
import { getRun } from '../store/runs.ts'
import { readCurves } from './comparison-curves.ts'
import { toRunDetail } from './run-views.ts'

/** Points of a curve in a report: more than its width shows would only make the file larger. */
const pointsPerCurve = 150

export interface ReportServiceOptions {
  database: Database
  home: string
  compare: Handlers['comparison.get']
}

/** A comparison as one file to keep, send or print. */
export function createReportService(options: ReportServiceOptions): Pick<Handlers, 'report.create'> {
  return { 'report.create': (input) => createReport(options, input) }
}

async function createReport(
  { database, home, compare }: ReportServiceOptions,
  { format, title, question, theme, ...input }: ReportInput,
): Promise<Report> {
  const comparison = await compare(input)
  const experiment =
    input.experimentId === undefined ? undefined : getExperiment(database, input.experimentId)
  const ids = [...new Set(comparison.groups.flatMap(({ runs }) => runs.map(({ id }) => id)))]
  const data: ReportData = {
    title: title ?? experiment?.name ?? `Comparison of ${comparison.groups.length} variants`,
    question: question ?? experiment?.question ?? '',
    createdAt: new Date().toISOString(),
    version: packageJson.version,
    comparison,
    runs: ids.flatMap((id): RunDetail[] => {
      const run = getRun(database, id)
      return run === undefined ? [] : [toRunDetail(database, home, run)]
    }),
    curves: reportCurves(database, comparison),
    ...(experiment === undefined ? {} : { experiment: experiment.config }),
    theme,
  }
  const stem = fileStem(data.title)
  switch (format) {
    case 'html':
      return { fileName: `${stem}.html`, mediaType: 'text/html', content: await reportHtml(data) }
    case 'markdown':
      return { fileName: `${stem}.md`, mediaType: 'text/markdown', content: reportMarkdown(data) }
    case 'csv':
      return { fileName: `${stem}.csv`, mediaType: 'text/csv', content: reportCsv(data) }
  }
}

/** Validation score and training loss of each dataset's groups. */
function reportCurves(database: Database, { groups, metric }: Comparison): ReportCurves[] {
  const datasets = Map.groupBy(groups, ({ datasetId }) => datasetId)
  return [...datasets].flatMap(([datasetId, alike]) =>
    [`validation.${metric}`, 'train.loss'].map((name): ReportCurves => {
      const lines = alike.flatMap((group): ReportCurves['lines'] => {
        const runIds = group.runs.map(({ id }) => id)
        const { curves, bands } = readCurves(
          database,
          CurvesInput.parse({
            runIds,
            names: [name],
            points: pointsPerCurve,
            smoothing: name === 'train.loss' ? 0.9 : 0,
            bands: runIds.length > 1 ? [runIds] : [],
          }),
        )
        const [first] = curves
        const [band] = bands
        if (first === undefined) return []
        const curve = { x: first.x, y: first.smoothed ?? first.y }
        return [{ group: group.id, curve, ...(band && band.x.length > 1 ? { band } : {}) }]
      })
      return { datasetId, metric: name === 'train.loss' ? 'train.loss, smoothed' : name, lines }
    }),
  )
}

/** A name for a file on any system. */
function fileStem(title: string): string {
  const words = title.normalize('NFKD').replaceAll(/[^\p{L}\p{N}]+/gu, '-')
  return (
    words
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 80)
      .toLowerCase() || 'report'
  )
}
