import { open } from 'node:fs/promises'

import { WorkbenchError } from '../../preload/contract.ts'
import { classificationHead } from '../adapters/head.ts'
import type { NamedAdapter } from '../adapters/method.ts'
import { findMethod } from '../adapters/registry.ts'
import { loadTokenizer, type Tokenizer } from '../data/tokenizer.ts'
import type { Engine, WeightFile } from '../engines/engine.ts'
import { openEngine } from '../engines/devices.ts'
import { architectureOf } from '../models/architecture.ts'
import { openCheckpoint, type Checkpoint } from '../models/checkpoint/index.ts'
import { isHalfOf } from '../models/half-weights.ts'
import { hashTensors, loadBackbone, writeWeightFile, type Backbone } from '../models/weights.ts'
import { runAdapterName, type JobTask, type TrainJob } from './messages.ts'
import { frozenCopies, refuseTrainedWeights, type FrozenCopies } from './precision.ts'
import { parameterRules, unfrozenParameters } from './parameter-rules.ts'
import { readStoredAdapters } from './stored-adapters.ts'
import { headNames, pathNames } from './task-paths.ts'
import { tunedModel, type NamedTensors, type TunedModel } from './tuned-model.ts'

/** All that a run needs before its first graph. The checkpoint stays open: close it. */
export interface Prepared extends FrozenCopies {
  model: TunedModel
  backbone: Backbone
  checkpoint: Checkpoint
  tokenizer: Tokenizer
  engine: Engine
  /** The trained adapters that the run builds on, in order. */
  adapters: readonly NamedAdapter[]
  /** Values of the trained adapters that the run builds on: frozen, or what trained parameters begin with. */
  stored: NamedTensors
  /** Whether all of the backbone stays as pretrained. */
  frozen: boolean
  /** Learning rate of the parameters that have none of their own. */
  learningRate: number
  /** The backbone's frozen weights as a file for the engine. */
  weights: WeightFile
}

/** What of a job decides how its model is put together. */
export type PrepareJob = Pick<TrainJob, 'config' | 'modelFolder' | 'adapters' | 'cacheFolder'> & {
  tasks: readonly Omit<JobTask, 'datasetFile'>[]
}

/**
 * Opens the checkpoint and puts model, method and heads together. The job's cache folder keeps the weight file for all
 * runs of this backbone; it is made when it is not there.
 *
 * @param openWith gives the engine
 * @throws WorkbenchError naming the file or the setting that is wrong
 */
export async function prepare(job: PrepareJob, openWith = openEngine): Promise<Prepared> {
  const { modelFolder, cacheFolder, tasks } = job
  const { method, head, engine, training } = job.config
  const checkpoint = await openCheckpoint(modelFolder)
  try {
    const backbone = await loadBackbone(checkpoint)
    const { config } = backbone
    const positions = architectureOf(config).maximumLength(config)
    if (training.maximumLength > positions) {
      throw new WorkbenchError(
        'bad-input',
        `the maximum length is ${training.maximumLength} tokens, but this model has ${positions} positions; lower it`,
      )
    }
    const chosen = findMethod(method.name)
    const learningRate = training.learningRate ?? chosen.learningRate
    const { adapters, values } = await readStoredAdapters(job.adapters, config)
    const prepared = chosen.prepare(method.options, {
      config,
      adapterName: runAdapterName,
      tasks: pathNames(tasks),
      adapters,
    })
    const parameters = [
      ...prepared.parameters,
      ...unfrozenParameters(config, training.unfreezeLayers, prepared.parameters),
    ]
    const names = headNames(tasks)
    const heads = tasks.map(({ labels }, task) => {
      const name = names[task] ?? runAdapterName
      const { only, ...whole } = classificationHead(head, config, labels.length, name)
      const reads = only !== undefined && training.cutLastLayer ? { only } : {}
      return { name, head: { ...whole, ...reads }, labels: labels.length }
    })
    const specs = [...parameters, ...heads.flatMap((own) => own.head.parameters)]
    refuseTrainedWeights(training.backbonePrecision, parameters)
    const opened = await openWith(engine, cacheFolder, training.backbonePrecision)
    return {
      model: tunedModel(config, { ...prepared, parameters }, heads, {
        constants: values,
        ruleOf: parameterRules(training, learningRate, specs),
      }),
      backbone,
      checkpoint,
      tokenizer: await loadTokenizer(modelFolder),
      engine: opened,
      adapters,
      stored: values,
      frozen: parameters.every(({ group }) => group !== 'backbone'),
      learningRate,
      weights: await writeWeightFile(backbone, cacheFolder),
      ...(await frozenCopies(training.backbonePrecision, backbone, opened, cacheFolder)),
    }
  } catch (error) {
    await checkpoint.close()
    throw error
  }
}

/**
 * Hash of the backbone as a run leaves it: of the weights that its graphs read, or of the trained ones.
 *
 * @param trained reads a trained parameter; undefined for one that is not trained
 */
export async function backboneHash(
  { backbone, weights }: Pick<Prepared, 'backbone' | 'weights'>,
  trained: (name: string) => Float32Array | undefined,
): Promise<string> {
  return withFrozenWeights(weights, (frozen) =>
    hashTensors(
      Array.from(backbone.tensors, ([name, { shape }]) => ({
        name,
        shape,
        read: async () => trained(name) ?? (await frozen(name)),
      })),
    ),
  )
}

/**
 * Whether the tensors that a run does not train are in its files as they are in the checkpoint, by their hashes, and
 * those in half precision value for value.
 */
export async function frozenUnchanged({
  backbone,
  weights,
  half,
  model,
}: Pick<Prepared, 'backbone' | 'weights' | 'half' | 'model'>): Promise<boolean> {
  if (half && !(await isHalfOf(backbone, half))) return false
  const names = [...backbone.tensors].filter(([name]) => !model.layout.entries.has(name))
  const before = await hashTensors(names.map(([name, tensor]) => ({ name, ...tensor })))
  const after = await withFrozenWeights(weights, (frozen) =>
    hashTensors(names.map(([name, { shape }]) => ({ name, shape, read: () => frozen(name) }))),
  )
  return before === after
}

async function withFrozenWeights<Result>(
  weights: WeightFile,
  use: (read: (name: string) => Promise<Float32Array>) => Promise<Result>,
): Promise<Result> {
  const file = await open(weights.path, 'r')
  try {
    return await use(async (name) => {
      const entry = weights.entries.get(name)
      if (!entry) throw new Error(`the weight file lacks "${name}"`)
      const bytes = new Uint8Array(entry.byteLength)
      await file.read(bytes, 0, entry.byteLength, entry.offset)
      return new Float32Array(bytes.buffer)
    })
  } finally {
    await file.close()
  }
}
