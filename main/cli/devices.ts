import type { Command } from 'commander'

import type { DeviceReport } from '../../preload/contract.ts'
import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { figure, table } from './format.ts'

interface DevicesOptions extends CommonOptions {
  measure?: boolean
}

export function addDevicesCommand(program: Command, host: CliHost): void {
  common(program.command('devices'))
    .description('list the engines and devices that can train here, how fast each is, and why others cannot')
    .option('--measure', 'try and measure each anew; otherwise only where that was never done')
    .action((options: DevicesOptions) =>
      withWorkbench(host, options, async (client, output) => {
        let devices = await client.invoke('system.devices', { measure: false })
        if (options.measure || devices.every(({ stepMs }) => stepMs === undefined)) {
          const unsubscribe = client.subscribe('devices.progress', ({ done, total, current }) =>
            output.progress({
              label: 'measuring the devices',
              ...(current ? { detail: `${current.engine} on ${current.device}` } : {}),
              done: done / total,
              secondsLeft: undefined,
            }),
          )
          devices = await client.invoke('system.devices', { measure: true })
          unsubscribe()
          output.endProgress()
        }
        output.result(devices, () => describe(devices))
      }),
    )
}

function describe(devices: readonly DeviceReport[]): string {
  const summary = table(
    ['engine', 'device', 'name', 'memory', 'version', 'step', 'usable'],
    devices.map(({ engine, device, name, memoryBytes, version, stepMs, available }) => [
      engine,
      device,
      name,
      memoryBytes === undefined ? '' : `${figure(memoryBytes / 1e9)} GB`,
      version,
      stepMs === undefined ? '' : `${stepMs < 10 ? stepMs.toFixed(1) : Math.round(stepMs)} ms`,
      available ? 'yes' : 'no',
    ]),
  )
  const remarks = devices.flatMap(({ engine, device, problem, note }) =>
    [problem, note].flatMap((text) => (text === undefined ? [] : [`${engine} on ${device}: ${text}`])),
  )
  const chosen = devices
    .filter(({ chosen }) => chosen !== undefined)
    .map(({ engine, device, chosen }) => `auto takes ${engine} on ${device}. ${chosen}`)
  return [summary, remarks.join('\n'), chosen.join('\n')].filter((part) => part !== '').join('\n\n')
}
