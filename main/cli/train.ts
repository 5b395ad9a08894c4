import type { Command } from 'commander'

import {
  RunConfig,
  WorkbenchError,
  type DatasetSummary,
  type InputOf,
  type RunDetail,
  type RunSummary,
  type Scores,
} from '../../preload/contract.ts'
import type { Client } from './client.ts'
import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { count, duration, facts, figure, megabytes, percent, score } from './format.ts'
import { checkMethod, findDataset, findModel } from './lookup.ts'
import type { Output } from './output.ts'
import { flagIssues, importSources, sourceFlags, sourcesOf, type SourceFlags } from './sources.ts'
import { collect, parseInteger, parseMethod, parseNumber, UsageError } from './usage.ts'
import { watchRun } from './watch-run.ts'

interface TrainFlags extends CommonOptions, SourceFlags {
  model: string
  dataset?: string
  method: string
  option?: string[]
  epochs?: number
  seed?: number
  learningRate?: number
  batchSize?: number
  microBatchSize?: number
  maximumLength?: number
  headLayers?: number
  headDropout?: number
  pooling?: string
  patience?: number
  bestMetric?: string
  engine?: string
  device?: string
  threads?: number
  weightDecay?: number
  warmup?: number
  schedule?: string
  clipNorm?: number
  checkpointSteps?: number
}

export function addTrainCommand(program: Command, host: CliHost): void {
  sourceFlags(common(program.command('train')))
    .description('train a model on labelled text, and keep the run')
    .option('--model <name or folder>', 'a known model, or a folder with a checkpoint', 'starter')
    .option('--dataset <name or id>', 'a dataset that was imported; else name files with --train')
    .option('--method <name>', 'seq_bn, double_seq_bn, head, full, or name[option=value,…]', 'seq_bn')
    .option('--option <key=value>', 'option of the method; may be given several times', collect)
    .option('--name <name>', 'name of the run, and of the dataset when files are imported')
    .option('--epochs <count>', 'passes over the training rows', parseInteger)
    .option('--seed <number>', 'seed of everything random', parseInteger)
    .option('--learning-rate <number>', "highest learning rate (default: the method's)", parseNumber)
    .option('--batch-size <count>', 'rows per step', parseInteger)
    .option('--micro-batch-size <count>', 'rows at once; a step adds several up', parseInteger)
    .option('--maximum-length <count>', 'tokens that a text is cut to', parseInteger)
    .option('--head-layers <count>', '1 or 2', parseInteger)
    .option('--head-dropout <share>', 'dropout before the layers of the head', parseNumber)
    .option('--pooling <name>', 'what the head reads: first (token) or mean (of all)')
    .option('--patience <count>', 'stop after so many epochs without a better score; 0: never', parseInteger)
    .option('--best-metric <name>', 'accuracy, macroF1 or matthews')
    .option('--engine <name>', 'auto or onnxruntime')
    .option('--device <name>', 'auto or cpu')
    .option('--threads <count>', 'threads of the engine; 0: one per core', parseInteger)
    .option('--weight-decay <number>', 'of AdamW', parseNumber)
    .option('--warmup <share>', 'share of the steps during which the learning rate rises', parseNumber)
    .option('--schedule <name>', 'linear, constant or cosine')
    .option('--clip-norm <number>', 'largest norm of the gradient; 0: no clipping', parseNumber)
    .option('--checkpoint-steps <count>', 'steps between checkpoints for resuming', parseInteger)
    .action((flags: TrainFlags) => {
      const method = parseMethod(flags.method, flags.option)
      const sources = sourcesOf(flags)
      if (flags.dataset !== undefined && sources !== undefined) {
        throw new UsageError('Give either --dataset or files with --train, not both.')
      }
      if (flags.dataset === undefined && sources === undefined) {
        throw new UsageError('Say what to train on: --dataset NAME, or files with --train FILE.')
      }
      // What can be wrong in the flags is said before anything is opened or imported.
      configOf(flags, method, 'checked', 'checked')
      return withWorkbench(host, flags, async (client, output) => {
        await checkMethod(client, method.name)
        const model = await findModel(client, flags.model)
        const dataset =
          sources === undefined
            ? await findDataset(client, flags.dataset ?? '')
            : await importUnderFreeName(client, output, sources)
        await train(client, output, configOf(flags, method, model.id, dataset.id))
      })
    })
}

async function train(client: Client, output: Output, config: InputOf<'runs.start'>): Promise<void> {
  const run = await watchRun(client, output, () => client.invoke('runs.start', config))
  await printResult(client, output, run)
}

/** `--name` names the run first of all: where another dataset has that name, this one is named after its file. */
async function importUnderFreeName(
  client: Client,
  output: Output,
  sources: InputOf<'datasets.import'>,
): Promise<DatasetSummary> {
  try {
    return await importSources(client, output, sources)
  } catch (error) {
    const isTaken = error instanceof WorkbenchError && error.code === 'conflict' && sources.name !== undefined
    if (!isTaken) throw error
    return importSources(client, output, { ...sources, name: undefined })
  }
}

/** The result of a finished run, as `train` and `runs resume` end with. */
export async function printResult(client: Client, output: Output, run: RunSummary): Promise<void> {
  const detail = await client.invoke('runs.get', { id: run.id })
  output.result(trainResult(detail), () => describeResult(detail))
}

/** What `train --json` prints; `test` only where the dataset has a test split. */
export function trainResult(run: RunDetail) {
  return {
    runId: run.id,
    method: run.method,
    seed: run.seed,
    trainableParameters: run.trainableParameters,
    backboneParameters: run.backboneParameters,
    best: run.best,
    ...(run.test === undefined ? {} : { test: run.test }),
    examplesPerSecond: run.examplesPerSecond,
    stepMs: run.stepMs,
    peakRssBytes: run.peakRssBytes,
    seconds: run.seconds,
  }
}

export function scoresInWords(scores: Scores | undefined): string | undefined {
  if (scores === undefined) return undefined
  const { accuracy, macroF1, matthews, loss } = scores
  return `accuracy ${percent(accuracy)}, macro F1 ${percent(macroF1)}, Matthews ${matthews.toFixed(3)}, loss ${loss.toFixed(4)}`
}

export function describeResult(run: RunDetail): string {
  const { best, trainableParameters: trainable, backboneParameters: backbone } = run
  const share =
    trainable !== undefined && backbone !== undefined
      ? ` (${percent(trainable / backbone)} of the backbone)`
      : ''
  const bestWords =
    best && `${best.metric} ${score(best.metric, best.value)} on validation, epoch ${String(best.epoch)}`
  return facts([
    ['run', `${run.name} (${run.id})`],
    ['method', run.method],
    ['trainable', trainable === undefined ? undefined : `${count(trainable)} parameters${share}`],
    ['best', bestWords],
    ['test', scoresInWords(run.test)],
    ['speed', `${figure(run.examplesPerSecond)} examples/s, ${figure(run.stepMs)} ms per step`],
    ['peak memory', megabytes(run.peakRssBytes)],
    ['time', duration(run.seconds)],
  ])
}

/** @throws UsageError naming the flags whose values cannot be */
function configOf(
  flags: TrainFlags,
  method: { name: string; options: Record<string, unknown> },
  modelId: string,
  datasetId: string,
): InputOf<'runs.start'> {
  const { epochs, seed, learningRate, batchSize, microBatchSize, maximumLength } = flags
  const { patience, bestMetric, weightDecay, warmup, schedule, clipNorm, checkpointSteps } = flags
  const { engine, device, threads } = flags
  const training = {
    ...{ epochs, seed, learningRate, batchSize, microBatchSize, maximumLength },
    ...{ patience, bestMetric, weightDecay, warmup, schedule, clipNorm, checkpointSteps },
  }
  const parsed = RunConfig.safeParse({
    name: flags.name,
    modelId,
    datasetId,
    method,
    head: { layers: flags.headLayers, pooling: flags.pooling, dropout: flags.headDropout },
    training,
    engine: { engine, device, threads },
  })
  if (parsed.success) return parsed.data
  throw new UsageError(
    flagIssues(parsed.error.issues)
      .replace('--layers:', '--head-layers:')
      .replace('--dropout:', '--head-dropout:'),
  )
}
