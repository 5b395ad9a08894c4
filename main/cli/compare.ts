import { resolve } from 'node:path'

import { Option, type Command } from 'commander'

import { ScoreName } from '../../preload/contract.ts'
import { describeComparison } from './compare-output.ts'
import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { findExperiment, findRuns } from './lookup.ts'
import { writeReport, type ReportFile } from './report-file.ts'
import { UsageError } from './usage.ts'

interface CompareFlags extends CommonOptions {
  experiment?: string
  by: 'variant' | 'run'
  metric: ScoreName
  split: 'auto' | 'test' | 'validation'
  html?: ReportFile
  markdown?: ReportFile
  csv?: ReportFile
}

export function addCompareCommand(program: Command, host: CliHost): void {
  common(program.command('compare'))
    .description('put runs side by side: scores with intervals, costs, and which differences are significant')
    .argument('[runs...]', 'ids (or their beginnings) or names')
    .option('--experiment <name>', 'all runs of an experiment')
    .addOption(
      new Option('--by <what>', 'what stands together').choices(['variant', 'run']).default('variant'),
    )
    .addOption(new Option('--metric <name>').choices(ScoreName.options).default('accuracy'))
    .addOption(
      new Option('--split <name>', 'rows to go by').choices(['auto', 'test', 'validation']).default('auto'),
    )
    .option('--html <file>', 'write a report with charts', (file) => reportFile(file, 'html'))
    .option('--markdown <file>', 'write a report as Markdown', (file) => reportFile(file, 'markdown'))
    .option('--csv <file>', 'write one row for each run', (file) => reportFile(file, 'csv'))
    .action((wanted: string[], flags: CompareFlags) =>
      withWorkbench(host, flags, async (client, output) => {
        if (wanted.length === 0 && flags.experiment === undefined) {
          throw new UsageError('Name runs to compare, or an experiment by --experiment.')
        }
        const runIds = (await findRuns(client, wanted)).map(({ id }) => id)
        const input = {
          runIds,
          ...(flags.experiment === undefined
            ? {}
            : { experimentId: (await findExperiment(client, flags.experiment)).id }),
          groupBy: flags.by,
          metric: flags.metric,
          split: flags.split,
        }
        const comparison = await client.invoke('comparison.get', input)
        for (const file of [flags.html, flags.markdown, flags.csv]) {
          if (file !== undefined) await writeReport(client, output, input, file)
        }
        output.result(comparison, () => describeComparison(comparison))
      }),
    )
}

function reportFile(file: string, format: ReportFile['format']): ReportFile {
  return { path: resolve(file), format }
}
