import type { AdapterSummary } from '../../preload/contract.ts'
import type { Database } from './database.ts'

/** A stored adapter; `file` is relative to the home folder. */
export type AdapterRecord = AdapterSummary & { file: string }
export type NewAdapter = Omit<AdapterRecord, 'modelId'>

interface AdapterColumns {
  id: string
  name: string
  kind: AdapterSummary['kind']
  run_id: string | null
  model_hash: string
  model_name: string
  /** Of the model that has this hash now, where there is one. */
  model_id: string | null
  dataset_name: string
  method: string
  family: AdapterSummary['family']
  labels: string
  adapter_ids: string
  parameters: number
  bytes: number
  file: string
  score: string | null
  created_at: string
}

const select = `
  SELECT adapters.*, (SELECT models.id FROM models WHERE models.hash = adapters.model_hash LIMIT 1) AS model_id
  FROM adapters`

export function insertAdapter(database: Database, adapter: NewAdapter): void {
  database
    .prepare<[Omit<AdapterColumns, 'model_id'>]>(
      `INSERT INTO adapters (id, name, kind, run_id, model_hash, model_name, dataset_name, method, family, labels,
         adapter_ids, parameters, bytes, file, score, created_at)
       VALUES (@id, @name, @kind, @run_id, @model_hash, @model_name, @dataset_name, @method, @family, @labels,
         @adapter_ids, @parameters, @bytes, @file, @score, @created_at)`,
    )
    .run({
      id: adapter.id,
      name: adapter.name,
      kind: adapter.kind,
      run_id: adapter.runId ?? null,
      model_hash: adapter.modelHash,
      model_name: adapter.modelName,
      dataset_name: adapter.datasetName,
      method: JSON.stringify(adapter.method),
      family: adapter.family,
      labels: JSON.stringify(adapter.labels),
      adapter_ids: JSON.stringify(adapter.adapterIds),
      parameters: adapter.parameters,
      bytes: adapter.bytes,
      file: adapter.file,
      score: adapter.score === undefined ? null : JSON.stringify(adapter.score),
      created_at: adapter.createdAt,
    })
}

export function getAdapter(database: Database, id: string): AdapterRecord | undefined {
  const row = database.prepare<[string], AdapterColumns>(`${select} WHERE id = ?`).get(id)
  return row === undefined ? undefined : toRecord(row)
}

/** The newest first; with a hash, only those that belong to the backbone with these weights. */
export function listAdapters(database: Database, modelHash?: string): AdapterRecord[] {
  const hash = modelHash ?? null
  return database
    .prepare<[string | null, string | null], AdapterColumns>(
      `${select} WHERE ? IS NULL OR model_hash = ? ORDER BY created_at DESC, rowid DESC`,
    )
    .all(hash, hash)
    .map(toRecord)
}

/** The stored adapter that a run has trained. */
export function findTrainedAdapter(database: Database, runId: string): string | undefined {
  return database
    .prepare<[string], string>(`SELECT id FROM adapters WHERE run_id = ? AND kind = 'adapter' LIMIT 1`)
    .pluck()
    .get(runId)
}

export function listAdapterNames(database: Database): string[] {
  return database.prepare<[], string>('SELECT name FROM adapters').pluck().all()
}

/** Names of the adapters' files, relative to the home folder. */
export function listAdapterFiles(database: Database): string[] {
  return database.prepare<[], string>('SELECT file FROM adapters').pluck().all()
}

export function renameAdapter(database: Database, id: string, name: string): void {
  database.prepare<[string, string]>('UPDATE adapters SET name = ? WHERE id = ?').run(name, id)
}

/** False when there is no such adapter. Fails on one that a run builds on. */
export function removeAdapter(database: Database, id: string): boolean {
  return database.prepare<[string]>('DELETE FROM adapters WHERE id = ?').run(id).changes > 0
}

/** Runs that build on an adapter, the newest first. */
export function listUsers(database: Database, adapterId: string): { id: string; name: string }[] {
  return database
    .prepare<[string], { id: string; name: string }>(
      `SELECT DISTINCT runs.id, runs.name, runs.number FROM run_adapters
       JOIN runs ON runs.number = run_adapters.run WHERE adapter_id = ? ORDER BY runs.number DESC`,
    )
    .all(adapterId)
    .map(({ id, name }) => ({ id, name }))
}

/** Names of the stored fusions that weigh an adapter. */
export function listFusionsOf(database: Database, adapterId: string): string[] {
  return database
    .prepare<[string], string>(
      `SELECT name FROM adapters WHERE ? IN (SELECT value FROM json_each(adapter_ids)) ORDER BY name`,
    )
    .pluck()
    .all(adapterId)
}

function toRecord(row: AdapterColumns): AdapterRecord {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    method: JSON.parse(row.method),
    family: row.family,
    modelHash: row.model_hash,
    modelName: row.model_name,
    ...(row.model_id === null ? {} : { modelId: row.model_id }),
    ...(row.run_id === null ? {} : { runId: row.run_id }),
    datasetName: row.dataset_name,
    labels: JSON.parse(row.labels),
    adapterIds: JSON.parse(row.adapter_ids),
    parameters: row.parameters,
    bytes: row.bytes,
    ...(row.score === null ? {} : { score: JSON.parse(row.score) }),
    createdAt: row.created_at,
    file: row.file,
  }
}
