import type { DatasetDetail, GraphCost, TrainingConfig } from '../../preload/contract.ts'
import { median } from '../training/metrics.ts'
import type { Database } from '../store/database.ts'
import { getDataset } from '../store/datasets.ts'
import { listMeasuredRuns } from '../store/measured-runs.ts'

/** Finished runs that an estimate goes by, the newest. */
const mostMeasured = 40
/** Characters of a word piece, about; special tokens come on top. */
const charactersPerToken = 4.5
const specialTokens = 2

export interface Estimator {
  measuredRuns: number
  /** Seconds that a run will take on this machine; undefined while nothing like it has been trained here. */
  estimate(run: {
    datasetIds: readonly string[]
    training: TrainingConfig
    /** Undefined where the method cannot be counted yet: runs of the same method, else of any, stand for it. */
    cost: GraphCost | undefined
    method: string
    modelId: string
  }): number | undefined
}

/** Learns this machine's speed from the runs that finished on it: operations per second, evaluation included. */
export function createEstimator(database: Database): Estimator {
  const runs = listMeasuredRuns(database, mostMeasured)
  const datasets = new Map<string, DatasetDetail | undefined>()
  const datasetOf = (id: string): DatasetDetail | undefined => {
    if (!datasets.has(id)) datasets.set(id, getDataset(database, id))
    return datasets.get(id)
  }
  const work = (ids: readonly string[], training: TrainingConfig, cost: GraphCost): number =>
    ids.reduce((sum, id) => sum + operations(datasetOf(id), training, cost), 0)
  const rates = runs.flatMap((run) => {
    const done = work([run.datasetId], run.training, run.cost)
    return done > 0 ? [{ ...run, rate: done / run.seconds }] : []
  })
  const rateOf = (method: string): number | undefined => {
    const own = rates.filter((run) => run.method === method)
    const chosen = own.length > 0 ? own : rates
    return chosen.length === 0 ? undefined : median(chosen.map(({ rate }) => rate))
  }
  const costOf = (method: string, modelId: string): GraphCost | undefined => {
    const ofModel = runs.filter((run) => run.modelId === modelId)
    return (ofModel.find((run) => run.method === method) ?? ofModel[0])?.cost
  }
  return {
    measuredRuns: rates.length,
    estimate({ datasetIds, training, cost, method, modelId }) {
      const rate = rateOf(method)
      const known = cost ?? costOf(method, modelId)
      return rate === undefined || known === undefined ? undefined : work(datasetIds, training, known) / rate
    },
  }
}

/** Floating-point operations of a whole run: rows are shorter than the maximum length that `cost` is of. */
function operations(
  dataset: DatasetDetail | undefined,
  { epochs, maximumLength }: TrainingConfig,
  { forwardFlops, backwardFlops }: GraphCost,
): number {
  if (dataset === undefined) return 0
  const { train = 0, validation = 0, test = 0 } = dataset.splits
  const share = meanTokens(dataset, maximumLength) / maximumLength
  return (
    share *
    (epochs * (train * (forwardFlops + backwardFlops) + validation * forwardFlops) + test * forwardFlops)
  )
}

/** Mean length of the training rows in tokens, by their characters. */
function meanTokens({ lengths, lengthBucket }: DatasetDetail, maximumLength: number): number {
  let rows = 0
  let tokens = 0
  lengths.train.forEach((count, bucket) => {
    const characters = (bucket + 0.5) * lengthBucket
    rows += count
    tokens += count * Math.min(maximumLength, specialTokens + characters / charactersPerToken)
  })
  return rows > 0 ? tokens / rows : maximumLength
}
