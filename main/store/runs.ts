import {
  RunConfig,
  type ConfusionMatrix,
  type EngineChoice,
  type MethodFamily,
  type RunAnalysis,
  type RunEnvironment,
  type RunProgress,
  type RunStatus,
  type RunSummary,
  type Scores,
  type TaskResult,
} from '../../preload/contract.ts'
import { updateRow, type Database } from './database.ts'
import {
  bestOf,
  identityOf,
  joinBestSoFar,
  parseColumn,
  selectBestSoFar,
  type CommonRunColumns,
} from './run-columns.ts'
import { insertRunAdapters, insertRunTasks, type RunAdapterRecord, type RunTaskRecord } from './run-tasks.ts'

/** What is known of a run when it is put into the queue, and never changes but for the name. */
export interface NewRun {
  id: string
  name: string
  method: string
  family: MethodFamily
  modelId: string
  modelName: string
  datasetId: string
  datasetName: string
  datasetHash: string
  /** What it trains: its own dataset first. */
  tasks: RunTaskRecord[]
  /** Stored adapters that it builds on, in order. */
  adapters: RunAdapterRecord[]
  config: RunConfig
  createdAt: string
  /** The same for runs that differ in name and seed only. */
  variant?: string
  trainableParameters?: number
  backboneParameters?: number
}

/** What changes while a run lives. */
export interface RunState {
  name: string
  status: RunStatus
  startedAt: string | undefined
  endedAt: string | undefined
  /** Process id of the trainer that has this run, or had it when the program went away. */
  trainerPid: number | undefined
  progress: RunProgress | undefined
  environment: RunEnvironment | undefined
  trainableParameters: number | undefined
  backboneParameters: number | undefined
  backboneHashBefore: string | undefined
  backboneHashAfter: string | undefined
  best: RunSummary['best']
  test: Scores | undefined
  confusion: ConfusionMatrix[] | undefined
  taskResults: TaskResult[] | undefined
  analysis: RunAnalysis | undefined
  examplesPerSecond: number | undefined
  stepMs: number | undefined
  peakRssBytes: number | undefined
  seconds: number | undefined
  error: string | undefined
}

/** One run as stored. Its tasks and the adapters that it builds on are in tables of their own (run-tasks.ts). */
export interface RunRecord
  extends
    Omit<NewRun, 'trainableParameters' | 'backboneParameters' | 'variant' | 'tasks' | 'adapters'>,
    RunState {}

interface RunColumns extends CommonRunColumns {
  number: number
  queue_order: number | null
  dataset_hash: string
  labels: string
  seed: number
  config: string
  started_at: string | null
  ended_at: string | null
  trainer_pid: number | null
  progress: string | null
  environment: string | null
  trainable_parameters: number | null
  backbone_parameters: number | null
  backbone_hash_before: string | null
  backbone_hash_after: string | null
  test: string | null
  confusion: string | null
  task_results: string | null
  analysis: string | null
  examples_per_second: number | null
  step_ms: number | null
  peak_rss_bytes: number | null
  seconds: number | null
  error: string | null
}

const columnOf = {
  name: 'name',
  status: 'status',
  startedAt: 'started_at',
  endedAt: 'ended_at',
  trainerPid: 'trainer_pid',
  progress: 'progress',
  environment: 'environment',
  trainableParameters: 'trainable_parameters',
  backboneParameters: 'backbone_parameters',
  backboneHashBefore: 'backbone_hash_before',
  backboneHashAfter: 'backbone_hash_after',
  best: 'best',
  test: 'test',
  confusion: 'confusion',
  taskResults: 'task_results',
  analysis: 'analysis',
  examplesPerSecond: 'examples_per_second',
  stepMs: 'step_ms',
  peakRssBytes: 'peak_rss_bytes',
  seconds: 'seconds',
  error: 'error',
} as const satisfies Record<keyof RunState, keyof RunColumns>

const select = `SELECT runs.*, ${selectBestSoFar} FROM runs ${joinBestSoFar}`

/** Stores a run with the status `queued`, last in the queue, with its tasks and the adapters that it builds on. */
export function insertRun(database: Database, run: NewRun): void {
  const insert = database
    .prepare<[Record<string, string | number | null>], number>(
      `INSERT INTO runs (id, name, status, queue_order, method, family, model_id, model_name, dataset_id,
         dataset_name, dataset_hash, labels, seed, best_metric, config, created_at, variant,
         trainable_parameters, backbone_parameters)
       VALUES (@id, @name, 'queued', (SELECT coalesce(max(queue_order), 0) + 1 FROM runs), @method, @family,
         @modelId, @modelName, @datasetId, @datasetName, @datasetHash, @labels, @seed, @bestMetric, @config,
         @createdAt, @variant, @trainableParameters, @backboneParameters)
       RETURNING number`,
    )
    .pluck()
  database.transaction(() => {
    const number = insert.get({
      id: run.id,
      name: run.name,
      method: run.method,
      family: run.family,
      modelId: run.modelId,
      modelName: run.modelName,
      datasetId: run.datasetId,
      datasetName: run.datasetName,
      datasetHash: run.datasetHash,
      labels: JSON.stringify(run.tasks[0]?.labels ?? []),
      seed: run.config.training.seed,
      bestMetric: run.config.training.bestMetric,
      config: JSON.stringify(run.config),
      createdAt: run.createdAt,
      variant: run.variant ?? null,
      trainableParameters: run.trainableParameters ?? null,
      backboneParameters: run.backboneParameters ?? null,
    })
    if (number === undefined) return
    insertRunTasks(database, number, run.tasks)
    insertRunAdapters(database, number, run.adapters)
  })()
}

export function getRun(database: Database, id: string): RunRecord | undefined {
  const row = database.prepare<[string], RunColumns>(`${select} WHERE runs.id = ?`).get(id)
  return row === undefined ? undefined : toRecord(row)
}

/** The newest run that uses a model, if one does. */
export function findRunOfModel(database: Database, modelId: string): { name: string } | undefined {
  return database
    .prepare<[string], { name: string }>(
      'SELECT name FROM runs WHERE model_id = ? ORDER BY number DESC LIMIT 1',
    )
    .get(modelId)
}

export function listAllRunIds(database: Database): string[] {
  return database.prepare<[], string>('SELECT id FROM runs').pluck().all()
}

/** The device that a run's configuration names. */
export function getDeviceChoice(database: Database, id: string): EngineChoice['device'] | undefined {
  return database
    .prepare<[string], EngineChoice['device']>(
      `SELECT json_extract(config, '$.engine.device') FROM runs WHERE id = ?`,
    )
    .pluck()
    .get(id)
}

/** Ids of the runs with one of these statuses; queued ones in the order of the queue. */
export function listRunIds(database: Database, statuses: readonly RunStatus[]): string[] {
  return database
    .prepare<[string], string>(
      `SELECT id FROM runs WHERE status IN (SELECT value FROM json_each(?)) ORDER BY queue_order, number`,
    )
    .pluck()
    .all(JSON.stringify(statuses))
}

/** Sets the given fields; one that is given as undefined becomes unknown. No such run: nothing happens. */
export function updateRun(database: Database, id: string, changes: Partial<RunState>): void {
  updateRow<RunState>(database, 'runs', columnOf, id, changes)
}

/** Puts a run at the end of the queue again, without the end and the error of its last attempt. */
export function requeueRun(database: Database, id: string): void {
  database
    .prepare<[string]>(
      `UPDATE runs SET status = 'queued', ended_at = NULL, error = NULL,
         queue_order = (SELECT coalesce(max(queue_order), 0) + 1 FROM runs) WHERE id = ?`,
    )
    .run(id)
}

/** Lets queued runs go in this order. */
export function setQueueOrder(database: Database, ids: readonly string[]): void {
  const set = database.prepare<[number, string]>('UPDATE runs SET queue_order = ? WHERE id = ?')
  database.transaction(() => ids.forEach((id, index) => void set.run(index + 1, id)))()
}

/** Says that a run's figures come from files of another program. */
export function markImported(database: Database, id: string): void {
  database.prepare<[string]>('UPDATE runs SET imported = 1, queue_order = NULL WHERE id = ?').run(id)
}

export function isImported(database: Database, id: string): boolean {
  return database.prepare<[string], number>('SELECT imported FROM runs WHERE id = ?').pluck().get(id) === 1
}

/** The runs that go on from this one and have not finished. */
export function unfinishedAfter(database: Database, id: string): string[] {
  return database
    .prepare<[string], string>(
      `SELECT id FROM runs WHERE json_extract(config, '$.earlierRunId') = ? AND status <> 'finished' ORDER BY number`,
    )
    .pluck()
    .all(id)
}

/** Removes a run with its metrics, log and checkpoint rows. False when there is no such run. */
export function removeRun(database: Database, id: string): boolean {
  return database.prepare<[string]>('DELETE FROM runs WHERE id = ?').run(id).changes > 0
}

function toRecord(row: RunColumns): RunRecord {
  return {
    ...identityOf(row),
    datasetHash: row.dataset_hash,
    // A configuration that an older program stored lacks the settings that came later: they have their defaults.
    config: RunConfig.parse(JSON.parse(row.config)),
    startedAt: row.started_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
    trainerPid: row.trainer_pid ?? undefined,
    progress: parseColumn<RunProgress>(row.progress),
    environment: parseColumn<RunEnvironment>(row.environment),
    trainableParameters: row.trainable_parameters ?? undefined,
    backboneParameters: row.backbone_parameters ?? undefined,
    backboneHashBefore: row.backbone_hash_before ?? undefined,
    backboneHashAfter: row.backbone_hash_after ?? undefined,
    best: bestOf(row),
    test: parseColumn<Scores>(row.test),
    confusion: parseColumn<ConfusionMatrix[]>(row.confusion),
    taskResults: parseColumn<TaskResult[]>(row.task_results),
    analysis: parseColumn<RunAnalysis>(row.analysis),
    examplesPerSecond: row.examples_per_second ?? undefined,
    stepMs: row.step_ms ?? undefined,
    peakRssBytes: row.peak_rss_bytes ?? undefined,
    seconds: row.seconds ?? undefined,
    error: row.error ?? undefined,
  }
}
