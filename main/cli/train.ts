import type { Command } from 'commander'

import {
  WorkbenchError,
  type AdapterSummary,
  type DatasetSummary,
  type InputOf,
  type RunDetail,
  type RunSummary,
  type Scores,
} from '../../preload/contract.ts'
import { describeAnalysis } from './analysis.ts'
import type { Client } from './client.ts'
import { common, withWorkbench, type CliHost } from './context.ts'
import { count, duration, facts, figure, megabytes, percent, score } from './format.ts'
import { checkMethod, findAdapter, findDataset, findModel, findRun, inOrder } from './lookup.ts'
import type { Output } from './output.ts'
import { importSources, sourceFlags, sourcesOf } from './sources.ts'
import { configOf, trainFlags, type TrainFlags } from './train-config.ts'
import { parseMethod, UsageError } from './usage.ts'
import { watchRun } from './watch-run.ts'

export function addTrainCommand(program: Command, host: CliHost): void {
  trainFlags(sourceFlags(common(program.command('train'))))
    .description('train a model on labelled text, and keep the run and what it has trained')
    .action((flags: TrainFlags) => {
      const method = parseMethod(flags.method, flags.option)
      const sources = sourcesOf(flags)
      const named = [...(flags.dataset ?? []), ...(flags.datasets ?? [])]
      if (named.length > 0 && sources !== undefined) {
        throw new UsageError('Give either --dataset or files with --train, not both.')
      }
      if (named.length === 0 && sources === undefined) {
        throw new UsageError('Say what to train on: --dataset NAME, or files with --train FILE.')
      }
      // What can be wrong in the flags is said before anything is opened or imported.
      const wanted = { method, modelId: 'm', datasetIds: named.length > 0 ? named : ['d'] }
      const { heads, fusion } = flags
      configOf(flags, { ...wanted, adapterIds: flags.adapters ?? [], headIds: heads, fusionId: fusion })
      return withWorkbench(host, flags, async (client, output) => {
        await checkMethod(client, method.name)
        const model = await findModel(client, flags.model)
        const adapters = await inOrder(flags.adapters ?? [], (name) => findAdapter(client, name))
        const headRecords = heads && (await inOrder(heads, (name) => findAdapter(client, name)))
        const fusionRecord = fusion === undefined ? undefined : await findAdapter(client, fusion)
        const earlier = flags.after === undefined ? undefined : await findRun(client, flags.after)
        const datasets =
          sources === undefined
            ? await inOrder(named, (name) => findDataset(client, name))
            : [await importUnderFreeName(client, output, sources)]
        const config = configOf(flags, {
          method,
          modelId: model.id,
          longestText: model.maximumLength,
          datasetIds: datasets.map(({ id }) => id),
          adapterIds: adapters.map(({ id }) => id),
          headIds: headRecords?.map(({ id }) => id),
          fusionId: fusionRecord?.id,
          earlierRunId: earlier?.id,
          program: await client.invoke('settings.get', {}),
        })
        const run = await watchRun(client, output, () => client.invoke('runs.start', config))
        await printResult(client, output, run)
      })
    })
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
  const adapters = await client.invoke('adapters.list', {})
  const kept = adapters.filter(({ runId }) => runId === run.id)
  output.result(trainResult(detail, kept), () =>
    [describeResult(detail), ...describeAnalysis(detail), ...describeKept(kept)].join('\n'),
  )
}

/** What `train --json` prints; `test` only where the dataset has a test split, `tasks` where there are several. */
function trainResult(run: RunDetail, kept: readonly AdapterSummary[]) {
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
    ...(run.tasks.length > 1 ? { tasks: run.tasks } : {}),
    ...(Object.keys(run.analysis).length > 0 ? { analysis: run.analysis } : {}),
    stored: kept.map(({ id, name, kind }) => ({ id, name, kind })),
  }
}

/** How what the run has trained is called from now on. */
function describeKept(kept: readonly AdapterSummary[]): string[] {
  return kept.map(({ id, name, kind }) => `kept         ${kind} “${name}” (${id})`)
}

function scoresInWords(scores: Scores | undefined): string | undefined {
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
