import { resolve } from 'node:path'

import type { Command } from 'commander'

import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { count, table } from './format.ts'
import { findKnownModel } from './lookup.ts'
import { addRemoveCommand } from './remove.ts'

export function addModelCommands(program: Command, host: CliHost): void {
  const models = program.command('models').description('pretrained encoders')

  common(models.command('list'))
    .description('list the known models')
    .action((options: CommonOptions) =>
      withWorkbench(host, options, async (client, output) => {
        const found = await client.invoke('models.list', {})
        output.result(found, () =>
          table(
            ['name', 'architecture', 'layers', 'hidden', 'heads', 'parameters', 'folder'],
            found.map((model) => [
              model.name,
              model.architecture,
              String(model.layers),
              String(model.hiddenSize),
              String(model.heads),
              count(model.parameters),
              model.builtIn ? 'built in' : model.folder,
            ]),
          ),
        )
      }),
    )

  common(models.command('add'))
    .description('make the checkpoint in a folder (Hugging Face layout) known')
    .argument('<folder>', 'folder with config.json, weights and tokenizer')
    .option('--name <name>', "name to know it by (default: the folder's)")
    .action((folder: string, options: CommonOptions & { name?: string }) =>
      withWorkbench(host, options, async (client, output) => {
        const name = options.name === undefined ? {} : { name: options.name }
        const model = await client.invoke('models.add', { folder: resolve(folder), ...name })
        output.result(
          model,
          () =>
            `${model.name}: ${model.architecture}, ${String(model.layers)} layers, hidden size ${String(model.hiddenSize)}, ${count(model.parameters)} parameters`,
        )
      }),
    )

  addRemoveCommand(models, host, {
    endpoint: 'models.remove',
    description: 'forget a model, whose folder stays as it is; refused while runs are trained on it',
    argument: 'model',
    find: findKnownModel,
  })
}
