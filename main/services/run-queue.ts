import { WorkbenchError, type EngineChoice, QueueDevice, type QueueState } from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import { getDeviceChoice, listRunIds, setQueueOrder } from '../store/runs.ts'
import { readSetting, writeSetting } from '../store/settings.ts'

/** The queued runs that this program takes care of, in their order, and how many each device takes at once. */
export interface RunQueue {
  has(id: string): boolean
  add(id: string): void
  drop(id: string): void
  /** The next run whose device has room and that `mayStart`; it is taken out of the queue. */
  takeNext(executing: readonly string[], mayStart: (id: string) => boolean): string | undefined
  /** Moves a queued run before another one, or to the end. @throws WorkbenchError where one is not queued */
  move(id: string, before: string | undefined): void
  setConcurrency(device: QueueDevice, runs: number): void
  /** How many more runs the device of this engine would start at once. */
  room(engine: EngineChoice, executing: readonly string[]): number
  state(executing: readonly string[]): QueueState
}

/**
 * @param continued whether runs that an earlier program left in the queue are taken over
 * @param usual runs at once on a device for which nothing was set
 */
export function createRunQueue(
  database: Database,
  { continued, usual }: { continued: boolean; usual: number },
): RunQueue {
  let queue = continued ? listRunIds(database, ['queued']) : []
  const devices = new Map<string, QueueDevice>()
  /** Asked of every queued run each time that one ends; it never changes. */
  const deviceOf = (id: string): QueueDevice => {
    const device = devices.get(id) ?? named(getDeviceChoice(database, id) ?? 'auto')
    devices.set(id, device)
    return device
  }
  let limits = (readSetting(database, 'concurrency') ?? {}) as Partial<Record<QueueDevice, number>>
  const limitOf = (device: QueueDevice): number => limits[device] ?? usual
  const on = (device: QueueDevice, ids: readonly string[]): string[] =>
    ids.filter((id) => deviceOf(id) === device)

  return {
    has: (id) => queue.includes(id),
    add: (id) => void queue.push(id),
    drop: (id) => void (queue = queue.filter((queued) => queued !== id)),
    takeNext(executing, mayStart) {
      const id = queue.find((queued) => {
        const device = deviceOf(queued)
        return mayStart(queued) && on(device, executing).length < limitOf(device)
      })
      queue = queue.filter((queued) => queued !== id)
      return id
    },
    move(id, before) {
      for (const wanted of before === undefined ? [id] : [id, before]) {
        if (!queue.includes(wanted)) {
          throw new WorkbenchError(
            'conflict',
            `The run ${wanted} does not wait in the queue (any more). Only queued runs can be moved.`,
          )
        }
      }
      if (id === before) return
      const others = queue.filter((queued) => queued !== id)
      const place = before === undefined ? others.length : others.indexOf(before)
      queue = others.toSpliced(place, 0, id)
      setQueueOrder(database, queue)
    },
    setConcurrency(device, runs) {
      const changed = { ...limits, [device]: runs }
      writeSetting(database, 'concurrency', changed)
      limits = changed
    },
    room(engine, executing) {
      const device = named(engine.device)
      return limitOf(device) - on(device, executing).length - on(device, queue).length
    },
    state: (executing) => ({
      devices: [
        ...new Set<QueueDevice>([
          usualDevice,
          ...QueueDevice.options.filter((device) => device in limits),
          ...executing.map(deviceOf),
        ]),
      ].map((device) => ({ device, concurrency: limitOf(device), running: on(device, executing) })),
      queued: [...queue],
    }),
  }
}

/** Where an engine computes that is left to choose for itself. */
const usualDevice = 'cpu'

function named(device: EngineChoice['device']): QueueDevice {
  return device === 'auto' ? usualDevice : device
}
