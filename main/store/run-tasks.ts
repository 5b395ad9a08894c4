import type { RunStatus, RunTask } from '../../preload/contract.ts'
import type { Database } from './database.ts'

/** A dataset that a run trains; dataset name and hash are copies, as it may be removed once the run has ended. */
export interface RunTaskRecord extends RunTask {
  datasetName: string
  datasetHash: string
}

/**
 * A stored adapter that a run builds on, under the name of its parameters in the run's state dict, or a stored head or
 * fusion that its own begins with.
 */
export interface RunAdapterRecord {
  adapterId: string
  name: string
}

interface TaskColumns {
  dataset_id: string
  dataset_name: string
  dataset_hash: string
  name: string
  labels: string
}

/** @param run the run's number */
export function insertRunTasks(database: Database, run: number, tasks: readonly RunTaskRecord[]): void {
  const insert = database.prepare<[number, number, string, string, string, string, string]>(
    `INSERT INTO run_tasks (run, position, dataset_id, dataset_name, dataset_hash, name, labels)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  )
  tasks.forEach(({ datasetId, datasetName, datasetHash, name, labels }, position) =>
    insert.run(run, position, datasetId, datasetName, datasetHash, name, JSON.stringify(labels)),
  )
}

/** @param run the run's number */
export function insertRunAdapters(
  database: Database,
  run: number,
  adapters: readonly RunAdapterRecord[],
): void {
  const insert = database.prepare<[number, number, string, string]>(
    'INSERT INTO run_adapters (run, position, adapter_id, name) VALUES (?, ?, ?, ?)',
  )
  adapters.forEach(({ adapterId, name }, position) => insert.run(run, position, adapterId, name))
}

/** The tasks of a run, its own dataset first. */
export function listRunTasks(database: Database, runId: string): RunTaskRecord[] {
  return database
    .prepare<[string], TaskColumns>(
      `SELECT * FROM run_tasks WHERE run = (SELECT number FROM runs WHERE id = ?) ORDER BY position`,
    )
    .all(runId)
    .map((row) => ({
      datasetId: row.dataset_id,
      datasetName: row.dataset_name,
      datasetHash: row.dataset_hash,
      name: row.name,
      labels: JSON.parse(row.labels),
    }))
}

/** The stored adapters that a run builds on, in order; without the heads and fusions that it only begins with. */
export function listRunAdapters(database: Database, runId: string): RunAdapterRecord[] {
  return database
    .prepare<[string], RunAdapterRecord>(
      `SELECT adapter_id AS adapterId, run_adapters.name FROM run_adapters
       JOIN adapters ON adapters.id = adapter_id
       WHERE run = (SELECT number FROM runs WHERE id = ?) AND kind = 'adapter' ORDER BY position`,
    )
    .all(runId)
}

/** The newest run that trains a dataset, as one task or among several, and has not ended for good, if there is one. */
export function findUnfinishedRunOfDataset(
  database: Database,
  datasetId: string,
): { name: string; status: RunStatus } | undefined {
  return database
    .prepare<[string], { name: string; status: RunStatus }>(
      `SELECT runs.name, status FROM run_tasks JOIN runs ON runs.number = run_tasks.run
       WHERE run_tasks.dataset_id = ? AND status IN ('queued', 'running', 'paused', 'interrupted')
       ORDER BY runs.number DESC LIMIT 1`,
    )
    .get(datasetId)
}
