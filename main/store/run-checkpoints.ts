import type { RunDetail } from '../../preload/contract.ts'
import type { Database } from './database.ts'

/** `path` is relative to the run's folder, so that a home folder can be moved. */
export type CheckpointRecord = RunDetail['checkpoints'][number]

/** Stores a checkpoint in place of the run's older one of the same kind. No such run: nothing happens. */
export function writeCheckpoint(database: Database, runId: string, checkpoint: CheckpointRecord): void {
  database
    .prepare<[CheckpointRecord & { runId: string }]>(
      `INSERT INTO run_checkpoints (run, kind, epoch, step, bytes, path)
       SELECT number, @kind, @epoch, @step, @bytes, @path FROM runs WHERE id = @runId
       ON CONFLICT (run, kind) DO UPDATE SET
         epoch = excluded.epoch, step = excluded.step, bytes = excluded.bytes, path = excluded.path`,
    )
    .run({ ...checkpoint, runId })
}

/** The best one first. Whether the files are still there is not asked. */
export function listCheckpoints(database: Database, runId: string): CheckpointRecord[] {
  return database
    .prepare<[string], CheckpointRecord>(
      `SELECT kind, epoch, step, bytes, path FROM run_checkpoints
       WHERE run = (SELECT number FROM runs WHERE id = ?) ORDER BY kind`,
    )
    .all(runId)
}
