import type {
  ExperimentConfig,
  ExperimentStatus,
  PlannedRun,
  RunStatus,
  RunSummary,
  Scores,
} from '../../preload/contract.ts'
import { updateRow, type Database } from './database.ts'

export interface ExperimentRecord {
  id: string
  name: string
  question: string
  status: ExperimentStatus
  priority: number
  config: ExperimentConfig
  createdAt: string
  startedAt?: string
  endedAt?: string
}

/** `started`: its run says how it goes; `failed`: its run could not even be started. */
export type StoredStepStatus = 'waiting' | 'started' | 'blocked' | 'left-out' | 'failed'

/** What the run of a step has come to. */
export interface StepRun {
  status: RunStatus
  best: RunSummary['best']
  test: Scores | undefined
  error: string | undefined
  /** Share of its training steps, 0 to 1. */
  done: number
  seconds: number
}

export interface StepRecord {
  position: number
  plan: PlannedRun
  status: StoredStepStatus
  runId?: string
  error?: string
  /** Of its run, where that is still there. */
  run?: StepRun
}

interface ExperimentColumns {
  id: string
  name: string
  question: string
  status: ExperimentStatus
  priority: number
  config: string
  created_at: string
  started_at: string | null
  ended_at: string | null
}

interface StepColumns {
  position: number
  status: StoredStepStatus
  run_id: string | null
  plan: string
  error: string | null
  run_status: RunStatus | null
  run_best: string | null
  run_test: string | null
  run_error: string | null
  run_progress: string | null
  run_seconds: number | null
}

export function insertExperiment(
  database: Database,
  experiment: Omit<ExperimentRecord, 'startedAt' | 'endedAt'>,
  plan: readonly PlannedRun[],
): void {
  const { id, name, question, status, priority, config, createdAt } = experiment
  const insertStep = database.prepare<[string, number, string, string, string]>(
    `INSERT INTO experiment_steps (experiment, position, key, status, variant, plan)
     VALUES (?, ?, ?, 'waiting', ?, ?)`,
  )
  database.transaction(() => {
    database
      .prepare<[string, string, string, string, number, string, string]>(
        `INSERT INTO experiments (id, name, question, status, priority, config, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(id, name, question, status, priority, JSON.stringify(config), createdAt)
    plan.forEach((run, position) => insertStep.run(id, position, run.key, run.variant, JSON.stringify(run)))
  })()
}

/** The newest first. */
export function listExperiments(database: Database): ExperimentRecord[] {
  return database
    .prepare<[], ExperimentColumns>('SELECT * FROM experiments ORDER BY created_at DESC, rowid DESC')
    .all()
    .map(toRecord)
}

export function getExperiment(database: Database, id: string): ExperimentRecord | undefined {
  const row = database.prepare<[string], ExperimentColumns>('SELECT * FROM experiments WHERE id = ?').get(id)
  return row === undefined ? undefined : toRecord(row)
}

/** Those with one of these statuses in the order in which they are to be served: by priority, then by age. */
export function listExperimentIds(database: Database, status: ExperimentStatus): string[] {
  return database
    .prepare<[string], string>(
      'SELECT id FROM experiments WHERE status = ? ORDER BY priority DESC, created_at, rowid',
    )
    .pluck()
    .all(status)
}

/** The experiment that started a run, if one did. */
export function experimentOfRun(database: Database, runId: string): string | undefined {
  return database
    .prepare<[string], string>('SELECT experiment FROM experiment_steps WHERE run_id = ?')
    .pluck()
    .get(runId)
}

/** What changes while an experiment lives. */
export interface ExperimentState extends Pick<ExperimentRecord, 'name' | 'question' | 'status' | 'priority'> {
  startedAt: string | undefined
  endedAt: string | undefined
}

const columnOf = {
  name: 'name',
  question: 'question',
  status: 'status',
  priority: 'priority',
  startedAt: 'started_at',
  endedAt: 'ended_at',
} as const satisfies Record<keyof ExperimentState, keyof ExperimentColumns>

/** Sets the given fields; one that is given as undefined becomes unknown. */
export function updateExperiment(database: Database, id: string, changes: Partial<ExperimentState>): void {
  updateRow<ExperimentState>(database, 'experiments', columnOf, id, changes)
}

export function removeExperiment(database: Database, id: string): void {
  database.prepare<[string]>('DELETE FROM experiments WHERE id = ?').run(id)
}

/** The steps of an experiment in the order of its plan, with what their runs have come to. */
export function listSteps(database: Database, experiment: string): StepRecord[] {
  return database
    .prepare<[string], StepColumns>(
      `SELECT position, steps.status, steps.run_id, steps.plan, steps.error, runs.status AS run_status,
         runs.best AS run_best, runs.test AS run_test, runs.error AS run_error, runs.progress AS run_progress, runs.seconds AS run_seconds
       FROM experiment_steps AS steps LEFT JOIN runs ON runs.id = steps.run_id
       WHERE experiment = ? ORDER BY position`,
    )
    .all(experiment)
    .map(toStep)
}

export function updateStep(
  database: Database,
  experiment: string,
  { position, plan, status, runId, error }: StepRecord,
): void {
  database
    .prepare<[string, string | null, string, string | null, string, number]>(
      `UPDATE experiment_steps SET status = ?, run_id = ?, plan = ?, error = ?
       WHERE experiment = ? AND position = ?`,
    )
    .run(status, runId ?? null, JSON.stringify(plan), error ?? null, experiment, position)
}

function toRecord(row: ExperimentColumns): ExperimentRecord {
  const { name, question, priority } = row
  return {
    id: row.id,
    name,
    question,
    status: row.status,
    priority,
    // These can be changed after it was created.
    config: { ...JSON.parse(row.config), name, question, priority },
    createdAt: row.created_at,
    ...(row.started_at === null ? {} : { startedAt: row.started_at }),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
  }
}

function toStep(row: StepColumns): StepRecord {
  const progress: { step: number; steps: number; seconds: number } | null = JSON.parse(
    row.run_progress ?? 'null',
  )
  const best: RunSummary['best'] | null = JSON.parse(row.run_best ?? 'null')
  const test: Scores | null = JSON.parse(row.run_test ?? 'null')
  return {
    position: row.position,
    plan: JSON.parse(row.plan),
    status: row.status,
    ...(row.run_id === null ? {} : { runId: row.run_id }),
    ...(row.error === null ? {} : { error: row.error }),
    ...(row.run_status === null
      ? {}
      : {
          run: {
            status: row.run_status,
            best: best ?? undefined,
            test: test ?? undefined,
            error: row.run_error ?? undefined,
            done: progress === null || progress.steps === 0 ? 0 : progress.step / progress.steps,
            seconds: row.run_seconds ?? progress?.seconds ?? 0,
          },
        }),
  }
}
