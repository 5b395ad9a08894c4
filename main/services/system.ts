import { mkdir } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'

import packageJson from '../../package.json' with { type: 'json' }
import type { DeviceReport, Handlers, SystemInfo } from '../../preload/contract.ts'
import { chooseDevice, type DeviceName } from '../engines/device-choice.ts'
import { readDevices, writeDevices } from '../engines/device-file.ts'
import { failedDevice, knownDevices, untriedDevice } from '../engines/devices.ts'
import { processorName } from '../training/environment.ts'
import type { Publish } from './events.ts'
import { supervise, type FinalMessage, type Supervised } from './run-supervision.ts'
import type { SpawnTrainer } from './trainer-process.ts'

export const version = packageJson.version

export type SystemHandlers = Pick<Handlers, 'system.info' | 'system.devices' | 'system.stopMeasuring'>

export interface SystemOptions {
  home: string
  host: SystemInfo['host']
  spawnTrainer: SpawnTrainer
  publish: Publish
}

/** A process that tries a device and gives no answer for five times so many milliseconds is ended. */
const silence = 12_000

/** What the program runs on, and what it can train on. */
export function createSystemService({ home, host, spawnTrainer, publish }: SystemOptions): SystemHandlers {
  const cacheFolder = join(home, 'cache')
  let measuring: Promise<void> | undefined
  let trying: Supervised | undefined
  let stopped = false

  async function measureAll(): Promise<void> {
    stopped = false
    const names = knownDevices()
    const devices: DeviceReport[] = []
    // One after another: devices that share the processor would slow each other down.
    for (const current of names) {
      if (stopped) break
      publish('devices.progress', { done: devices.length, total: names.length, current })
      devices.push(await measureApart(current))
    }
    if (!stopped) {
      await mkdir(cacheFolder, { recursive: true })
      await writeDevices(cacheFolder, devices)
    }
    publish('devices.progress', { done: names.length, total: names.length })
  }

  /** In a process of its own, which a driver's crash may take with it. */
  async function measureApart(name: DeviceName): Promise<DeviceReport> {
    let end: FinalMessage | undefined
    trying = supervise({
      spawn: spawnTrainer,
      first: { type: 'measure', device: name },
      silence,
      onMessage: () => undefined,
      onEnd: (message) => (end = message),
    })
    await trying.exited
    return reportOf(name, end)
  }

  function reportOf(name: DeviceName, end: FinalMessage | undefined): DeviceReport {
    if (end?.type === 'measured') return end.device
    const problem = end?.type === 'failed' ? end.error.message : 'The process that tried it gave no answer.'
    return failedDevice(name, problem)
  }

  async function asLastMeasured(): Promise<DeviceReport[]> {
    const measured = await readDevices(cacheFolder)
    return knownDevices().map(
      (name) =>
        measured.find(({ engine, device }) => engine === name.engine && device === name.device) ??
        untriedDevice(name),
    )
  }

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
      if (measure) {
        measuring ??= measureAll().finally(() => (measuring = undefined))
        await measuring
      }
      return withChosen(await asLastMeasured())
    },
    'system.stopMeasuring': () => {
      if (measuring === undefined) return
      stopped = true
      trying?.kill({ code: 'conflict', message: 'Measuring was stopped.' })
    },
  }
}

/** Marks the device that `auto` takes. */
function withChosen(devices: DeviceReport[]): DeviceReport[] {
  const { engine, device, reason } = chooseDevice({ engine: 'auto', device: 'auto' }, devices)
  return devices.map((report) =>
    report.engine === engine && report.device === device ? { ...report, chosen: reason } : report,
  )
}
