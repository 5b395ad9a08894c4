import {
  WorkbenchError,
  type ConfigDiff,
  type Handlers,
  type RunAnnotation,
  type RunConfig,
} from '../../preload/contract.ts'
import { largestTriangles } from '../statistics/curves.ts'
import type { Database } from '../store/database.ts'
import { readFigures, readMetrics } from '../store/run-metrics.ts'
import { annotateRuns } from '../store/run-summaries.ts'
import type { Publish } from './events.ts'
import { findRunSummaries, requireRun } from './run-views.ts'
import { compareSettings } from './settings-diff.ts'

export type RunLibraryHandlers = Pick<
  Handlers,
  'runs.annotate' | 'runs.clone' | 'runs.diff' | 'runs.figures' | 'runs.sparklines'
>

/** What is done with runs once they are there: tags, notes, the archive, and looks at several at once. */
export function createRunLibrary(options: {
  database: Database
  home: string
  publish: Publish
}): RunLibraryHandlers {
  const { database, home, publish } = options

  function annotate(annotation: RunAnnotation) {
    const unfinished = findRunSummaries(database, home, annotation.ids).find(
      ({ status }) => status === 'running' || status === 'queued',
    )
    if (annotation.archived === true && unfinished !== undefined) {
      throw new WorkbenchError(
        'conflict',
        `“${unfinished.name}” is ${unfinished.status} and cannot be archived. Stop it first, or wait until it is done.`,
      )
    }
    annotateRuns(database, annotation)
    const changed = findRunSummaries(database, home, annotation.ids)
    for (const run of changed) publish('run.changed', run)
    return changed
  }

  return {
    'runs.annotate': annotate,
    'runs.clone': ({ id }) => withoutName(requireRun(database, id).config),
    'runs.diff': ({ ids, all }) => diff(database, ids, all),
    'runs.figures': ({ ids, names }) => readFigures(database, names, ids),
    'runs.sparklines': ({ ids, name, points }) =>
      ids.flatMap((runId) => {
        const [series] = readMetrics(database, runId, [name])
        if (series === undefined) return []
        const kept = [...largestTriangles(series.steps, series.values, points)]
        return [
          {
            runId,
            steps: kept.map((index) => series.steps[index] ?? 0),
            values: kept.map((index) => series.values[index] ?? 0),
          },
        ]
      }),
  }
}

function diff(database: Database, ids: readonly string[], all: boolean): ConfigDiff {
  const runs = ids.map((id) => requireRun(database, id))
  const settings = compareSettings(runs.map(({ config }) => withoutName(config)))
  return {
    runs: runs.map(({ id, name }) => ({ id, name })),
    settings: all ? settings : settings.filter(({ differs }) => differs),
  }
}

function withoutName({ name: _name, ...config }: RunConfig): RunConfig {
  return config
}
