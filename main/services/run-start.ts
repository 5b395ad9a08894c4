import { randomBytes } from 'node:crypto'

import {
  ParameterGroup,
  WorkbenchError,
  type DatasetDetail,
  type Handlers,
  type MethodDescription,
  type ModelSummary,
  type RunConfig,
} from '../../preload/contract.ts'
import { taskAdapterNames } from '../adapters/task-mixture.ts'
import { refuseDevice } from '../engines/device-choice.ts'
import { getAdapter, type AdapterRecord } from '../store/adapters.ts'
import type { Database } from '../store/database.ts'
import { getDataset } from '../store/datasets.ts'
import { getModel } from '../store/models.ts'
import { getSummary } from '../store/run-summaries.ts'
import { listRunTasks } from '../store/run-tasks.ts'
import type { NewRun } from '../store/runs.ts'
import { runAdapterName } from '../training/messages.ts'
import { findEarlierRun } from './earlier-run.ts'
import { variantOf } from './run-views.ts'
import { safeNames } from './safe-names.ts'
import { findBeginnings, refuseUnfitBeginnings } from './stored-beginnings.ts'

/**
 * Checks a configuration against what there is, and fills in what follows from it: the method's learning rate, the
 * names of the run, its tasks and the adapters that it builds on, the number of trained parameters.
 * @throws WorkbenchError `not-found` for an unknown model, dataset or adapter, `bad-input` naming any other setting
 */
export async function checkRun(
  database: Database,
  methods: Pick<Handlers, 'methods.list' | 'methods.count'>,
  config: RunConfig,
): Promise<NewRun> {
  const { method, head, training } = config
  const model = getModel(database, config.modelId)
  if (model === undefined) {
    throw notFound(`modelId: there is no model ${config.modelId}. See the list of models.`)
  }
  const description = await findDescription(methods, method.name)
  const datasets = findDatasets(database, config, description)
  const earlier = findEarlierRun(database, config)
  const beginsWith: Backbone = {
    hash: earlier?.backboneHashAfter ?? model.hash,
    name: earlier ? `“${model.name}” as “${earlier.name}” left it` : `“${model.name}”`,
  }
  const adapters = findAdapters(database, config, description, { model, beginsWith, tasks: datasets.length })
  checkTraining(training, model)
  refuseDevice(config.engine, training.backbonePrecision)
  const beginnings = findBeginnings(database, config, datasets.length)
  refuseUnfitBeginnings(beginnings, datasets, beginsWith.hash)
  const [dataset, ...more] = datasets
  if (dataset === undefined) throw badInput('datasetId: name the dataset to train on.')
  // Counting builds the method, so its own schema sees the options before anything is stored.
  const count = await methods['methods.count']({
    modelId: model.id,
    method,
    head,
    labels: dataset.labels.length,
    moreLabels: more.map(({ labels }) => labels.length),
    adapterIds: config.adapterIds,
    headIds: config.headIds,
    fusionId: config.fusionId,
    unfreezeLayers: training.unfreezeLayers,
    maximumLength: training.maximumLength,
    backbonePrecision: training.backbonePrecision,
  })
  for (const group of ParameterGroup.options) {
    if (training.groupLearningRates[group] === undefined || count.groups[group] !== undefined) continue
    throw badInput(
      `training.groupLearningRates: there is a learning rate for ${group}, of which ${method.name} trains nothing here; ` +
        `it trains ${Object.keys(count.groups).join(', ')}.`,
    )
  }
  const taskNames = safeNames(datasets.map(({ name }) => name))
  const { heads, fusion } = beginnings
  // Also what the run only begins with has to stay for as long as the run does; a head may be several tasks'.
  const stored = [
    ...new Map([...adapters, ...heads, ...(fusion ? [fusion] : [])].map((one) => [one.id, one])).values(),
  ]
  const storedNames = safeNames(
    stored.map(({ name }) => name),
    [...taskNames, ...taskAdapterNames(runAdapterName, taskNames)],
  )
  const together = datasets.map(({ name }) => name).join(' + ')
  const complete: RunConfig = {
    ...config,
    training: { ...training, learningRate: training.learningRate ?? description.learningRate },
  }
  return {
    id: randomBytes(6).toString('hex'),
    name: config.name ?? `${together} · ${method.name} · seed ${training.seed}`,
    method: method.name,
    family: description.family,
    modelId: model.id,
    modelName: model.name,
    datasetId: dataset.id,
    datasetName: together,
    datasetHash: dataset.hash,
    tasks: datasets.map(({ id, name, hash, labels }, index) => ({
      datasetId: id,
      datasetName: name,
      datasetHash: hash,
      name: taskNames[index] ?? '',
      labels,
    })),
    adapters: stored.map(({ id }, index) => ({ adapterId: id, name: storedNames[index] ?? '' })),
    config: complete,
    variant: variantOf(complete, {
      adapters: adapters.map((adapter) => trainedBy(database, adapter)),
      heads: heads.map((head) => headOf(database, head)),
      ...(fusion === undefined ? {} : { fusion: trainedBy(database, fusion) }),
      ...(config.earlierRunId === undefined
        ? {}
        : { earlier: getSummary(database, config.earlierRunId)?.variant ?? config.earlierRunId }),
    }),
    createdAt: new Date().toISOString(),
    trainableParameters: count.trainable,
    backboneParameters: count.backbone,
  }
}

/** The variant of the run that left it, where that is still there; otherwise its id. */
function trainedBy(database: Database, { id, runId }: AdapterRecord): string {
  return (runId && getSummary(database, runId)?.variant) || id
}

/** As `trainedBy`; of a run that left a head for each of several tasks, with its task. */
function headOf(database: Database, head: AdapterRecord): string {
  const { id, runId, datasetName } = head
  const by = trainedBy(database, head)
  return by === id || listRunTasks(database, runId ?? '').length < 2 ? by : `${by} ${datasetName}`
}

async function findDescription(
  methods: Pick<Handlers, 'methods.list'>,
  name: string,
): Promise<MethodDescription> {
  const known = await methods['methods.list']({})
  const description = known.find((candidate) => candidate.name === name)
  if (description !== undefined) return description
  const names = known.map((candidate) => candidate.name).join(', ')
  throw badInput(`method: there is no method “${name}”. Known are ${names}.`)
}

function findDatasets(
  database: Database,
  { datasetId, moreDatasetIds, method }: RunConfig,
  { manyTasks }: MethodDescription,
): DatasetDetail[] {
  if (moreDatasetIds.length > 0 && !manyTasks) {
    throw badInput(
      `moreDatasetIds: the method ${method.name} trains one dataset at a time. Leave the others out, or start a run for each.`,
    )
  }
  return [datasetId, ...moreDatasetIds].map((id, index, ids) => {
    const setting = index === 0 ? 'datasetId' : 'moreDatasetIds'
    const dataset = getDataset(database, id)
    if (dataset === undefined) {
      throw notFound(`${setting}: there is no dataset ${id}. See the list of datasets.`)
    }
    if (ids.indexOf(id) !== index) {
      throw badInput(
        `${setting}: the dataset “${dataset.name}” is named twice. Each dataset can be one task only.`,
      )
    }
    for (const split of ['train', 'validation'] as const) {
      if ((dataset.splits[split] ?? 0) === 0) {
        throw badInput(
          `${setting}: the dataset “${dataset.name}” has no ${split} rows. Import it again with a ${split} split.`,
        )
      }
    }
    return dataset
  })
}

/** The backbone as a run finds it. */
interface Backbone {
  hash: string
  /** In quotation marks. */
  name: string
}

function findAdapters(
  database: Database,
  { adapterIds, method }: RunConfig,
  { takes }: MethodDescription,
  { model, beginsWith, tasks }: { model: ModelSummary; beginsWith: Backbone; tasks: number },
): AdapterRecord[] {
  if (takes === 'none' && adapterIds.length > 0) {
    throw badInput(
      `adapterIds: the method ${method.name} builds on no trained adapters. Leave them out, or choose a fusion.`,
    )
  }
  if (takes === 'adapters' && adapterIds.length === 0) {
    throw badInput(
      `adapterIds: the method ${method.name} builds on trained adapters. Train an adapter first, and name it here.`,
    )
  }
  if (takes === 'perTask' && adapterIds.length > 0 && adapterIds.length !== tasks) {
    throw badInput(
      `adapterIds: the method ${method.name} begins with one trained adapter for each dataset, in the order of the datasets; ` +
        `${adapterIds.length} are named for ${tasks} ${tasks === 1 ? 'dataset' : 'datasets'}. Name one for each, or none.`,
    )
  }
  // Per-task adapters are trained on from where they ended, so they must have ended on this backbone. What a fusion builds
  // on may be of the pretrained one as well: it weighs anew what stored adapters compute, and the backbone that it goes on
  // from is trained along with it.
  const fitting = takes === 'perTask' ? [beginsWith.hash] : [beginsWith.hash, model.hash]
  return adapterIds.map((id, index) => {
    const adapter = getAdapter(database, id)
    if (adapter === undefined) {
      throw notFound(`adapterIds: there is no stored adapter ${id}. See the library.`)
    }
    if (adapterIds.indexOf(id) !== index) {
      throw badInput(`adapterIds: the adapter “${adapter.name}” is named twice.`)
    }
    if (adapter.kind !== 'adapter') {
      throw badInput(
        `adapterIds: “${adapter.name}” is a ${adapter.kind}. Only adapters can be built on; choose one of those.`,
      )
    }
    if (!fitting.includes(adapter.modelHash)) {
      throw badInput(
        `adapterIds: the adapter “${adapter.name}” was trained on the backbone “${adapter.modelName}” ` +
          `(weights ${shortHash(adapter.modelHash)}) and does not fit ${beginsWith.name} (weights ${shortHash(beginsWith.hash)}). ` +
          `Choose adapters of one backbone.`,
      )
    }
    return adapter
  })
}

function checkTraining(training: RunConfig['training'], model: ModelSummary): void {
  if (training.maximumLength > model.maximumLength) {
    throw badInput(
      `training.maximumLength: the model “${model.name}” reads at most ${model.maximumLength} tokens, not ${training.maximumLength}.`,
    )
  }
  if (training.batchTokens !== undefined && training.batchTokens < training.maximumLength) {
    throw badInput(
      `training.batchTokens: a batch of ${training.batchTokens} tokens has no room for a text of ${training.maximumLength}, ` +
        `the maximum length. Make it as many at least, or lower the maximum length.`,
    )
  }
  const isOfRows = training.batchTokens === undefined
  if (isOfRows && training.microBatchSize !== undefined && training.microBatchSize > training.batchSize) {
    throw badInput(
      `training.microBatchSize: ${training.microBatchSize} is more than the batch size of ${training.batchSize}.`,
    )
  }
  const beyond = training.unfreezeLayers.find((layer) => layer >= model.layers)
  if (beyond !== undefined) {
    throw badInput(
      `training.unfreezeLayers: the model “${model.name}” has the layers 0 to ${model.layers - 1}, and no layer ${beyond}.`,
    )
  }
}

/** Enough of a hash to tell two backbones of one name apart. */
function shortHash(hash: string): string {
  return hash.slice(0, 8)
}

function badInput(message: string): WorkbenchError {
  return new WorkbenchError('bad-input', message)
}

function notFound(message: string): WorkbenchError {
  return new WorkbenchError('not-found', message)
}
