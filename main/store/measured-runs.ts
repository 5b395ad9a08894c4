import { RunConfig, type GraphCost, type TrainingConfig } from '../../preload/contract.ts'
import type { Database } from './database.ts'

/** A finished run of this machine whose work and time are known. */
export interface MeasuredRun {
  method: string
  modelId: string
  datasetId: string
  training: TrainingConfig
  cost: GraphCost
  seconds: number
}

/** The newest of them, those that trained one dataset to its planned end. */
export function listMeasuredRuns(database: Database, count: number): MeasuredRun[] {
  return database
    .prepare<
      [number],
      { method: string; model_id: string; dataset_id: string; config: string; cost: string; seconds: number }
    >(
      `SELECT method, model_id, dataset_id, config, json_extract(analysis, '$.cost') AS cost, seconds FROM runs
       WHERE status = 'finished' AND imported = 0 AND seconds > 0 AND cost IS NOT NULL
         AND json_extract(config, '$.training.patience') = 0
         AND coalesce(json_array_length(config, '$.moreDatasetIds'), 0) = 0
       ORDER BY number DESC LIMIT ?`,
    )
    .all(count)
    .map((row) => ({
      method: row.method,
      modelId: row.model_id,
      datasetId: row.dataset_id,
      training: RunConfig.parse(JSON.parse(row.config)).training,
      cost: JSON.parse(row.cost),
      seconds: row.seconds,
    }))
}
