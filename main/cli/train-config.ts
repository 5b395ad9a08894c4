import type { Command } from 'commander'

import {
  EngineChoice,
  RunConfig,
  TrainingConfig,
  type InputOf,
  type ProgramSettings,
} from '../../preload/contract.ts'
import type { CommonOptions } from './context.ts'
import { flagIssues, type SourceFlags } from './sources.ts'
import {
  collect,
  parseInteger,
  parseIntegers,
  parseLearningRates,
  parseList,
  parseNumber,
  UsageError,
  type LearningRates,
} from './usage.ts'

export interface TrainFlags extends CommonOptions, SourceFlags {
  model: string
  dataset?: string[]
  datasets?: string[]
  taskSampling?: string
  method: string
  option?: string[]
  adapters?: string[]
  heads?: string[]
  fusion?: string
  after?: string
  epochs?: number
  seed?: number
  learningRate?: LearningRates
  unfreeze?: number[]
  decayExempt?: boolean
  sortByLength?: boolean
  cutLastLayer?: boolean
  batchSize?: number
  batchTokens?: number
  microBatchSize?: number
  maximumLength?: number
  headLayers?: number
  headActivation?: string
  headDropout?: number
  pooling?: string
  patience?: number
  bestMetric?: string
  engine?: string
  device?: string
  threads?: number
  cacheMegabytes?: number
  fallbackToCpu?: boolean
  weightDecay?: number
  warmup?: number
  schedule?: string
  clipNorm?: number
  checkpointSteps?: number
  backbonePrecision?: string
}

export function trainFlags(command: Command): Command {
  return command
    .option('--model <name or folder>', 'a known model, or a folder with a checkpoint', 'starter')
    .option(
      '--dataset <name or id>',
      'a dataset that was imported; else name files with --train. Several, each a task, by giving it again',
      collect,
    )
    .option('--datasets <names or ids>', 'several datasets with commas between, each a task', parseList)
    .option('--task-sampling <name>', 'how batches are divided among tasks: size, squareRoot or even')
    .option(
      '--method <name>',
      'name of a method, or name[option=value,…]; "methods" lists them all',
      'seq_bn',
    )
    .option('--option <key=value>', 'option of the method; may be given several times', collect)
    .option(
      '--adapters <names or ids>',
      'stored adapters that the method builds on, with commas between; a method of several tasks begins with one for each',
      parseList,
    )
    .option(
      '--heads <names or ids>',
      'stored heads that the heads begin with, one for each dataset in order, with commas between',
      parseList,
    )
    .option('--fusion <name or id>', 'a stored fusion of these adapters that the fusion begins with')
    .option(
      '--after <run>',
      'a finished run to go on from: this one begins with its backbone, and measures its tasks and those before them again at the end',
    )
    .option('--name <name>', 'name of the run, and of the dataset when files are imported')
    .option('--epochs <count>', 'passes over the training rows', parseInteger)
    .option('--seed <number>', 'seed of everything random', parseInteger)
    .option(
      '--learning-rate <rates>',
      "highest learning rate (default: the method's), or one for single groups: adapter=1e-3,head=1e-4",
      parseLearningRates,
    )
    .option(
      '--unfreeze <layers>',
      'layers of the backbone, from 0, that are trained as well: 3,2',
      parseIntegers,
    )
    .option('--decay-exempt', 'leave biases and the weights of layer norms out of weight decay')
    .option('--batch-size <count>', 'rows per step', parseInteger)
    .option(
      '--batch-tokens <count>',
      'tokens per step, padding included, in place of a number of rows: as many rows as fit',
      parseInteger,
    )
    .option('--no-sort-by-length', 'batches of texts of any length, with more padding to compute')
    .option('--no-cut-last-layer', 'compute every position of the last layer, to the same result')
    .option('--micro-batch-size <count>', 'rows at once; a step adds several up', parseInteger)
    .option('--maximum-length <count>', 'tokens that a text is cut to', parseInteger)
    .option('--head-layers <count>', '1 to 4', parseInteger)
    .option('--head-activation <name>', 'between the layers of the head: tanh, relu, gelu, …')
    .option('--head-dropout <share>', 'dropout before the layers of the head', parseNumber)
    .option('--pooling <name>', 'what the head reads: auto, first or last (token), or mean (of all)')
    .option('--patience <count>', 'stop after so many epochs without a better score; 0: never', parseInteger)
    .option('--best-metric <name>', 'accuracy, macroF1 or matthews')
    .option('--engine <name>', 'auto, onnxruntime or tensorflow')
    .option('--device <name>', 'auto, or a device that “devices” lists')
    .option('--threads <count>', 'threads of the engine; 0: one per core', parseInteger)
    .option(
      '--cache-megabytes <count>',
      'most that states of the frozen part may take in the cache folder; 0: compute them at every step',
      parseInteger,
    )
    .option(
      '--fallback-to-cpu',
      'where the device fails in the run, go on from the last checkpoint on the processor',
    )
    .option('--no-fallback-to-cpu', 'end there instead, where the settings say otherwise')
    .option('--weight-decay <number>', 'of AdamW', parseNumber)
    .option('--warmup <share>', 'share of the steps during which the learning rate rises', parseNumber)
    .option('--schedule <name>', 'linear, constant or cosine')
    .option('--clip-norm <number>', 'largest norm of the gradient; 0: no clipping', parseNumber)
    .option('--checkpoint-steps <count>', 'steps between checkpoints for resuming', parseInteger)
    .option(
      '--backbone-precision <name>',
      'float32, float16 (the frozen backbone in half precision) or int8 (faster products with it, not exact)',
    )
}

/** What a run is started with, beside its flags. */
export interface Resolved {
  method: { name: string; options: Record<string, unknown> }
  modelId: string
  datasetIds: readonly string[]
  adapterIds: readonly string[]
  headIds?: readonly string[] | undefined
  fusionId?: string | undefined
  earlierRunId?: string | undefined
  /** The most tokens that the model reads; without a flag, texts are cut there where that is less than usual. */
  longestText?: number
  /** What holds where no flag says otherwise; default: the contract's own defaults. */
  program?: ProgramSettings
}

const usualLength = TrainingConfig.parse({}).maximumLength

/** @throws UsageError naming the flags whose values cannot be */
export function configOf(flags: TrainFlags, resolved: Resolved): InputOf<'runs.start'> {
  const { epochs, seed, batchSize, batchTokens, microBatchSize } = flags
  const { maximumLength = Math.min(usualLength, resolved.longestText ?? usualLength) } = flags
  const {
    patience,
    bestMetric,
    weightDecay,
    warmup,
    schedule,
    clipNorm,
    checkpointSteps,
    backbonePrecision = resolved.program?.backbonePrecision,
  } = flags
  const { unfreeze: unfreezeLayers, decayExempt, sortByLength, cutLastLayer } = flags
  const [datasetId, ...moreDatasetIds] = resolved.datasetIds
  const training = {
    ...flags.learningRate,
    ...{ epochs, seed, batchSize, batchTokens, microBatchSize },
    ...{ maximumLength, unfreezeLayers, decayExempt, sortByLength, cutLastLayer },
    ...{ patience, bestMetric, weightDecay, warmup, schedule, clipNorm, checkpointSteps },
    backbonePrecision,
  }
  const parsed = RunConfig.safeParse({
    name: flags.name,
    modelId: resolved.modelId,
    datasetId,
    moreDatasetIds,
    taskSampling: flags.taskSampling,
    method: resolved.method,
    adapterIds: resolved.adapterIds,
    headIds: resolved.headIds,
    fusionId: resolved.fusionId,
    earlierRunId: resolved.earlierRunId,
    head: {
      layers: flags.headLayers,
      activation: flags.headActivation,
      pooling: flags.pooling,
      dropout: flags.headDropout,
    },
    training,
    engine: engineOf(flags, resolved.program?.engine),
  })
  if (parsed.success) return parsed.data
  throw new UsageError(flagIssues(parsed.error.issues))
}

/** A flag for engine or device leaves none of the program's choice: one may not go with the other. */
function engineOf(flags: TrainFlags, program: ProgramSettings['engine'] = EngineChoice.parse({})) {
  const isNamed = flags.engine !== undefined || flags.device !== undefined
  const { threads = program.threads, cacheMegabytes = program.cacheMegabytes } = flags
  const { fallbackToCpu = program.fallbackToCpu } = flags
  return {
    engine: isNamed ? flags.engine : program.engine,
    device: isNamed ? flags.device : program.device,
    ...{ threads, cacheMegabytes, fallbackToCpu },
  }
}
