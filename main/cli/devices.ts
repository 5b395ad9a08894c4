import type { Command } from 'commander'

import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { table } from './format.ts'

export function addDevicesCommand(program: Command, host: CliHost): void {
  common(program.command('devices'))
    .description('list the engines and devices that can train here, and why others cannot')
    .action((options: CommonOptions) =>
      withWorkbench(host, options, async (client, output) => {
        const devices = await client.invoke('system.devices', {})
        output.result(devices, () =>
          table(
            ['engine', 'device', 'name', 'version', 'usable'],
            devices.map(({ engine, device, name, version, available, problem }) => [
              engine,
              device,
              name,
              version,
              available ? 'yes' : `no: ${problem ?? 'no reason is known'}`,
            ]),
          ),
        )
      }),
    )
}
