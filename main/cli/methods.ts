import type { Command } from 'commander'

import type { MethodDescription, MethodFamily, OptionField } from '../../preload/contract.ts'
import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { facts, figure, table } from './format.ts'
import { checkMethod } from './lookup.ts'

const families: Record<MethodFamily, string> = {
  adapter: 'Adapter',
  fusion: 'Fusion',
  drop: 'Drop',
  mam: 'Mix-And-Match, Masked',
  baseline: 'Baseline',
}

export function addMethodCommands(program: Command, host: CliHost): void {
  const methods = program.command('methods').description('what can be trained, and with which options')

  common(methods.command('list', { isDefault: true }))
    .description('list the methods')
    .action((options: CommonOptions) =>
      withWorkbench(host, options, async (client, output) => {
        const found = await client.invoke('methods.list', {})
        output.result(found, () =>
          table(
            ['name', 'family', 'builds on', 'datasets', 'what it does'],
            found.map((method) => [
              method.name,
              families[method.family],
              { adapters: 'adapters', perTask: 'one per task', none: '' }[method.takes],
              method.manyTasks ? 'several' : 'one',
              method.summary,
            ]),
          ),
        )
      }),
    )

  common(methods.command('show'))
    .description('show one method: its options, their defaults and what they do')
    .argument('<method>', 'name')
    .action((name: string, options: CommonOptions) =>
      withWorkbench(host, options, async (client, output) => {
        const method = await checkMethod(client, name)
        output.result(method, () => describe(method))
      }),
    )
}

function describe(method: MethodDescription): string {
  const about = facts([
    ['name', method.name],
    ['called', method.label],
    ['family', families[method.family]],
    ['source', method.source],
    ['builds on', method.takes === 'adapters' ? 'trained adapters (--adapters)' : undefined],
    [
      'begins with',
      method.takes === 'perTask'
        ? 'one trained adapter for each dataset, where --adapters names them'
        : undefined,
    ],
    ['datasets', method.manyTasks ? 'one, or several trained together (--datasets)' : 'one'],
    ['rate', `${figure(method.learningRate)} by default (--learning-rate)`],
  ])
  const options =
    method.fields.length === 0
      ? 'It has no options.'
      : table(
          ['option', 'default', 'values', 'what it does'],
          method.fields.map((field) => [field.name, valueInWords(field.default), rangeOf(field), field.hint]),
        )
  return `${about}\n\n${method.summary}\n\n${options}`
}

function valueInWords(value: unknown): string {
  if (value === undefined || value === null) return 'none'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function rangeOf({ kind, choices, minimum, maximum }: OptionField): string {
  if (choices !== undefined) return choices.join(', ')
  if (kind === 'boolean') return 'true, false'
  if (minimum !== undefined && maximum !== undefined) return `${String(minimum)} to ${String(maximum)}`
  if (minimum !== undefined) return `from ${String(minimum)}`
  if (maximum !== undefined) return `up to ${String(maximum)}`
  return kind
}
