import type { MethodFamily, RunStatus, RunSummary, ScoreName } from '../../preload/contract.ts'

/** Columns that are read of a run whatever it is read for; the last two come from `joinBestSoFar`. */
export interface CommonRunColumns {
  id: string
  name: string
  status: RunStatus
  method: string
  family: MethodFamily
  model_id: string
  model_name: string
  dataset_id: string
  dataset_name: string
  created_at: string
  best_metric: ScoreName
  best: string | null
  best_epoch: number | null
  best_value: number | null
}

/** While a run goes on, its best score is the validation score that was stored for its best checkpoint's step. */
export const joinBestSoFar = `
  LEFT JOIN run_checkpoints AS best_checkpoint
    ON runs.best IS NULL AND best_checkpoint.run = runs.number AND best_checkpoint.kind = 'best'
  LEFT JOIN run_metrics AS best_point ON best_point.run = best_checkpoint.run
    AND best_point.name = 'validation.' || runs.best_metric AND best_point.step = best_checkpoint.step`
export const selectBestSoFar = 'best_checkpoint.epoch AS best_epoch, best_point.value AS best_value'

/** What a run is, and on what. */
export function identityOf(row: CommonRunColumns) {
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    method: row.method,
    family: row.family,
    modelId: row.model_id,
    modelName: row.model_name,
    datasetId: row.dataset_id,
    datasetName: row.dataset_name,
    createdAt: row.created_at,
  } satisfies Partial<RunSummary>
}

/** The best score as the run's end told it, or so far. */
export function bestOf({ best, best_epoch, best_metric, best_value }: CommonRunColumns): RunSummary['best'] {
  if (best !== null) return parseColumn(best)
  return best_epoch === null || best_value === null
    ? undefined
    : { epoch: best_epoch, metric: best_metric, value: best_value }
}

/** A column of JSON text. */
export function parseColumn<Value>(text: string | null): Value | undefined {
  return text === null ? undefined : JSON.parse(text)
}
