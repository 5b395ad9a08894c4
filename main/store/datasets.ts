import type { DatasetDetail, DatasetSummary } from '../../preload/contract.ts'
import type { Database } from './database.ts'

type Rest = Omit<DatasetDetail, keyof DatasetSummary>

interface DatasetColumns {
  id: string
  name: string
  hash: string
  file: string
  task: DatasetSummary['task']
  rows: number
  rejected: number
  labels: string
  splits: string
  created_at: string
  sample: 0 | 1
  detail: string
}

/** `file`: the stored rows, relative to the home folder. Name and hash together are unique. */
export function insertDataset(database: Database, dataset: DatasetDetail, file: string): void {
  const rest: Rest = {
    labelCounts: dataset.labelCounts,
    lengthBucket: dataset.lengthBucket,
    lengths: dataset.lengths,
    duplicates: dataset.duplicates,
    files: dataset.files,
    rejectedRows: dataset.rejectedRows,
    splitSeed: dataset.splitSeed,
    validationShare: dataset.validationShare,
  }
  database
    .prepare<[DatasetColumns]>(
      `INSERT INTO datasets (id, name, hash, file, task, rows, rejected, labels, splits, created_at, sample, detail)
       VALUES (@id, @name, @hash, @file, @task, @rows, @rejected, @labels, @splits, @created_at, @sample, @detail)`,
    )
    .run({
      id: dataset.id,
      name: dataset.name,
      hash: dataset.hash,
      file,
      task: dataset.task,
      rows: dataset.rows,
      rejected: dataset.rejected,
      labels: JSON.stringify(dataset.labels),
      splits: JSON.stringify(dataset.splits),
      created_at: dataset.createdAt,
      sample: dataset.sample ? 1 : 0,
      detail: JSON.stringify(rest),
    })
}

export function getDataset(database: Database, id: string): DatasetDetail | undefined {
  const row = database.prepare<[string], DatasetColumns>('SELECT * FROM datasets WHERE id = ?').get(id)
  if (row === undefined) return undefined
  const rest: Rest = JSON.parse(row.detail)
  return { ...toSummary(row), ...rest }
}

/** The file of the dataset's rows, relative to the home folder. */
export function getDatasetFile(database: Database, id: string): string | undefined {
  return database.prepare<[string], string>('SELECT file FROM datasets WHERE id = ?').pluck().get(id)
}

/** In the order in which they were imported. */
export function listDatasets(database: Database): DatasetSummary[] {
  return database
    .prepare<[], DatasetColumns>('SELECT * FROM datasets ORDER BY created_at, rowid')
    .all()
    .map(toSummary)
}

/** How many datasets have these rows; the file may go when it is 0. */
export function countDatasetsOfFile(database: Database, file: string): number {
  return (
    database.prepare<[string], number>('SELECT count(*) FROM datasets WHERE file = ?').pluck().get(file) ?? 0
  )
}

/** False when there is no such dataset. */
export function removeDataset(database: Database, id: string): boolean {
  return database.prepare<[string]>('DELETE FROM datasets WHERE id = ?').run(id).changes > 0
}

function toSummary(row: DatasetColumns): DatasetSummary {
  return {
    id: row.id,
    name: row.name,
    hash: row.hash,
    task: row.task,
    rows: row.rows,
    rejected: row.rejected,
    labels: JSON.parse(row.labels),
    splits: JSON.parse(row.splits),
    createdAt: row.created_at,
    sample: row.sample === 1,
  }
}
