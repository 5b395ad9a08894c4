import type { Command } from 'commander'

import type { DatasetSummary, InputOf, RunSummary } from '../../preload/contract.ts'
import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { count, duration, figure, percent, table } from './format.ts'
import { findModel } from './lookup.ts'
import { parseInteger } from './usage.ts'
import { watchRun } from './watch-run.ts'

/**
 * What the demo trains, per task, in this order. The sample tasks have about 300 training rows, which neither teach a
 * head to read the first token nor make enough steps of 32: hence the mean of the tokens, small batches and learning
 * rates above the recipe's. The whole has to fit into three minutes on two cores.
 */
const demoMethods = [
  { name: 'head', epochs: 20, learningRate: 3e-3 },
  { name: 'seq_bn', epochs: 12, learningRate: 3e-3 },
  { name: 'double_seq_bn', epochs: 10, learningRate: 3e-3 },
  { name: 'full', epochs: 6, learningRate: 5e-4 },
]

export interface DemoRow {
  task: string
  method: string
  metric: string
  /** On the test split; a fraction. */
  score: number | undefined
  trainableParameters: number | undefined
  examplesPerSecond: number | undefined
  seconds: number | undefined
  runId: string
}

export function addDemoCommand(program: Command, host: CliHost): void {
  common(program.command('demo'))
    .description('train four methods on three sample tasks with the encoder that ships, and compare them')
    .option('--seed <number>', 'seed of everything random', parseInteger, 1)
    .action((flags: CommonOptions & { seed: number }) =>
      withWorkbench(host, flags, async (client, output, home) => {
        const startedAt = performance.now()
        const model = await findModel(client, 'starter')
        const samples = await client.invoke('datasets.addSamples', {})
        const rows: DemoRow[] = []
        const total = samples.length * demoMethods.length
        for (const dataset of samples) {
          for (const method of demoMethods) {
            const config = configOf(dataset, model.id, method, flags.seed)
            const title = `[${String(rows.length + 1)}/${String(total)}] ${dataset.name}, ${method.name}: `
            const run = await watchRun(client, output, () => client.invoke('runs.start', config), {
              title,
              quiet: true,
            })
            rows.push(rowOf(run))
            output.log(`${title}${percent(rows.at(-1)?.score)} in ${duration(run.seconds)}`)
          }
        }
        output.result(rows, () => describe(rows))
        output.log(
          [
            '',
            `Done in ${duration((performance.now() - startedAt) / 1000)}. The ${String(rows.length)} runs are kept in ${home}.`,
            'Open them in the window with: npm start',
            'or in a browser with:         npm run serve',
          ].join('\n'),
        )
      }),
    )
}

function configOf(
  dataset: DatasetSummary,
  modelId: string,
  method: (typeof demoMethods)[number],
  seed: number,
): InputOf<'runs.start'> {
  const { name, epochs, learningRate } = method
  return {
    name: `Demo: ${dataset.name}, ${name}`,
    modelId,
    datasetId: dataset.id,
    method: { name },
    head: { pooling: 'mean' },
    training: { epochs, learningRate, seed, batchSize: 16 },
  }
}

function rowOf(run: RunSummary): DemoRow {
  return {
    task: run.datasetName,
    method: run.method,
    metric: 'accuracy',
    score: run.test?.accuracy,
    trainableParameters: run.trainableParameters,
    examplesPerSecond: run.examplesPerSecond,
    seconds: run.seconds,
    runId: run.id,
  }
}

function describe(rows: DemoRow[]): string {
  return table(
    ['task', 'method', 'test accuracy', 'trainable parameters', 'examples/s', 'time'],
    rows.map((row) => [
      row.task,
      row.method,
      percent(row.score),
      count(row.trainableParameters),
      figure(row.examplesPerSecond),
      duration(row.seconds),
    ]),
  )
}
