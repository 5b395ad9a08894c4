import type { Command } from 'commander'

import { WorkbenchError, type RunDetail, type RunSummary } from '../../preload/contract.ts'
import { describeAnalysis } from './analysis.ts'
import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { count, figure, score, table } from './format.ts'
import { findOnlyRun, findRun } from './lookup.ts'
import { addRemoveCommand } from './remove.ts'
import { describeResult, printResult } from './train.ts'
import { watchRun } from './watch-run.ts'

export function addRunCommands(program: Command, host: CliHost): void {
  const runs = program.command('runs').description('trained and unfinished runs')

  common(runs.command('list'))
    .description('list the runs')
    .action((options: CommonOptions) =>
      withWorkbench(host, options, async (client, output) => {
        const found = await client.invoke('runs.list', {})
        output.result(found, () =>
          table(
            [
              'name',
              'method',
              'model',
              'dataset',
              'seed',
              'status',
              'score',
              'trainable',
              'examples/s',
              'id',
            ],
            found.map((run) => [
              run.name,
              run.method,
              run.modelName,
              run.datasetName,
              String(run.seed),
              statusOf(run),
              bestScore(run),
              count(run.trainableParameters),
              figure(run.examplesPerSecond),
              run.id,
            ]),
          ),
        )
      }),
    )

  common(runs.command('show'))
    .description('show one run')
    .argument('<run>', 'id (or its beginning) or name')
    .action((wanted: string, options: CommonOptions) =>
      withWorkbench(host, options, async (client, output) => {
        const { id } = await findRun(client, wanted)
        const run = await client.invoke('runs.get', { id })
        output.result(run, () => describe(run))
      }),
    )

  common(runs.command('resume'))
    .description('go on with a paused or interrupted run, and watch it until it ends')
    .argument('<run>', 'id (or its beginning) or name')
    .option('--on-cpu', 'on the processor from now on, where it has been on another device')
    .action((wanted: string, { onCpu = false, ...options }: CommonOptions & { onCpu?: boolean }) =>
      withWorkbench(host, options, async (client, output) => {
        const { id } = await findRun(client, wanted)
        const how = onCpu ? { id, onCpu } : { id }
        const run = await watchRun(client, output, () => client.invoke('runs.resume', how))
        await printResult(client, output, run)
      }),
    )

  for (const [name, description] of [
    ['pause', 'pause a run that another window or server trains, with a checkpoint to go on from'],
    ['stop', 'stop a run for good; what it has learned so far stays'],
  ] as const) {
    common(runs.command(name))
      .description(description)
      .argument('<run>', 'id (or its beginning) or name')
      .action((wanted: string, options: CommonOptions) =>
        withWorkbench(host, options, async (client, output) => {
          const { id } = await findRun(client, wanted)
          const run = await client.invoke(`runs.${name}`, { id })
          output.result(run, () => `${run.name} is ${statusOf(run)}`)
        }),
      )
  }

  addRemoveCommand(runs, host, {
    endpoint: 'runs.remove',
    description: 'remove a run with its folder; what it has kept in the library stays',
    argument: 'run',
    find: findOnlyRun,
  })
}

function statusOf(run: RunSummary): string {
  return run.resumable && run.status !== 'running' ? `${run.status} (resumable)` : run.status
}

/** The test score of the run's own metric where there is one, else the best validation score. */
function bestScore(run: RunSummary): string {
  if (run.best === undefined) return '–'
  const { metric, value } = run.best
  return score(metric, run.test?.[metric] ?? value)
}

function describe(run: RunDetail): string {
  const parts = [
    describeResult(run),
    `status       ${statusOf(run)}${run.error === undefined ? '' : `: ${run.error}`}`,
    `model        ${run.modelName}, ${backboneInWords(run)}`,
    `dataset      ${run.datasetName}`,
    ...deviceInWords(run),
    `folder       ${run.folder}`,
  ]
  const matrices = run.confusion.map(
    ({ split, labels, counts }) =>
      `\n${split}: rows are the true labels, columns the predicted ones\n${table(
        ['', ...labels],
        counts.map((row, index) => [labels[index] ?? '', ...row.map(String)]),
      )}`,
  )
  return [...parts, ...describeAnalysis(run), ...matrices].join('\n')
}

/** Where it computes, and why; nothing of a run that has not begun. */
function deviceInWords({ environment }: RunDetail): string[] {
  if (environment === undefined) return []
  const { engine, engineVersion, device, hardware, threads, deviceReason, precision, failedDevice } =
    environment
  const moved = failedDevice
  return [
    `device       ${engine} ${engineVersion} on ${device}${hardware === undefined ? '' : ` (${hardware})`}, ${String(threads)} threads${deviceReason === undefined ? '' : `. ${deviceReason}`}`,
    ...(precision === undefined ? [] : [`precision    ${precision}`]),
    ...(moved === undefined
      ? []
      : [
          `moved        from ${moved.engine} on ${moved.device}${moved.hardware === undefined ? '' : ` (${moved.hardware})`} after step ${String(moved.savedStep)}: ${moved.reason}`,
        ]),
  ]
}

function backboneInWords(run: RunDetail): string {
  if (run.backboneUnchanged === undefined) return 'backbone not yet compared'
  return run.backboneUnchanged ? 'backbone unchanged by the run' : 'backbone changed by the run'
}

/** @throws WorkbenchError `conflict` when the run has nothing to predict with */
export function requireTrained(run: RunSummary): void {
  if (run.best === undefined) {
    throw new WorkbenchError(
      'conflict',
      `The run ${run.name} has no checkpoint yet; its status is ${run.status}.`,
    )
  }
}
