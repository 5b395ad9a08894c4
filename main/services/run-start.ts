import { randomBytes } from 'node:crypto'

import { WorkbenchError, type Handlers, type RunConfig } from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import { getDataset } from '../store/datasets.ts'
import { getModel } from '../store/models.ts'
import type { NewRun } from '../store/runs.ts'

/**
 * Checks a configuration against what there is, and fills in what follows from it: the method's learning rate, the
 * name, the number of trained parameters.
 * @throws WorkbenchError `not-found` for an unknown model or dataset, `bad-input` naming any other setting
 */
export async function checkRun(
  database: Database,
  methods: Pick<Handlers, 'methods.list' | 'methods.count'>,
  config: RunConfig,
): Promise<NewRun> {
  const { method, head, training } = config
  const model = getModel(database, config.modelId)
  if (model === undefined) {
    throw new WorkbenchError(
      'not-found',
      `modelId: there is no model ${config.modelId}. See the list of models.`,
    )
  }
  const dataset = getDataset(database, config.datasetId)
  if (dataset === undefined) {
    const message = `datasetId: there is no dataset ${config.datasetId}. See the list of datasets.`
    throw new WorkbenchError('not-found', message)
  }
  const known = await methods['methods.list']({})
  const description = known.find((candidate) => candidate.name === method.name)
  if (description === undefined) {
    const names = known.map((candidate) => candidate.name).join(', ')
    throw new WorkbenchError('bad-input', `method: there is no method “${method.name}”. Known are ${names}.`)
  }
  if (training.maximumLength > model.maximumLength) {
    throw new WorkbenchError(
      'bad-input',
      `training.maximumLength: the model “${model.name}” reads at most ${model.maximumLength} tokens, not ${training.maximumLength}.`,
    )
  }
  if (training.microBatchSize !== undefined && training.microBatchSize > training.batchSize) {
    throw new WorkbenchError(
      'bad-input',
      `training.microBatchSize: ${training.microBatchSize} is more than the batch size of ${training.batchSize}.`,
    )
  }
  for (const split of ['train', 'validation'] as const) {
    if ((dataset.splits[split] ?? 0) === 0) {
      throw new WorkbenchError(
        'bad-input',
        `datasetId: the dataset “${dataset.name}” has no ${split} rows. Import it again with a ${split} split.`,
      )
    }
  }
  // Counting builds the method, so its own schema sees the options before anything is stored.
  const count = await methods['methods.count']({
    modelId: model.id,
    method,
    head,
    labels: dataset.labels.length,
  })
  return {
    id: randomBytes(6).toString('hex'),
    name: config.name ?? `${dataset.name} · ${method.name} · seed ${training.seed}`,
    method: method.name,
    family: description.family,
    modelId: model.id,
    modelName: model.name,
    datasetId: dataset.id,
    datasetName: dataset.name,
    datasetHash: dataset.hash,
    labels: dataset.labels,
    config: {
      ...config,
      training: { ...training, learningRate: training.learningRate ?? description.learningRate },
    },
    createdAt: new Date().toISOString(),
    trainableParameters: count.trainable,
    backboneParameters: count.backbone,
  }
}
