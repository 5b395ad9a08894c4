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
   * @throws Error where what was measured cannot be kept
   */
  measure(): Promise<void>
  /**
   * Ends the measurement that is under way or about to begin, for all who wait for it; the devices stay as they were
   * measured before, and no run measures them by itself until `measure` was called again.
   */
  stop(): void
  /** Every device as it was last measured; those that never were as untried. */
  lastMeasured(): Promise<DeviceReport[]>
  /**
   * Measures the devices for a run that leaves its device to `auto`, where that was not done and may find a card, as soon
   * as no other run computes. Every run waits for a measurement that is under way, which it would disturb.
   */
  beforeRun: BeforeRun
  /** Ends the measurement that is under way, and resolves when its process is gone. Never rejects. */
  close(): Promise<void>
}

/**
 * @param say writes into the run's log
 * @param signal aborted when the run is asked to end
 * @param nextEnd resolves when one of the runs that compute has ended; undefined where none does
 */
export type BeforeRun = (
  config: RunConfig,
  say: (level: LogLine['level'], text: string) => void,
  signal: AbortSignal,
  nextEnd: () => Promise<void> | undefined,
) => Promise<void>

export interface DeviceMeasuringOptions {
  home: string
  spawnTrainer: SpawnTrainer
  publish: Publish
  /** Whether a run's devices are worth measuring. */
  mayHaveGraphicsCard: () => Promise<boolean>
}

const howToGoWithout =
  'To begin without that, stop it on the screen Settings; with WORKBENCH_MEASURE=0 in the environment no run measures.'

/** A process that tries a device and gives no answer for five times so many milliseconds is ended. */
const silence = 12_000

export function createDeviceMeasuring(options: DeviceMeasuringOptions): DeviceMeasuring {
  const { spawnTrainer, publish, mayHaveGraphicsCard } = options
  const cacheFolder = join(options.home, 'cache')
  let measuring: Promise<void> | undefined
  let waiting = 0
  let trying: Supervised | undefined
  let stopped = false
  /** Whether a person stopped a measurement and nobody has asked for one since. */
  let declined = false
  /** Runs that wait until they can measure. */
  let queued = 0
  /** Aborted when these need not wait any longer. */
  let interruption = new AbortController()

  async function joinMeasurement(signal?: AbortSignal): Promise<void> {
    measuring ??= measureAll().finally(() => (measuring = undefined))
    waiting += 1
    try {
      await Promise.race([measuring, ...(signal === undefined ? [] : [aborted(signal)])])
    } finally {
      waiting -= 1
      if (waiting === 0 && measuring !== undefined) {
        abandon()
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
      interrupt()
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

  function abandon(): void {
    if (measuring === undefined) return
    stopped = true
    trying?.kill({ code: 'conflict', message: 'Measuring was stopped.' })
  }

  function interrupt(): void {
    interruption.abort()
    interruption = new AbortController()
  }

  /** Resolves with true when no run computes, with false when the wait was ended before. */
  async function whenAlone(
    nextEnd: () => Promise<void> | undefined,
    say: (text: string) => void,
    signal: AbortSignal,
  ): Promise<boolean> {
    let other = nextEnd()
    if (other === undefined) return true
    say(
      'The devices of this machine are to be measured before this run begins. Other runs are under way that would ' +
        `falsify their times: it waits for the end of these. ${howToGoWithout}`,
    )
    const total = knownDevices().length
    const ended = AbortSignal.any([signal, interruption.signal])
    const end = aborted(ended)
    queued += 1
    publish('devices.progress', { done: 0, total })
    while (other !== undefined && !ended.aborted) {
      await Promise.race([other, end])
      other = nextEnd()
    }
    queued -= 1
    if (!ended.aborted) return true
    if (queued === 0 && measuring === undefined) publish('devices.progress', { done: total, total })
    return false
  }

  async function measureFor(...[{ engine, training }, say, signal, nextEnd]: Parameters<BeforeRun>) {
    if (isDecided(engine, training.backbonePrecision) || fitting(engine, knownDevices()).length === 0) return
    // Those that were tried and cannot be used are there as well: they are not tried again for every run.
    if (declined || fitting(engine, await readDevices(cacheFolder)).length > 0) return
    if (!(await mayHaveGraphicsCard()) || signal.aborted) return
    // Between the last run's end and the measurement no other run may begin: nothing is awaited there.
    if (!(await whenAlone(nextEnd, (text) => say('info', text), signal))) return
    say(
      'info',
      'The devices of this machine were not measured yet, or it or an engine has changed since: they are measured once ' +
        `now, so that “auto” takes the fastest. ${howToGoWithout}`,
    )
    try {
      await joinMeasurement(signal)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      say('warning', `What was measured of the devices could not be kept: ${reason}`)
    }
  }

  return {
    measure() {
      declined = false
      return joinMeasurement()
    },
    stop() {
      if (measuring === undefined && queued === 0) return
      declined = true
      interrupt()
      abandon()
    },
    async lastMeasured() {
      const measured = await readDevices(cacheFolder)
      return knownDevices().map(
        (name) =>
          measured.find(({ engine, device }) => engine === name.engine && device === name.device) ??
          untriedDevice(name),
      )
    },
    async beforeRun(config, say, signal, nextEnd) {
      await measureFor(config, say, signal, nextEnd)
      if (measuring === undefined || signal.aborted) return
      say('info', 'The devices are being measured: the run begins after that.')
      await Promise.race([measuring.catch(() => undefined), aborted(signal)])
    },
    async close() {
      abandon()
      await measuring?.catch(() => undefined)
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
