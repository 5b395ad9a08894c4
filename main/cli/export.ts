import { createWriteStream } from 'node:fs'
import { resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'

import { Option, type Command } from 'commander'

import { WorkbenchError, type ImportPreview, type RunSummary } from '../../preload/contract.ts'
import { csvLine, toCsv, type Cell } from '../formats/csv.ts'
import type { Client } from './client.ts'
import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { count, figure, table } from './format.ts'
import { allRuns, findRuns } from './lookup.ts'
import { collect, parseList, UsageError } from './usage.ts'

interface ExportFlags extends CommonOptions {
  output: string
  what: 'runs' | 'metrics'
  names?: string[]
}

interface ImportFlags extends CommonOptions {
  name?: string
  method?: string
  model?: string
  dataset?: string
  tag?: string[]
  stepColumn?: string
  runColumn?: string
  preview?: true
}

/** `runs export` and `runs import`, beside the other commands on runs. */
export function addExportCommands(program: Command, host: CliHost): void {
  const runs = program.commands.find((command) => command.name() === 'runs') ?? program.command('runs')

  common(runs.command('export'))
    .description('write runs, or all their measurements, as CSV')
    .argument('[runs...]', 'ids (or their beginnings) or names; default: all')
    .requiredOption('--output <file>', 'CSV file to write')
    .addOption(new Option('--what <what>', 'rows').choices(['runs', 'metrics']).default('runs'))
    .option('--names <metrics>', 'only these metrics, with commas between', parseList)
    .action((wanted: string[], flags: ExportFlags) => {
      if (flags.names && flags.what === 'runs') throw new UsageError('--names goes with --what metrics.')
      return withWorkbench(host, flags, async (client, output) => {
        const chosen = await (wanted.length === 0 ? allRuns(client) : findRuns(client, wanted))
        const file = resolve(flags.output)
        const rows = await writeRows(
          file,
          flags.what === 'runs' ? runRows(chosen) : metricRows(client, chosen, flags.names),
        )
        output.result(
          { file, runs: chosen.length, rows },
          () => `${count(rows)} rows of ${count(chosen.length)} runs written to ${file}`,
        )
      })
    })

  common(runs.command('import'))
    .description('read old results from TensorBoard event files or CSV, as finished runs')
    .argument('<paths...>', 'event files, folders that hold some, or CSV files')
    .option('--name <name>', 'what to call the run, or what stands before the names of several')
    .option('--method <name>', 'how it was tuned')
    .option('--model <name>', 'which model')
    .option('--dataset <name>', 'which dataset; that of a known one lets it stand beside new runs')
    .option('--tag <tag>', 'may be given several times', collect)
    .option('--step-column <name>', 'of a CSV file')
    .option('--run-column <name>', 'of a CSV file with several runs')
    .option('--preview', 'only say what would be imported')
    .action((paths: string[], flags: ImportFlags) =>
      withWorkbench(host, flags, async (client, output) => {
        const { name, method, model, dataset, tag, stepColumn, runColumn } = flags
        const input = {
          paths: paths.map((path) => resolve(path)),
          ...(name === undefined ? {} : { name }),
          ...(method === undefined ? {} : { method }),
          ...(model === undefined ? {} : { modelName: model }),
          ...(dataset === undefined ? {} : { datasetName: dataset }),
          ...(tag === undefined ? {} : { tags: tag }),
          ...(stepColumn === undefined ? {} : { stepColumn }),
          ...(runColumn === undefined ? {} : { runColumn }),
        }
        const preview = await client.invoke('runs.previewImport', input)
        for (const warning of preview.warnings) output.log(`note: ${warning}`)
        if (flags.preview) return output.result(preview, () => describePreview(preview))
        const imported = await client.invoke('runs.import', input)
        output.result(imported, () =>
          table(
            ['name', 'id'],
            imported.map((run) => [run.name, run.id]),
          ),
        )
      }),
    )
}

const runHeader = [
  ...['run', 'name', 'status', 'method', 'family', 'model', 'dataset', 'seed', 'variant'],
  ...['bestMetric', 'best', 'testAccuracy', 'testMacroF1', 'testMatthews', 'testLoss'],
  ...['trainableParameters', 'backboneParameters', 'seconds', 'examplesPerSecond', 'peakRssBytes'],
  ...['createdAt', 'endedAt', 'experiment', 'tags', 'notes'],
]

/** Text of a file and how many rows it holds. */
interface Part {
  text: string
  rows: number
}

function* runRows(runs: readonly RunSummary[]): Generator<Part> {
  const text = toCsv(
    runHeader,
    runs.map((run): Cell[] => [
      ...[run.id, run.name, run.status, run.method, run.family, run.modelName, run.datasetName],
      ...[run.seed, run.variant, run.best?.metric, run.best?.value],
      ...[run.test?.accuracy, run.test?.macroF1, run.test?.matthews, run.test?.loss],
      ...[run.trainableParameters, run.backboneParameters, run.seconds, run.examplesPerSecond],
      ...[run.peakRssBytes, run.createdAt, run.endedAt, run.experiment?.name, run.tags?.join(' '), run.notes],
    ]),
  )
  yield { text, rows: runs.length }
}

/** One run at a time, so that any number of measurements is written without holding them. */
async function* metricRows(
  client: Client,
  runs: readonly RunSummary[],
  names: string[] | undefined,
): AsyncGenerator<Part> {
  yield { text: csvLine(['run', 'metric', 'step', 'value']), rows: 0 }
  for (const { id, name } of runs) {
    const series = await client.invoke('runs.metrics', { id, ...(names === undefined ? {} : { names }) })
    for (const { name: metric, steps, values } of series) {
      const lines = steps.map((step, index) => csvLine([name, metric, step, values[index]]))
      yield { text: lines.join(''), rows: lines.length }
    }
  }
}

/** @returns the number of rows, the header left out */
async function writeRows(file: string, parts: Iterable<Part> | AsyncIterable<Part>): Promise<number> {
  let rows = 0
  async function* texts(): AsyncGenerator<string> {
    for await (const part of parts) {
      rows += part.rows
      yield part.text
    }
  }
  try {
    await pipeline(texts, createWriteStream(file))
    return rows
  } catch (error) {
    if (error instanceof WorkbenchError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new WorkbenchError('storage', `${file} could not be written: ${reason}.`)
  }
}

function describePreview({ runs }: ImportPreview): string {
  return table(
    ['run', 'metric', 'becomes', 'points', 'last'],
    runs.flatMap(({ name, metrics }) =>
      metrics.map((metric) => [name, metric.name, metric.becomes, count(metric.points), figure(metric.last)]),
    ),
  )
}
