import { createHash, randomBytes } from 'node:crypto'

import {
  RunConfig,
  WorkbenchError,
  type Handlers,
  type ImportPreview,
  type MetricPoint,
  type RunImport,
  type RunSummary,
  type Scores,
} from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import { listDatasets } from '../store/datasets.ts'
import { listModels } from '../store/models.ts'
import { writeMetrics } from '../store/run-metrics.ts'
import { annotateRuns } from '../store/run-summaries.ts'
import { insertRun, markImported, updateRun } from '../store/runs.ts'
import type { Publish } from './events.ts'
import { seedInName } from './import-runs-names.ts'
import { readFoundRuns, type FoundRun } from './import-runs-read.ts'
import { toRunSummary, variantOf } from './run-views.ts'

export interface ImportOptions {
  database: Database
  home: string
  publish: Publish
}

/** Results of other programs become finished runs, so that they can stand beside new ones. */
export function createRunImporter(
  options: ImportOptions,
): Pick<Handlers, 'runs.previewImport' | 'runs.import'> {
  return {
    async 'runs.previewImport'(input): Promise<ImportPreview> {
      const { runs, warnings } = await readFoundRuns(input)
      return { runs: runs.map((run) => ({ ...previewOf(run), name: nameOf(run, runs, input) })), warnings }
    },
    async 'runs.import'(input) {
      const { runs, warnings } = await readFoundRuns(input)
      if (runs.length === 0) {
        const reasons = warnings.length > 0 ? ` ${warnings.join(' ')}` : ''
        throw new WorkbenchError('bad-input', `paths: nothing to import was found.${reasons}`)
      }
      const { database, home, publish } = options
      const ids = database.transaction(() =>
        runs.map((run) => insertFound(database, run, nameOf(run, runs, input), input)),
      )()
      return ids.map((id): RunSummary => {
        const summary = toRunSummary(database, home, id)
        publish('run.changed', summary)
        return summary
      })
    },
  }
}

function previewOf({ name, source, format, names }: FoundRun): ImportPreview['runs'][number] {
  return { name, source, format, metrics: Array.from(names, ([given, found]) => ({ name: given, ...found })) }
}

function nameOf({ name }: FoundRun, all: readonly FoundRun[], input: RunImport): string {
  if (input.name === undefined) return name.slice(0, 200)
  return (all.length === 1 ? input.name : `${input.name} · ${name}`).slice(0, 200)
}

/** @returns the new run's id */
function insertFound(database: Database, found: FoundRun, name: string, input: RunImport): string {
  const { method, family, modelName, datasetName, tags } = input
  // Where model and data are known here under these names, the run stands beside those of the same.
  const model = listModels(database).find((known) => known.name === modelName)
  const dataset = listDatasets(database).find((known) => known.name === datasetName)
  const { seed = 1, rest } = seedInName(found.name)
  const lastStep = found.points.reduce((most, { step }) => Math.max(most, step), 0)
  const config = RunConfig.parse({
    name,
    modelId: model?.id ?? `imported ${modelName}`,
    datasetId: dataset?.id ?? `imported ${datasetName}`,
    // Runs of one import that differ in more than their seed are different variants.
    method: { name: method, options: { source: rest } },
    training: { seed },
  })
  const id = randomBytes(6).toString('hex')
  const now = new Date().toISOString()
  insertRun(database, {
    id,
    name,
    method,
    family,
    modelId: config.modelId,
    modelName,
    datasetId: config.datasetId,
    datasetName,
    datasetHash: dataset?.hash ?? createHash('sha256').update(datasetName).digest('hex'),
    tasks: [],
    adapters: [],
    config,
    variant: variantOf(config),
    createdAt: now,
  })
  const best = bestOf(found.points)
  const test = completeScores(found.points, 'test')
  updateRun(database, id, {
    status: 'finished',
    startedAt: now,
    endedAt: now,
    ...(best ? { best } : {}),
    ...(test ? { test } : {}),
    progress: {
      epoch: 1,
      epochs: 1,
      step: lastStep,
      steps: lastStep,
      seconds: 0,
      secondsLeft: undefined,
      phase: 'saving',
    },
  })
  markImported(database, id)
  if (tags.length > 0) annotateRuns(database, { ids: [id], addTags: tags, removeTags: [] })
  writeMetrics(database, id, found.points)
  return id
}

/** The best validation score, in the first of our metrics that the run has. */
function bestOf(points: readonly MetricPoint[]): RunSummary['best'] {
  for (const metric of ['accuracy', 'macroF1', 'matthews'] as const) {
    const own = points.filter(({ name }) => name === `validation.${metric}`)
    const [first] = own
    if (first === undefined) continue
    const best = own.reduce((most, point) => (point.value > most.value ? point : most), first)
    return { epoch: own.indexOf(best) + 1, metric, value: best.value }
  }
  return undefined
}

/** All scores of a split; undefined where one of them is missing. */
function completeScores(points: readonly MetricPoint[], split: string): Scores | undefined {
  const last = (metric: string): number | undefined =>
    points.findLast(({ name }) => name === `${split}.${metric}`)?.value
  const [accuracy, macroF1, matthews, loss] = ['accuracy', 'macroF1', 'matthews', 'loss'].map(last)
  return accuracy === undefined || macroF1 === undefined || matthews === undefined || loss === undefined
    ? undefined
    : { accuracy, macroF1, matthews, loss }
}
