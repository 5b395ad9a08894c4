import type { RunAnnotation, RunProgress, RunQuery, RunSummary, Scores } from '../../preload/contract.ts'
import type { Database } from './database.ts'
import {
  bestOf,
  identityOf,
  joinBestSoFar,
  parseColumn,
  selectBestSoFar,
  type CommonRunColumns,
} from './run-columns.ts'

/** What a list shows of a run, without what must be looked up elsewhere. */
export interface SummaryRecord extends Omit<RunSummary, 'resumable'> {
  /** As stored: undefined for runs of older programs. */
  variant?: string
  /** File of the latest checkpoint, relative to the run's folder, whether or not it is still there. */
  latestCheckpoint?: string
}

interface SummaryColumns extends CommonRunColumns {
  variant: string | null
  seed: number
  started_at: string | null
  ended_at: string | null
  progress: string | null
  trainable_parameters: number | null
  backbone_parameters: number | null
  test: string | null
  examples_per_second: number | null
  step_ms: number | null
  peak_rss_bytes: number | null
  seconds: number | null
  error: string | null
  tags: string | null
  notes: string | null
  archived: 0 | 1
  imported: 0 | 1
  latest_path: string | null
  experiment_id: string | null
  experiment_name: string | null
  experiment_variant: string | null
}

const select = `
  SELECT runs.id, runs.name, runs.status, method, family, runs.variant, model_id, model_name, dataset_id, dataset_name,
    seed, best_metric, runs.created_at, runs.started_at, runs.ended_at, progress, trainable_parameters,
    backbone_parameters, best, test, examples_per_second, step_ms, peak_rss_bytes, seconds, runs.error, tags, notes,
    archived, imported, ${selectBestSoFar},
    latest_checkpoint.path AS latest_path, experiments.id AS experiment_id, experiments.name AS experiment_name,
    experiment_steps.variant AS experiment_variant
  FROM runs ${joinBestSoFar}
  LEFT JOIN run_checkpoints AS latest_checkpoint
    ON runs.status <> 'finished' AND latest_checkpoint.run = runs.number AND latest_checkpoint.kind = 'latest'
  LEFT JOIN experiment_steps ON experiment_steps.run_id = runs.id
  LEFT JOIN experiments ON experiments.id = experiment_steps.experiment`

/** The newest first. */
export function listSummaries(
  database: Database,
  { archived = 'hide', experimentId }: RunQuery,
): SummaryRecord[] {
  const shown = archived === 'all' ? null : archived === 'only' ? 1 : 0
  const experiment = experimentId ?? null
  return database
    .prepare<[number | null, number | null, string | null, string | null], SummaryColumns>(
      `${select} WHERE (? IS NULL OR archived = ?) AND (? IS NULL OR experiments.id = ?) ORDER BY runs.number DESC`,
    )
    .all(shown, shown, experiment, experiment)
    .map(toSummary)
}

/** Those of these runs that are there, the newest first. */
export function getSummaries(database: Database, ids: readonly string[]): SummaryRecord[] {
  return database
    .prepare<[string], SummaryColumns>(
      `${select} WHERE runs.id IN (SELECT value FROM json_each(?)) ORDER BY runs.number DESC`,
    )
    .all(JSON.stringify(ids))
    .map(toSummary)
}

export function getSummary(database: Database, id: string): SummaryRecord | undefined {
  const row = database.prepare<[string], SummaryColumns>(`${select} WHERE runs.id = ?`).get(id)
  return row === undefined ? undefined : toSummary(row)
}

/** Sets what users write on runs. Ids that are not there are passed over. */
export function annotateRuns(database: Database, annotation: RunAnnotation): void {
  const { ids, addTags, removeTags, notes, archived } = annotation
  const readTags = database.prepare<[string], string | null>('SELECT tags FROM runs WHERE id = ?').pluck()
  const write = database.prepare<[string | null, string | null, number | null, string]>(
    `UPDATE runs SET tags = ?, notes = nullif(coalesce(?, notes), ''), archived = coalesce(?, archived) WHERE id = ?`,
  )
  database.transaction(() => {
    for (const id of ids) {
      const before = parseColumn<string[]>(readTags.get(id) ?? null) ?? []
      const tags = [...new Set([...before, ...addTags])].filter((tag) => !removeTags.includes(tag)).sort()
      write.run(
        tags.length > 0 ? JSON.stringify(tags) : null,
        notes ?? null,
        archived === undefined ? null : Number(archived),
        id,
      )
    }
  })()
}

function toSummary(row: SummaryColumns): SummaryRecord {
  const progress = parseColumn<RunProgress>(row.progress)
  return {
    ...identityOf(row),
    seed: row.seed,
    ...given('variant', row.variant),
    ...given('startedAt', row.started_at),
    ...given('endedAt', row.ended_at),
    ...given('progress', progress),
    ...given('trainableParameters', row.trainable_parameters),
    ...given('backboneParameters', row.backbone_parameters),
    ...given('best', bestOf(row)),
    ...given('test', parseColumn<Scores>(row.test)),
    ...given('examplesPerSecond', row.examples_per_second),
    ...given('stepMs', row.step_ms),
    ...given('peakRssBytes', row.peak_rss_bytes),
    ...given('seconds', row.seconds ?? progress?.seconds),
    ...given('error', row.error),
    ...given('tags', parseColumn<string[]>(row.tags)),
    ...given('notes', row.notes),
    ...(row.archived === 1 ? { archived: true } : {}),
    ...(row.imported === 1 ? { imported: true } : {}),
    ...given('experiment', experimentOf(row)),
    ...given('latestCheckpoint', row.latest_path),
  }
}

function experimentOf(row: SummaryColumns): RunSummary['experiment'] {
  const { experiment_id: id, experiment_name: name, experiment_variant: variant } = row
  return id === null || name === null || variant === null ? undefined : { id, name, variant }
}

/** The field, unless there is nothing to put into it. */
function given<Name extends string, Value>(
  name: Name,
  value: Value | null | undefined,
): { [Key in Name]?: Value } {
  return value === null || value === undefined ? {} : ({ [name]: value } as { [Key in Name]: Value })
}
