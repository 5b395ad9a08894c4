import type { Command } from 'commander'

import { SplitName, type DatasetDetail } from '../../preload/contract.ts'
import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { count, facts, shorten, table } from './format.ts'
import { findDataset } from './lookup.ts'
import { addRemoveCommand } from './remove.ts'
import { importSources, sourceFlags, sourcesOf, type SourceFlags } from './sources.ts'
import { UsageError } from './usage.ts'

export function addDatasetCommands(program: Command, host: CliHost): void {
  const datasets = program.command('datasets').description('labelled text')

  common(datasets.command('list'))
    .description('list the datasets')
    .action((options: CommonOptions) =>
      withWorkbench(host, options, async (client, output) => {
        const found = await client.invoke('datasets.list', {})
        output.result(found, () =>
          table(
            ['name', 'rows', 'labels', 'train', 'validation', 'test', 'rejected', 'id'],
            found.map((dataset) => [
              dataset.name,
              count(dataset.rows),
              String(dataset.labels.length),
              ...SplitName.options.map((split) => count(dataset.splits[split])),
              count(dataset.rejected),
              dataset.id,
            ]),
          ),
        )
      }),
    )

  sourceFlags(common(datasets.command('import')))
    .description('import files of labelled text (CSV, TSV, JSONL, labelled lines)')
    .option('--name <name>', "name of the dataset (default: the first file's)")
    .action((options: CommonOptions & SourceFlags) => {
      const sources = sourcesOf(options)
      if (sources === undefined) throw new UsageError('Name the file to import with --train FILE.')
      return withWorkbench(host, options, async (client, output) => {
        const dataset = await importSources(client, output, sources)
        const { id, name, rows, rejected, labels, splits } = dataset
        // Its rejected rows have been named while it was imported.
        output.result({ id, name, rows, rejected, labels, splits }, () =>
          describe({ ...dataset, rejectedRows: [] }),
        )
      })
    })

  common(datasets.command('show'))
    .description('show how a dataset was read, its splits, labels and rejected rows')
    .argument('<dataset>', 'id or name')
    .action((wanted: string, options: CommonOptions) =>
      withWorkbench(host, options, async (client, output) => {
        const { id } = await findDataset(client, wanted)
        const dataset = await client.invoke('datasets.get', { id })
        output.result(dataset, () => describe(dataset))
      }),
    )

  addRemoveCommand(datasets, host, {
    endpoint: 'datasets.remove',
    description: 'remove a dataset; runs that were trained on it keep their results',
    argument: 'dataset',
    find: findDataset,
  })
}

function describe(dataset: DatasetDetail): string {
  const { duplicates } = dataset
  const labels = table(
    ['label', ...SplitName.options],
    dataset.labels.map((label) => [
      label,
      ...SplitName.options.map((split) => count(dataset.labelCounts[split][label] ?? 0)),
    ]),
  )
  const rejected = dataset.rejectedRows.map(
    (row) => `rejected: ${row.file}, line ${String(row.line)}: ${shorten(row.reason, 200)}`,
  )
  const parts = [
    facts([
      ['name', dataset.name],
      ['id', dataset.id],
      ['task', dataset.task],
      ['rows', count(dataset.rows)],
      ['rejected', count(dataset.rejected)],
      [
        'duplicates',
        `${count(duplicates.withinSplits)} within splits, ${count(duplicates.acrossSplits)} across`,
      ],
      ...dataset.files.map((file): [string, string] => [
        'file',
        [
          file.path,
          file.format,
          file.encoding,
          ...(file.delimiter === undefined ? [] : [`delimiter ${JSON.stringify(file.delimiter)}`]),
          ...(file.header === undefined ? [] : [file.header ? 'header' : 'no header']),
        ].join(', '),
      ]),
    ]),
    labels,
    ...(rejected.length === 0 ? [] : [rejected.join('\n')]),
  ]
  return parts.join('\n\n')
}
