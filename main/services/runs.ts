import { rm } from 'node:fs/promises'

import {
  WorkbenchError,
  type EngineChoice,
  type Handlers,
  type QueueState,
  type RunConfig,
  type RunSummary,
} from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import { readLog } from '../store/run-log.ts'
import { readMetrics } from '../store/run-metrics.ts'
import {
  insertRun,
  removeRun,
  requeueRun,
  unfinishedAfter,
  updateRun,
  type RunRecord,
} from '../store/runs.ts'
import type { BeforeRun } from './device-measuring.ts'
import type { Publish } from './events.ts'
import { executeRun, type EndRequest, type RunExecution } from './run-execution.ts'
import { isOnCpu, lastSavedStep, movedToCpu } from './run-fallback.ts'
import { createJob } from './run-job.ts'
import { interruptRuns } from './run-leftovers.ts'
import { defaultRunLimits, type RunLimits } from './run-limits.ts'
import { createRunQueue } from './run-queue.ts'
import { checkRun } from './run-start.ts'
import {
  findRunSummary,
  listRunSummaries,
  requireRun,
  runFolder,
  statusInWords,
  toRunDetail,
  toRunSummary,
} from './run-views.ts'
import type { SpawnTrainer } from './trainer-process.ts'

export type RunHandlers = Pick<
  Handlers,
  | 'runs.start'
  | 'runs.list'
  | 'runs.queue'
  | 'runs.reorder'
  | 'runs.setConcurrency'
  | 'runs.get'
  | 'runs.metrics'
  | 'runs.log'
  | 'runs.pause'
  | 'runs.resume'
  | 'runs.stop'
  | 'runs.rename'
  | 'runs.remove'
>

export interface RunService {
  handlers: RunHandlers
  /** How many more runs the device of this engine would start at once. */
  room(engine: EngineChoice): number
  /** Asks running trainers to pause, kills those that take too long, and takes no more work. */
  close(): Promise<void>
}

export interface RunServiceOptions {
  home: string
  database: Database
  methods: Pick<Handlers, 'methods.list' | 'methods.count'>
  spawnTrainer: SpawnTrainer
  publish: Publish
  /** Go on with runs that an earlier program left in the queue. A command that runs for a moment does not. */
  continueQueue: boolean
  /** What each run waits for before it begins. */
  beforeRun?: BeforeRun
  limits?: Partial<RunLimits>
}

/**
 * The runs and their queue. Runs found `running` were left by a program that went away: they become `interrupted`.
 */
export function createRunService(options: RunServiceOptions): RunService {
  const { home, database, publish } = options
  const limits = { ...defaultRunLimits, ...options.limits }
  interruptRuns(database)
  const executions = new Map<string, RunExecution>()
  const queue = createRunQueue(database, { continued: options.continueQueue, usual: limits.concurrency })
  let closing = false
  let lastQueue = ''

  function startNext(): void {
    while (!closing) {
      // A run that was resumed at once may still wait for its last trainer to exit.
      const id = queue.takeNext([...executions.keys()], (queued) => !executions.has(queued))
      if (id === undefined) break
      const execution = executeRun(
        {
          home,
          database,
          publish,
          spawn: options.spawnTrainer,
          limits,
          onChanged: changed,
          beforeRun: options.beforeRun,
          nextEnd,
        },
        id,
      )
      executions.set(id, execution)
      void execution.done.then(() => {
        executions.delete(id)
        startNext()
      })
    }
    tellQueue()
  }

  function nextEnd(): Promise<void> | undefined {
    const computing = [...executions.values()].filter(({ computes }) => computes)
    return computing.length === 0 ? undefined : Promise.race(computing.map(({ done }) => done))
  }

  function queueState(): QueueState {
    return queue.state([...executions.keys()])
  }

  function tellQueue(): QueueState {
    const state = queueState()
    const text = JSON.stringify(state)
    if (text !== lastQueue) publish('queue.changed', state)
    lastQueue = text
    return state
  }

  /** Called amid a run's course, which a failed look at the store must not end. */
  function changed(id: string): void {
    try {
      const run = findRunSummary(database, home, id)
      if (run !== undefined) publish('run.changed', run)
    } catch (error) {
      console.error(`a change of run ${id} could not be published:`, error)
    }
  }

  function changedSummary(id: string): RunSummary {
    const summary = toRunSummary(database, home, id)
    publish('run.changed', summary)
    return summary
  }

  async function start(config: RunConfig): Promise<RunSummary> {
    const run = await checkRun(database, options.methods, config)
    if (closing)
      throw new WorkbenchError('unavailable', 'The program is closing. Start the run when it is back.')
    insertRun(database, run)
    queue.add(run.id)
    const summary = changedSummary(run.id)
    startNext()
    return summary
  }

  function resume(id: string, onCpu = false): RunSummary {
    const run = requireRun(database, id)
    if (run.status === 'queued' && !queue.has(id) && !executions.has(id)) {
      // Left in the queue by an earlier program that this one did not take over.
      queue.add(id)
      startNext()
      return changedSummary(id)
    }
    const ended = run.status !== 'running' && run.status !== 'queued' && run.status !== 'finished'
    if (!ended || !toRunSummary(database, home, id).resumable) {
      const reason = ended
        ? `“${run.name}” ${statusInWords(run.status)} and has no checkpoint to go on from. Start it again as a new run.`
        : `“${run.name}” ${statusInWords(run.status)}: there is nothing to resume.`
      throw new WorkbenchError('conflict', reason)
    }
    createJob(database, home, run)
    if (onCpu) moveToCpu(run)
    requeueRun(database, id)
    queue.add(id)
    const summary = changedSummary(id)
    startNext()
    return summary
  }

  /** A run that has not begun anywhere keeps its choice. */
  function moveToCpu({ id, environment, error = 'It was asked for.' }: RunRecord): void {
    if (environment === undefined || isOnCpu(environment)) return
    const moved = movedToCpu(environment, lastSavedStep(database, home, id), error)
    updateRun(database, id, { environment: moved })
  }

  async function end(id: string, how: Exclude<EndRequest, 'close'>): Promise<RunSummary> {
    const run = requireRun(database, id)
    const execution = executions.get(id)
    const queuedAgain = queue.has(id)
    if (execution !== undefined && !queuedAgain && (run.status === 'running' || run.status === 'queued')) {
      execution.end(how, limits.end)
      await execution.settled
      return toRunSummary(database, home, id)
    }
    const setAside = run.status === 'paused' || run.status === 'interrupted'
    if (run.status !== 'queued' && !(setAside && how === 'stop')) {
      throw new WorkbenchError(
        'conflict',
        `“${run.name}” ${statusInWords(run.status)}: there is nothing to ${how}.`,
      )
    }
    queue.drop(id)
    updateRun(
      database,
      id,
      how === 'pause' ? { status: 'paused' } : { status: 'stopped', endedAt: new Date().toISOString() },
    )
    tellQueue()
    return changedSummary(id)
  }

  async function remove(id: string): Promise<void> {
    const run = requireRun(database, id)
    if (run.status === 'running') {
      throw new WorkbenchError('conflict', `“${run.name}” is running. Stop it before you remove it.`)
    }
    const next = unfinishedAfter(database, id)
      .map((after) => toRunSummary(database, home, after))
      .find(({ status, resumable }) => resumable || status === 'queued' || status === 'running')
    if (next !== undefined) {
      throw new WorkbenchError(
        'conflict',
        `“${next.name}” goes on from “${run.name}” and ${next.resumable ? 'can still be resumed' : 'has not finished'}. Let it finish, or remove it first.`,
      )
    }
    queue.drop(id)
    const execution = executions.get(id)
    if (execution !== undefined) {
      if (run.status === 'queued') execution.end('stop', limits.end)
      await execution.done
    }
    removeRun(database, id)
    publish('run.removed', { id })
    tellQueue()
    // What cannot be deleted now goes with the sweep of the next start.
    await rm(runFolder(home, id), { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) =>
      console.error(`the folder of run ${id} could not be removed:`, error),
    )
  }

  startNext()

  return {
    handlers: {
      'runs.start': start,
      'runs.list': (query) => listRunSummaries(database, home, query),
      'runs.queue': queueState,
      'runs.reorder': ({ id, before }) => {
        queue.move(id, before)
        return tellQueue()
      },
      'runs.setConcurrency': ({ device, runs }) => {
        queue.setConcurrency(device, runs)
        startNext()
        return tellQueue()
      },
      'runs.get': ({ id }) => toRunDetail(database, home, requireRun(database, id)),
      'runs.metrics': ({ id, names }) => readMetrics(database, requireRun(database, id).id, names),
      'runs.log': ({ id, after }) => readLog(database, requireRun(database, id).id, after),
      'runs.pause': ({ id }) => end(id, 'pause'),
      'runs.resume': ({ id, onCpu }) => resume(id, onCpu),
      'runs.stop': ({ id }) => end(id, 'stop'),
      'runs.rename': ({ id, name }) => {
        updateRun(database, requireRun(database, id).id, { name })
        return changedSummary(id)
      },
      'runs.remove': ({ id }) => remove(id),
    },
    room: (engine) => (closing ? 0 : queue.room(engine, [...executions.keys()])),
    async close() {
      closing = true
      const running = [...executions.values()]
      for (const execution of running) execution.end('close', limits.close)
      await Promise.all(running.map((execution) => execution.done))
    },
  }
}
