import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { DeviceReport, LogLine, RunConfig } from '../../preload/contract.ts'
import { fitting, isDecided, type DeviceName } from '../engines/device-choice.ts'
import { readDevices, writeDevices } from '../engines/device-file.ts'
import { failedDevice, knownDevices, untriedDevice } from '../engines/devices.ts'
import type { Publish } from './events.ts'
import { supervise, type FinalMessage, type Supervised } from './run-supervision.ts'
import type { SpawnTrainer } from './trainer-process.ts'

/** What measures the devices, one measurement at a time however many ask for it. */
export interface DeviceMeasuring {
  /**
   * Measures all devices anew, or waits for the measurement that is under way.
   *
   * @param signal ends the waiting, and the measurement where nobody else waits for it
   * @throws Error where what was measured cannot be kept
   */
  measure(signal?: AbortSignal): Promise<void>
  /** Ends the measurement that is under way for all who wait for it; the devices stay as they were measured before. */
  stop(): void
  /** Every device as it was last measured; those that never were as untried. */
  lastMeasured(): Promise<DeviceReport[]>
  /** Measures the devices for a run that leaves its device to `auto`, where that was not done and may find a card. */
  beforeRun: BeforeRun
}

/**
 * @param say writes into the run's log
 * @param signal aborted when the run is asked to end
 */
export type BeforeRun = (
  config: RunConfig,
  say: (level: LogLine['level'], text: string) => void,
  signal: AbortSignal,
) => Promise<void>

export interface DeviceMeasuringOptions {
  home: string
  spawnTrainer: SpawnTrainer
  publish: Publish
  /** Whether a run's devices are worth measuring. */
  mayHaveGraphicsCard: () => Promise<boolean>
}

/** A process that tries a device and gives no answer for five times so many milliseconds is ended. */
const silence = 12_000

export function createDeviceMeasuring(options: DeviceMeasuringOptions): DeviceMeasuring {
  const { spawnTrainer, publish, mayHaveGraphicsCard } = options
  const cacheFolder = join(options.home, 'cache')
  let measuring: Promise<void> | undefined
  let waiting = 0
  let trying: Supervised | undefined
  let stopped = false

  async function measure(signal?: AbortSignal): Promise<void> {
    measuring ??= measureAll().finally(() => (measuring = undefined))
    waiting += 1
    try {
      await Promise.race([measuring, ...(signal === undefined ? [] : [aborted(signal)])])
    } finally {
      waiting -= 1
      if (waiting === 0 && measuring !== undefined) {
        stop()
        await measuring
      }
    }
  }

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
    try {
      if (stopped) return
      await mkdir(cacheFolder, { recursive: true })
      await writeDevices(cacheFolder, devices)
    } finally {
      publish('devices.progress', { done: names.length, total: names.length })
    }
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

  function stop(): void {
    if (measuring === undefined) return
    stopped = true
    trying?.kill({ code: 'conflict', message: 'Measuring was stopped.' })
  }

  return {
    measure,
    stop,
    async lastMeasured() {
      const measured = await readDevices(cacheFolder)
      return knownDevices().map(
        (name) =>
          measured.find(({ engine, device }) => engine === name.engine && device === name.device) ??
          untriedDevice(name),
      )
    },
    async beforeRun({ engine, training }, say, signal) {
      if (isDecided(engine, training.backbonePrecision) || fitting(engine, knownDevices()).length === 0)
        return
      // Those that were tried and cannot be used are there as well: they are not tried again for every run.
      if (fitting(engine, await readDevices(cacheFolder)).length > 0) return
      if (!(await mayHaveGraphicsCard()) || signal.aborted) return
      say(
        'info',
        'The devices of this machine were not measured yet, or it or an engine has changed since: they are measured once ' +
          'now, so that “auto” takes the fastest. To begin without that, stop it on the screen Settings.',
      )
      try {
        await measure(signal)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        say('warning', `What was measured of the devices could not be kept: ${reason}`)
      }
    },
  }
}

function reportOf(name: DeviceName, end: FinalMessage | undefined): DeviceReport {
  if (end?.type === 'measured') return end.device
  const problem = end?.type === 'failed' ? end.error.message : 'The process that tried it gave no answer.'
  return failedDevice(name, problem)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
