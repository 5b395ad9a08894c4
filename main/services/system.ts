import { availableParallelism, totalmem } from 'node:os'

import packageJson from '../../package.json' with { type: 'json' }
import type { DeviceReport, Handlers, SystemInfo } from '../../preload/contract.ts'
import { processorName } from '../training/environment.ts'

export const version = packageJson.version

export type SystemHandlers = Pick<Handlers, 'system.info' | 'system.devices'>

/** What the program runs on. Devices are asked for once: what is installed does not change while it runs. */
export function createSystemService(options: { home: string; host: SystemInfo['host'] }): SystemHandlers {
  let devices: Promise<DeviceReport[]> | undefined
  return {
    'system.info': () => ({
      version,
      home: options.home,
      host: options.host,
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
      processor: processorName(),
      cores: availableParallelism(),
      memoryBytes: totalmem(),
    }),
    'system.devices': () => {
      devices ??= onnxruntimeCpu().then((report) => [report])
      return devices
    },
  }
}

// Loading the native module for its list of backends takes about 15 ms and 11 MB once; a process of its own for it
// would take longer. No session is made here.
async function onnxruntimeCpu(): Promise<DeviceReport> {
  const report = { engine: 'onnxruntime', device: 'cpu', name: processorName() } as const
  try {
    const onnxruntime = await import('onnxruntime-node')
    const available = onnxruntime.listSupportedBackends().some((backend) => backend.name === 'cpu')
    const version = onnxruntime.env.versions.node ?? onnxruntime.env.versions.common
    return available
      ? { ...report, available, version }
      : { ...report, available, version, problem: 'This build of onnxruntime has no cpu backend.' }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const problem = `onnxruntime-node cannot be loaded: ${reason}. Install the packages again: npm ci`
    return { ...report, available: false, problem, version: '' }
  }
}
