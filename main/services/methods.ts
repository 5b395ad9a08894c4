import { join, resolve } from 'node:path'

import {
  TrainingConfig,
  type Handlers,
  type ParameterCount,
  type ParsedInputOf,
} from '../../preload/contract.ts'
import { classificationHead } from '../adapters/head.ts'
import { describeMethods, findMethod } from '../adapters/registry.ts'
import { taskAdapterNames } from '../adapters/task-mixture.ts'
import { sizeOf } from '../graph/index.ts'
import { readJsonFile } from '../models/checkpoint/index.ts'
import { parseBackboneConfig, type BackboneConfig } from '../models/config.ts'
import { countParameters } from '../models/weights.ts'
import type { Database } from '../store/database.ts'
import { graphCost } from '../training/cost.ts'
import { runAdapterName } from '../training/messages.ts'
import { unfrozenParameters } from '../training/parameter-rules.ts'
import { refuseTrainedWeights } from '../training/precision.ts'
import { readStoredAdapters } from '../training/stored-adapters.ts'
import { checkBeginnings } from '../training/stored-beginnings.ts'
import { tunedModel } from '../training/tuned-model.ts'
import { requireAdapter } from './adapters.ts'
import { requireModel } from './models.ts'
import { safeNames } from './safe-names.ts'
import { jobBeginnings } from './stored-beginnings.ts'

export type MethodHandlers = Pick<Handlers, 'methods.list' | 'methods.count'>

export function createMethodService(options: { database: Database; home: string }): MethodHandlers {
  return {
    'methods.list': describeMethods,
    'methods.count': (input) => countMethod(options, input),
  }
}

/** Builds what a run would build, without its weights: the same refusals, counts and graphs. */
async function countMethod(
  { database, home }: { database: Database; home: string },
  input: ParsedInputOf<'methods.count'>,
): Promise<ParameterCount> {
  const { modelId, method, head, labels, moreLabels, adapterIds, unfreezeLayers, maximumLength } = input
  const { backbonePrecision, headIds, fusionId } = input
  const config = await backboneConfig(database, home, modelId)
  const classes = [labels, ...moreLabels]
  const taskNames = classes.length === 1 ? [runAdapterName] : safeNames(classes.map(() => 'task'))
  const chosen = adapterIds.map((id) => requireAdapter(database, id))
  const adapterNames = safeNames(
    chosen.map(({ name }) => name),
    [...taskNames, ...taskAdapterNames(runAdapterName, taskNames)],
  )
  const { adapters, values } = await readStoredAdapters(
    chosen.map(({ id, method: own, file }, index) => ({
      id,
      name: adapterNames[index] ?? '',
      method: own,
      file: resolve(home, file),
    })),
    config,
  )
  const prepared = findMethod(method.name).prepare(method.options, {
    config,
    adapterName: runAdapterName,
    tasks: taskNames,
    adapters,
  })
  const parameters = [
    ...prepared.parameters,
    ...unfrozenParameters(config, unfreezeLayers, prepared.parameters),
  ]
  refuseTrainedWeights(backbonePrecision, parameters)
  const tasks = taskNames.map((name, task) => {
    const count = classes[task] ?? labels
    return { name, head: classificationHead(head, config, count, name), labels: count }
  })
  const model = tunedModel(config, { ...prepared, parameters }, tasks, { constants: values })
  const headCount = tasks
    .flatMap((task) => task.head.parameters)
    .reduce((total, { shape }) => total + sizeOf(shape), 0)
  const beginnings = jobBeginnings(database, home, { adapterIds, headIds, fusionId }, classes.length)
  await checkBeginnings(beginnings, { method, head }, model, adapters)
  const groups: ParameterCount['groups'] = {}
  for (const { group, size } of model.layout.entries.values()) groups[group] = (groups[group] ?? 0) + size
  const backbone = countParameters(config)
  const trainable = model.layout.size
  return {
    trainable,
    head: headCount,
    groups,
    backbone,
    share: trainable / backbone,
    cost: graphCost(model, { maximumLength, optimizer: TrainingConfig.parse({}) }),
  }
}

/** Read from the model's folder each time: the form asks seldom, and the file says what a run would find. */
async function backboneConfig(database: Database, home: string, modelId: string): Promise<BackboneConfig> {
  const model = requireModel(database, modelId)
  const path = join(resolve(home, model.folder), 'config.json')
  return parseBackboneConfig(
    await readJsonFile(path, `${path} is not there any more; add the model again`),
    model.folder,
  )
}
