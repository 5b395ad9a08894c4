import type { Command } from 'commander'

import type { DatasetSummary, InputOf, RunDetail } from '../../preload/contract.ts'
import type { Client } from './client.ts'
import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { finish } from './experiment.ts'
import { describeDemo, type DemoRow } from './demo-report.ts'
import { duration, percent } from './format.ts'
import { findModel } from './lookup.ts'
import type { Output } from './output.ts'
import { parseReportFile, type ReportFile } from './report-file.ts'
import { parseInteger, UsageError } from './usage.ts'
import { watchRun } from './watch-run.ts'

interface DemoMethod {
  name: string
  epochs: number
  learningRate: number
  /** It builds on the adapters that `seq_bn` trained for all tasks. */
  fuses?: boolean
}

/**
 * What the demo trains, per task, in this order. The sample tasks have about 300 training rows, which neither teach a
 * head to read the first token nor make enough steps of 32: hence the mean of the tokens, small batches and learning
 * rates above the recipe's. The whole has to fit into three minutes on two cores.
 */
const demoMethods: readonly DemoMethod[] = [
  { name: 'head', epochs: 12, learningRate: 3e-3 },
  { name: 'full', epochs: 4, learningRate: 5e-4 },
  { name: 'seq_bn', epochs: 10, learningRate: 3e-3 },
  { name: 'adapter_drop_robust', epochs: 10, learningRate: 3e-3 },
  { name: 'mam', epochs: 6, learningRate: 3e-3 },
  { name: 'masked', epochs: 8, learningRate: 3e-3 },
  { name: 'fusion', epochs: 4, learningRate: 1e-3, fuses: true },
]

export function addDemoCommand(program: Command, host: CliHost): void {
  common(program.command('demo'))
    .description(
      'train the method families on three sample tasks with the encoder that ships, and compare them',
    )
    .option('--seed <number>', 'seed of everything random', parseInteger, 1)
    .option('--full', 'the default experiment instead: more variants, three seeds, and a report')
    .option('--report <file>', 'of --full: .html, .md or .csv', parseReportFile)
    .action((flags: CommonOptions & { seed: number; full?: true; report?: ReportFile }) => {
      if (flags.report && !flags.full) throw new UsageError('--report goes with --full.')
      return withWorkbench(host, flags, async (client, output, home) => {
        if (flags.full) return runDefaultExperiment(client, output, flags)
        const startedAt = performance.now()
        const rows = await trainAll(client, output, flags.seed)
        output.result(rows, () => describeDemo(rows))
        output.log(
          [
            '',
            `Done in ${duration((performance.now() - startedAt) / 1000)}. The ${String(rows.length)} runs are kept in ${home}.`,
            'Open them in the window with: npm start',
            'or in a browser with:         npm run serve',
          ].join('\n'),
        )
      })
    })
}

/** The experiment that the window offers as well, on the sample tasks. */
async function runDefaultExperiment(
  client: Client,
  output: Output,
  { seed, report }: { seed: number; report?: ReportFile },
): Promise<void> {
  const samples = await client.invoke('datasets.addSamples', {})
  const config = await client.invoke('experiments.default', {
    name: 'Adapter, Fusion, Drop, MAM and baselines',
    datasetIds: samples.map(({ id }) => id),
    seeds: [seed, seed + 1, seed + 2],
  })
  const { id } = await client.invoke('experiments.create', { config })
  await finish(client, output, id, report)
}

async function trainAll(client: Client, output: Output, seed: number): Promise<DemoRow[]> {
  const model = await findModel(client, 'starter')
  const samples = await client.invoke('datasets.addSamples', {})
  const total = samples.length * demoMethods.length
  const rows: DemoRow[] = []
  const train = async (
    dataset: DatasetSummary,
    method: DemoMethod,
    adapterIds: string[] = [],
  ): Promise<RunDetail> => {
    const config = configOf(dataset, model.id, method, seed, adapterIds)
    const title = `[${String(rows.length + 1)}/${String(total)}] ${dataset.name}, ${method.name}: `
    const begin = () => client.invoke('runs.start', config)
    const { id } = await watchRun(client, output, begin, { title, quiet: true })
    const run = await client.invoke('runs.get', { id })
    rows.push(rowOf(run))
    output.log(`${title}${percent(run.test?.accuracy)} in ${duration(run.seconds)}`)
    return run
  }

  const adapterRuns: string[] = []
  for (const dataset of samples) {
    for (const method of demoMethods.filter(({ fuses }) => !fuses)) {
      const run = await train(dataset, method)
      if (method.name === 'seq_bn') adapterRuns.push(run.id)
    }
  }
  const adapterIds = await storedAdapters(client, adapterRuns)
  for (const method of demoMethods.filter(({ fuses }) => fuses)) {
    for (const dataset of samples) await train(dataset, method, adapterIds)
  }
  return rows
}

/** The adapters that these runs have left in the library, in their order. */
async function storedAdapters(client: Client, runIds: readonly string[]): Promise<string[]> {
  const stored = await client.invoke('adapters.list', {})
  return runIds.flatMap(
    (runId) => stored.find((adapter) => adapter.kind === 'adapter' && adapter.runId === runId)?.id ?? [],
  )
}

function configOf(
  dataset: DatasetSummary,
  modelId: string,
  { name, epochs, learningRate }: DemoMethod,
  seed: number,
  adapterIds: string[],
): InputOf<'runs.start'> {
  return {
    name: `Demo: ${dataset.name}, ${name}`,
    modelId,
    datasetId: dataset.id,
    method: { name },
    adapterIds,
    head: { pooling: 'mean' },
    training: { epochs, learningRate, seed, batchSize: 16 },
  }
}

function rowOf(run: RunDetail): DemoRow {
  const { dropCurve, fusion } = run.analysis
  return {
    task: run.datasetName,
    method: run.method,
    family: run.family,
    metric: 'accuracy',
    score: run.test?.accuracy,
    trainableParameters: run.trainableParameters,
    examplesPerSecond: run.examplesPerSecond,
    seconds: run.seconds,
    runId: run.id,
    ...(dropCurve ? { dropCurve } : {}),
    ...(fusion
      ? {
          fusionWeights: fusion.adapters.map(
            (_, adapter) =>
              fusion.weights.reduce((sum, { weights }) => sum + (weights[adapter] ?? 0), 0) /
              fusion.weights.length,
          ),
        }
      : {}),
  }
}
