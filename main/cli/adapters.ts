import { resolve } from 'node:path'

import type { Command } from 'commander'

import type { AdapterDetail, AdapterSummary, MethodChoice } from '../../preload/contract.ts'
import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { count, facts, megabytes, score, table } from './format.ts'
import { findAdapter, findModel } from './lookup.ts'
import { addRemoveCommand } from './remove.ts'

export function addAdapterCommands(program: Command, host: CliHost): void {
  const adapters = program.command('adapters').description('trained adapters, fusions and heads')

  common(adapters.command('list'))
    .description('list what runs have trained')
    .option('--model <name or folder>', 'only what fits this model')
    .action((options: CommonOptions & { model?: string }) =>
      withWorkbench(host, options, async (client, output) => {
        const model = options.model === undefined ? undefined : await findModel(client, options.model)
        const found = await client.invoke('adapters.list', model === undefined ? {} : { modelId: model.id })
        output.result(found, () =>
          table(
            ['name', 'kind', 'method', 'backbone', 'dataset', 'parameters', 'score', 'size', 'id'],
            found.map((adapter) => [
              adapter.name,
              adapter.kind,
              methodInWords(adapter.method),
              adapter.modelName,
              adapter.datasetName,
              count(adapter.parameters),
              scoreOf(adapter),
              megabytes(adapter.bytes),
              adapter.id,
            ]),
          ),
        )
      }),
    )

  common(adapters.command('show'))
    .description('show one: where it comes from, its tensors, and the runs that build on it')
    .argument('<adapter>', 'id (or its beginning) or name')
    .action((wanted: string, options: CommonOptions) =>
      withWorkbench(host, options, async (client, output) => {
        const { id } = await findAdapter(client, wanted)
        const adapter = await client.invoke('adapters.get', { id })
        output.result(adapter, () => describe(adapter))
      }),
    )

  common(adapters.command('rename'))
    .description('give one another name')
    .argument('<adapter>', 'id (or its beginning) or name')
    .argument('<name>', 'the new name')
    .action((wanted: string, name: string, options: CommonOptions) =>
      withWorkbench(host, options, async (client, output) => {
        const before = await findAdapter(client, wanted)
        const adapter = await client.invoke('adapters.rename', { id: before.id, name })
        output.result(adapter, () => `${before.name} is now called ${adapter.name}`)
      }),
    )

  common(adapters.command('eject'))
    .description(
      'keep a prefix without the network that made it in training: the same, with fewer parameters',
    )
    .argument('<adapter>', 'id (or its beginning) or name')
    .action((wanted: string, options: CommonOptions) =>
      withWorkbench(host, options, async (client, output) => {
        const { id, name } = await findAdapter(client, wanted)
        const made = await client.invoke('adapters.eject', { id })
        output.result(
          made,
          () => `${name} is also kept as ${made.name}, with ${count(made.parameters)} parameters`,
        )
      }),
    )

  common(adapters.command('merge'))
    .description('write a model with a LoRA or IA3 adapter merged into its weights, which needs no adapter')
    .argument('<adapter>', 'id (or its beginning) or name')
    .argument('<folder>', 'new folder of the model')
    .action((wanted: string, folder: string, options: CommonOptions) =>
      withWorkbench(host, options, async (client, output) => {
        const { id, name } = await findAdapter(client, wanted)
        const made = await client.invoke('adapters.merge', { id, folder: resolve(folder) })
        output.result(made, () => `${made.folder} holds the model with ${name} merged into it`)
      }),
    )

  addRemoveCommand(adapters, host, {
    endpoint: 'adapters.remove',
    description: 'remove one with its file; refused while a run or a fusion builds on it',
    argument: 'adapter',
    find: findAdapter,
  })
}

function describe(adapter: AdapterDetail): string {
  const { usedBy, labels, adapterIds } = adapter
  return [
    facts([
      ['name', adapter.name],
      ['id', adapter.id],
      ['kind', adapter.kind],
      ['method', methodInWords(adapter.method)],
      [
        'backbone',
        `${adapter.modelName} (weights ${adapter.modelHash.slice(0, 8)}${adapter.modelId === undefined ? ', not among the models' : ''})`,
      ],
      ['dataset', adapter.datasetName],
      ['labels', labels.length === 0 ? undefined : labels.join(', ')],
      ['adapters', adapterIds.length === 0 ? undefined : adapterIds.join(', ')],
      ['score', scoreOf(adapter)],
      ['parameters', count(adapter.parameters)],
      ['file', `${adapter.file}, ${megabytes(adapter.bytes)}`],
      ['trained by', adapter.runId],
      [
        'used by',
        usedBy.length === 0 ? undefined : usedBy.map(({ id, name }) => `${name} (${id})`).join(', '),
      ],
      ['made', adapter.createdAt],
    ]),
    '',
    table(
      ['tensor', 'shape'],
      adapter.tensors.map(({ name, shape }) => [name, `[${shape.join(', ')}]`]),
    ),
  ].join('\n')
}

/** As `--method` takes it. */
function methodInWords({ name, options }: MethodChoice): string {
  const pairs = Object.entries(options).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return pairs.length === 0 ? name : `${name}[${pairs.join(',')}]`
}

function scoreOf({ score: known }: AdapterSummary): string {
  return known === undefined ? '–' : `${known.metric} ${score(known.metric, known.value)}`
}
