import {
  ExperimentConfig,
  WorkbenchError,
  type DefaultExperiment,
  type InputOf,
} from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import { getDataset } from '../store/datasets.ts'
import { listModels } from '../store/models.ts'

type Variant = InputOf<'experiments.plan'>['variants'][number]

/** With fewer training rows than this, the reference recipe makes too few steps to teach anything. */
const fewRows = 1000

interface Recipe {
  epochs: number
  learningRate: number
}

/**
 * The default experiment “Adapter, Fusion, Drop, MAM and baselines”. Datasets of a few hundred rows get a recipe of
 * their own: small batches, the mean of the tokens, and learning rates above the reference's.
 */
export function defaultExperiment(
  database: Database,
  { datasetIds, modelIds, seeds, name, training }: DefaultExperiment,
): ExperimentConfig {
  const datasets = datasetIds.map((id) => {
    const dataset = getDataset(database, id)
    if (dataset === undefined) {
      throw new WorkbenchError(
        'not-found',
        `datasetIds: there is no dataset ${id}. See the list of datasets.`,
      )
    }
    return dataset
  })
  const models =
    modelIds.length > 0
      ? modelIds
      : listModels(database)
          .slice(0, 1)
          .map(({ id }) => id)
  if (models.length === 0) {
    throw new WorkbenchError('bad-input', 'modelIds: there is no model yet. Add one first.')
  }
  const isSmall = datasets.every(({ splits }) => (splits.train ?? 0) < fewRows)
  const variant = (label: string, method: string, small: Recipe, rest: Partial<Variant> = {}): Variant => ({
    name: label,
    method: { name: method },
    ...(isSmall ? { training: small } : {}),
    ...rest,
  })
  return ExperimentConfig.parse({
    name:
      name ??
      `Adapter, Fusion, Drop, MAM and baselines: ${datasets.map((dataset) => dataset.name).join(', ')}`,
    question: 'Which way of tuning is best for these tasks, and what does it cost?',
    modelIds: models,
    datasetIds,
    seeds,
    variants: [
      variant('Head only', 'head', { epochs: 12, learningRate: 3e-3 }),
      variant('Adapter', 'seq_bn', { epochs: 10, learningRate: 3e-3 }),
      variant('Adapter, robust to drop', 'adapter_drop_robust', { epochs: 10, learningRate: 3e-3 }),
      variant('MAM (Mix-And-Match)', 'mam', { epochs: 6, learningRate: 3e-3 }),
      variant('MAM (masked)', 'masked', { epochs: 8, learningRate: 3e-3 }),
      variant('LoRA', 'lora', { epochs: 10, learningRate: 3e-3 }),
      variant('Full fine-tuning', 'full', { epochs: 4, learningRate: 5e-4 }),
      variant(
        'Fusion',
        'fusion',
        { epochs: 4, learningRate: 1e-3 },
        // Of one dataset there are several adapters only over its seeds.
        { uses: { variant: 'Adapter', over: datasets.length > 1 ? 'datasets' : 'seeds' } },
      ),
    ],
    ...(isSmall ? { head: { pooling: 'mean' } } : {}),
    training: { ...(isSmall ? { batchSize: 16 } : {}), ...training },
  })
}
