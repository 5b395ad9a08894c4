import { availableParallelism, totalmem } from 'node:os'

import packageJson from '../../package.json' with { type: 'json' }
import type { DeviceReport, Handlers, SystemInfo } from '../../preload/contract.ts'
import { choose } from '../engines/devices.ts'
import { processorName } from '../training/environment.ts'
import type { DeviceMeasuring } from './device-measuring.ts'

export const version = packageJson.version

export type SystemHandlers = Pick<Handlers, 'system.info' | 'system.devices' | 'system.stopMeasuring'>

export interface SystemOptions {
  home: string
  host: SystemInfo['host']
  measuring: DeviceMeasuring
}

/** What the program runs on, and what it can train on. */
export function createSystemService({ home, host, measuring }: SystemOptions): SystemHandlers {
  return {
    'system.info': () => ({
      version,
      home,
      host,
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
      processor: processorName(),
      cores: availableParallelism(),
      memoryBytes: totalmem(),
    }),
    async 'system.devices'({ measure }) {
      if (measure) await measuring.measure()
      return withChosen(await measuring.lastMeasured())
    },
    'system.stopMeasuring': () => measuring.stop(),
  }
}

/** Marks the device that `auto` takes. */
async function withChosen(devices: DeviceReport[]): Promise<DeviceReport[]> {
  const { engine, device, reason } = await choose({ engine: 'auto', device: 'auto' }, devices)
  return devices.map((report) =>
    report.engine === engine && report.device === device ? { ...report, chosen: reason } : report,
  )
}
