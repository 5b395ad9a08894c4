import type { LogLine, MetricPoint } from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import { writeCheckpoint, type CheckpointRecord } from '../store/run-checkpoints.ts'
import { appendLog } from '../store/run-log.ts'
import { writeMetrics } from '../store/run-metrics.ts'
import { updateRun, type RunState } from '../store/runs.ts'
import type { Publish } from './events.ts'

/** Writes what a running run reports, in batches: one transaction and one message per topic a few times a second. */
export interface RunRecorder {
  set(changes: Partial<RunState>): void
  metrics(points: readonly MetricPoint[]): void
  log(level: LogLine['level'], text: string): void
  checkpoint(checkpoint: CheckpointRecord): void
  /** Writes now what is waiting. False when the store could not be written: it all waits for the next time. */
  flush(): boolean
}

export interface RecorderOptions {
  database: Database
  runId: string
  publish: Publish
  /** Called after a write that changed what the run's summary shows. */
  onChanged: () => void
  /** The store could not be written. */
  onFailure: (error: unknown) => void
  /** Milliseconds between two writes. */
  interval: number
}

const pointsPerWrite = 5000

export function recordRun(options: RecorderOptions): RunRecorder {
  const { database, runId, publish } = options
  let changes: Partial<RunState> = {}
  let points: MetricPoint[] = []
  let lines: Omit<LogLine, 'sequence'>[] = []
  let checkpoints: CheckpointRecord[] = []
  let timer: NodeJS.Timeout | undefined

  function flush(): boolean {
    clearTimeout(timer)
    timer = undefined
    let numbered: LogLine[]
    try {
      numbered = database.transaction(() => {
        if (points.length > 0) writeMetrics(database, runId, points)
        for (const checkpoint of checkpoints) writeCheckpoint(database, runId, checkpoint)
        updateRun(database, runId, changes)
        return appendLog(database, runId, lines)
      })()
    } catch (error) {
      options.onFailure(error)
      return false
    }
    const summaryChanged = Object.keys(changes).length > 0 || checkpoints.length > 0
    const written = points
    points = []
    lines = []
    checkpoints = []
    changes = {}
    if (written.length > 0) publish('run.metrics', { id: runId, points: written })
    if (numbered.length > 0) publish('run.log', { id: runId, lines: numbered })
    if (summaryChanged) options.onChanged()
    return true
  }

  function soon(): void {
    timer ??= setTimeout(flush, options.interval)
  }

  function log(level: LogLine['level'], text: string): void {
    lines.push({ time: new Date().toISOString(), level, text })
    soon()
  }

  return {
    set(next) {
      changes = { ...changes, ...next }
      soon()
    },
    metrics(next) {
      for (const point of next) {
        if (Number.isFinite(point.value)) points.push(point)
        else log('warning', `${point.name} at step ${point.step} is ${point.value} and was left out.`)
      }
      if (points.length >= pointsPerWrite) flush()
      else soon()
    },
    log,
    checkpoint(checkpoint) {
      checkpoints.push(checkpoint)
      soon()
    },
    flush,
  }
}
