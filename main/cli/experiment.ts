import { readFileSync } from 'node:fs'

import type { Command } from 'commander'

import {
  ExperimentConfig,
  toContractError,
  type ExperimentDetail,
  type ExperimentPlan,
  type ExperimentSummary,
} from '../../preload/contract.ts'
import type { Client } from './client.ts'
import { describeComparison } from './compare-output.ts'
import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { watchExperiment } from './experiment-watch.ts'
import { count, duration, facts, percent, table } from './format.ts'
import { findDataset, findExperiment, findModel, inOrder } from './lookup.ts'
import type { Output } from './output.ts'
import { parseReportFile, writeReport, type ReportFile } from './report-file.ts'
import { parseIntegers, parseList, Unsuccessful, UsageError } from './usage.ts'

interface RunFlags extends CommonOptions {
  config?: string
  datasets?: string[]
  models?: string[]
  seeds?: number[]
  name?: string
  plan?: true
  report?: ReportFile
}

export function addExperimentCommands(program: Command, host: CliHost): void {
  const experiment = program.command('experiment').description('many runs that answer one question')

  common(experiment.command('run'))
    .description('run an experiment to its end: one from a file, or the default one on some datasets')
    .option('--config <file>', 'JSON file with the experiment; models and datasets by id or name')
    .option('--datasets <names or ids>', 'default experiment on these, with commas between', parseList)
    .option('--models <names or ids>', 'default experiment with these', parseList)
    .option('--seeds <numbers>', 'with commas between', parseIntegers)
    .option('--name <name>', 'what to call it')
    .option('--plan', 'only say what it comes to')
    .option('--report <file>', 'write a report at the end: .html, .md or .csv', parseReportFile)
    .action((flags: RunFlags) => {
      if (flags.plan && flags.report)
        throw new UsageError('--plan trains nothing that --report could tell of.')
      return withWorkbench(host, flags, async (client, output) => {
        const config = await configOf(client, flags)
        const plan = await client.invoke('experiments.plan', config)
        if (flags.plan) return output.result(plan, () => describePlan(config, plan))
        output.log(planInWords(plan))
        const { id } = await client.invoke('experiments.create', { config })
        await finish(client, output, id, flags.report)
      })
    })

  common(experiment.command('status'))
    .description('list the experiments, or show one')
    .argument('[experiment]', 'id (or its beginning) or name')
    .action((wanted: string | undefined, flags: CommonOptions) =>
      withWorkbench(host, flags, async (client, output) => {
        if (wanted === undefined) {
          const all = await client.invoke('experiments.list', {})
          return output.result(all, () => describeList(all))
        }
        const { id } = await findExperiment(client, wanted)
        const one = await client.invoke('experiments.get', { id })
        output.result(one, () => describeExperiment(one))
      }),
    )

  common(experiment.command('report'))
    .description('write what an experiment has come to as a file')
    .argument('<experiment>', 'id (or its beginning) or name')
    .requiredOption('--output <file>', '.html, .md or .csv; may be given several times', collectFiles)
    .action((wanted: string, flags: CommonOptions & { output: ReportFile[] }) =>
      withWorkbench(host, flags, async (client, output) => {
        const { id } = await findExperiment(client, wanted)
        for (const file of flags.output) await writeReport(client, output, { experimentId: id }, file)
        output.result({ files: flags.output.map(({ path }) => path) }, () => '')
      }),
    )

  for (const [name, what, description] of [
    ['resume', 'experiments.resume', 'go on with a paused experiment, and watch it until it ends'],
    ['retry', 'experiments.retry', 'try failed and blocked runs again, and watch until the end'],
  ] as const) {
    common(experiment.command(name))
      .description(description)
      .argument('<experiment>', 'id (or its beginning) or name')
      .option('--report <file>', 'write a report at the end: .html, .md or .csv', parseReportFile)
      .action((wanted: string, flags: CommonOptions & { report?: ReportFile }) =>
        withWorkbench(host, flags, async (client, output) => {
          const { id } = await findExperiment(client, wanted)
          await client.invoke(what, { id })
          await finish(client, output, id, flags.report)
        }),
      )
  }

  common(experiment.command('cancel'))
    .description('stop an experiment; what has finished stays')
    .argument('<experiment>', 'id (or its beginning) or name')
    .action((wanted: string, flags: CommonOptions) =>
      withWorkbench(host, flags, async (client, output) => {
        const { id } = await findExperiment(client, wanted)
        const one = await client.invoke('experiments.cancel', { id })
        output.result(one, () => `${one.name} is cancelled.`)
      }),
    )
}

/** Watches an experiment to its end and says what came of it. @throws Unsuccessful where some of it failed */
export async function finish(
  client: Client,
  output: Output,
  id: string,
  report: ReportFile | undefined,
): Promise<void> {
  const ended = await watchExperiment(client, output, id)
  const comparison = await client.invoke('comparison.get', { experimentId: id })
  if (report !== undefined) await writeReport(client, output, { experimentId: id }, report)
  output.result({ experiment: ended, comparison }, () => describeComparison(comparison))
  if (ended.status === 'failed') {
    throw new Unsuccessful(
      `${String(ended.counts.failed)} of ${String(ended.counts.total)} runs have not finished. ` +
        `To see why: workbench experiment status ${id}. To try them again: workbench experiment retry ${id}`,
    )
  }
}

function collectFiles(file: string, earlier: ReportFile[] = []): ReportFile[] {
  return [...earlier, parseReportFile(file)]
}

async function configOf(client: Client, flags: RunFlags): Promise<ExperimentConfig> {
  const { config: file, datasets, models = [], seeds, name } = flags
  if ((file === undefined) === (datasets === undefined)) {
    throw new UsageError('Give either --config with an experiment, or --datasets for the default one.')
  }
  if (file === undefined) {
    return client.invoke('experiments.default', {
      datasetIds: await idsOf(datasets ?? [], (wanted) => findDataset(client, wanted)),
      modelIds: await idsOf(models, (wanted) => findModel(client, wanted)),
      ...(seeds === undefined ? {} : { seeds }),
      ...(name === undefined ? {} : { name }),
    })
  }
  const read = parseConfig(file)
  return {
    ...read,
    modelIds: await idsOf(flags.models ?? read.modelIds, (wanted) => findModel(client, wanted)),
    datasetIds: await idsOf(read.datasetIds, (wanted) => findDataset(client, wanted)),
    ...(seeds === undefined ? {} : { seeds }),
    ...(name === undefined ? {} : { name }),
  }
}

function parseConfig(file: string): ExperimentConfig {
  try {
    return ExperimentConfig.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    throw new UsageError(`--config ${file}: ${toContractError(error).message}`)
  }
}

async function idsOf(wanted: string[], find: (wanted: string) => Promise<{ id: string }>): Promise<string[]> {
  return (await inOrder(wanted, find)).map(({ id }) => id)
}

function planInWords({ total, estimatedSeconds, warnings }: ExperimentPlan): string {
  const time =
    estimatedSeconds === undefined
      ? 'how long they take is not known yet'
      : `about ${duration(Math.round(estimatedSeconds))}`
  return [...warnings.map((warning) => `note: ${warning}`), `${count(total)} runs, ${time}.`].join('\n')
}

function describePlan(config: ExperimentConfig, plan: ExperimentPlan): string {
  const rows = config.variants.map(({ name, method }) => {
    const own = plan.runs.filter(({ variant }) => variant === name)
    const seconds = own.reduce((sum, { estimatedSeconds = 0 }) => sum + estimatedSeconds, 0)
    return [
      name,
      method.name,
      String(own.length),
      count(own[0]?.trainableParameters),
      seconds > 0 ? duration(Math.round(seconds)) : '–',
    ]
  })
  return [
    table(['variant', 'method', 'runs', 'trainable', 'time'], rows),
    '',
    ...plan.problems.map((problem) => `problem: ${problem}`),
    planInWords(plan),
  ].join('\n')
}

function describeList(all: ExperimentSummary[]): string {
  return table(
    ['name', 'status', 'runs', 'failed', 'done', 'left', 'id'],
    all.map(({ name, status, counts, done, secondsLeft, id }) => [
      name,
      status,
      `${String(counts.finished)}/${String(counts.total)}`,
      String(counts.failed),
      percent(done),
      duration(secondsLeft === undefined ? undefined : Math.round(secondsLeft)),
      id,
    ]),
  )
}

function describeExperiment(one: ExperimentDetail): string {
  return [
    facts([
      ['name', one.name],
      ['question', one.question === '' ? undefined : one.question],
      ['status', one.status],
      ['runs', `${String(one.counts.finished)} of ${String(one.counts.total)} finished`],
      ['left', one.secondsLeft === undefined ? undefined : duration(Math.round(one.secondsLeft))],
      ['id', one.id],
    ]),
    '',
    table(
      ['variant', 'dataset', 'model', 'seed', 'status', one.config.metric, 'run', 'why'],
      one.steps.map((step) => [
        step.variant,
        step.datasetName,
        step.modelName,
        String(step.seed),
        step.status,
        step.score === undefined ? '–' : percent(step.score),
        step.runId ?? '–',
        step.error ?? '',
      ]),
    ),
  ].join('\n')
}
