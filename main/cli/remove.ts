import type { Command } from 'commander'

import type { Client } from './client.ts'
import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'

interface Removal {
  endpoint: 'adapters.remove' | 'datasets.remove' | 'models.remove' | 'runs.remove'
  description: string
  argument: string
  find: (client: Client, wanted: string) => Promise<{ id: string; name: string }>
}

/** `remove`, which all that is kept has in the same way. What may not go yet, the workbench refuses. */
export function addRemoveCommand(
  group: Command,
  host: CliHost,
  { endpoint, description, argument, find }: Removal,
): void {
  common(group.command('remove'))
    .description(description)
    .argument(`<${argument}>`, 'id (or its beginning) or name')
    .action((wanted: string, options: CommonOptions) =>
      withWorkbench(host, options, async (client, output) => {
        const { id, name } = await find(client, wanted)
        await client.invoke(endpoint, { id })
        output.result({ id, removed: true }, () => `${name} is removed`)
      }),
    )
}
