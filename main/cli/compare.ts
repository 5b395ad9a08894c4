import { Option, type Command } from 'commander'

import { ScoreName } from '../../preload/contract.ts'
import { describeComparison, writeReport } from './compare-output.ts'
import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { findExperiment } from './experiment.ts'
import { findRun } from './lookup.ts'
import { UsageError } from './usage.ts'

interface CompareFlags extends CommonOptions {
  experiment?: string
  by: 'variant' | 'run'
  metric: ScoreName
  split: 'auto' | 'test' | 'validation'
  html?: string
  markdown?: string
  csv?: string
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
    .option('--html <file>', 'write a report with charts')
    .option('--markdown <file>', 'write a report as Markdown (.md)')
    .option('--csv <file>', 'write one row for each run')
    .action((wanted: string[], flags: CompareFlags) =>
      withWorkbench(host, flags, async (client, output) => {
        if (wanted.length === 0 && flags.experiment === undefined) {
          throw new UsageError('Name runs to compare, or an experiment by --experiment.')
        }
        const runIds: string[] = []
        for (const one of wanted) runIds.push((await findRun(client, one)).id)
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
          if (file !== undefined) output.log(`Written: ${await writeReport(client, input, file)}`)
        }
        output.result(comparison, () => describeComparison(comparison))
      }),
    )
}
