import { rm } from 'node:fs/promises'

import { WorkbenchError, type Handlers, type RunConfig, type RunSummary } from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import { readLog } from '../store/run-log.ts'
import { readMetrics } from '../store/run-metrics.ts'
import {
  getRun,
  insertRun,
  listRunIds,
  listRuns,
  removeRun,
  requeueRun,
  updateRun,
  type RunRecord,
} from '../store/runs.ts'
import type { Publish } from './events.ts'
import { createJob, executeRun, type EndRequest, type RunExecution } from './run-execution.ts'
import { interruptRuns } from './run-leftovers.ts'
import { defaultRunLimits, type RunLimits } from './run-limits.ts'
import { checkRun } from './run-start.ts'
import { isResumable, runFolder, statusInWords, toRunDetail, toRunSummary } from './run-views.ts'
import type { SpawnTrainer } from './trainer-process.ts'

export type RunHandlers = Pick<
  Handlers,
  | 'runs.start'
  | 'runs.list'
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
  let queue = options.continueQueue ? listRunIds(database, ['queued']) : []
  let closing = false

  function startNext(): void {
    while (!closing && executions.size < limits.concurrency) {
      // A run that was resumed at once may still wait for its last trainer to exit.
      const id = queue.find((queued) => !executions.has(queued))
      if (id === undefined) return
      queue = queue.filter((queued) => queued !== id)
      const execution = executeRun(
        {
          home,
          database,
          publish,
          spawn: options.spawnTrainer,
          limits,
          onChanged: changed,
        },
        id,
      )
      executions.set(id, execution)
      void execution.done.then(() => {
        executions.delete(id)
        startNext()
      })
    }
  }

  /** Called amid a run's course, which a failed look at the store must not end. */
  function changed(id: string): void {
    try {
      const run = getRun(database, id)
      if (run !== undefined) publish('run.changed', toRunSummary(database, home, run))
    } catch (error) {
      console.error(`a change of run ${id} could not be published:`, error)
    }
  }

  function changedSummary(id: string): RunSummary {
    const summary = toRunSummary(database, home, requireRun(database, id))
    publish('run.changed', summary)
    return summary
  }

  async function start(config: RunConfig): Promise<RunSummary> {
    const run = await checkRun(database, options.methods, config)
    if (closing)
      throw new WorkbenchError('unavailable', 'The program is closing. Start the run when it is back.')
    insertRun(database, run)
    queue.push(run.id)
    const summary = changedSummary(run.id)
    startNext()
    return summary
  }

  function resume(id: string): RunSummary {
    const run = requireRun(database, id)
    if (run.status === 'queued' && !queue.includes(id) && !executions.has(id)) {
      // Left in the queue by an earlier program that this one did not take over.
      queue.push(id)
      startNext()
      return changedSummary(id)
    }
    const ended = run.status !== 'running' && run.status !== 'queued' && run.status !== 'finished'
    if (!ended || !isResumable(database, home, run)) {
      const reason = ended
        ? `“${run.name}” ${statusInWords(run.status)} and has no checkpoint to go on from. Start it again as a new run.`
        : `“${run.name}” ${statusInWords(run.status)}: there is nothing to resume.`
      throw new WorkbenchError('conflict', reason)
    }
    createJob(database, home, run)
    requeueRun(database, id)
    queue.push(id)
    const summary = changedSummary(id)
    startNext()
    return summary
  }

  async function end(id: string, how: Exclude<EndRequest, 'close'>): Promise<RunSummary> {
    const run = requireRun(database, id)
    const execution = executions.get(id)
    const queuedAgain = queue.includes(id)
    if (execution !== undefined && !queuedAgain && (run.status === 'running' || run.status === 'queued')) {
      execution.end(how, limits.end)
      await execution.settled
      return toRunSummary(database, home, requireRun(database, id))
    }
    const setAside = run.status === 'paused' || run.status === 'interrupted'
    if (run.status !== 'queued' && !(setAside && how === 'stop')) {
      throw new WorkbenchError(
        'conflict',
        `“${run.name}” ${statusInWords(run.status)}: there is nothing to ${how}.`,
      )
    }
    queue = queue.filter((queued) => queued !== id)
    updateRun(
      database,
      id,
      how === 'pause' ? { status: 'paused' } : { status: 'stopped', endedAt: new Date().toISOString() },
    )
    return changedSummary(id)
  }

  async function remove(id: string): Promise<void> {
    const run = requireRun(database, id)
    if (run.status === 'running') {
      throw new WorkbenchError('conflict', `“${run.name}” is running. Stop it before you remove it.`)
    }
    queue = queue.filter((queued) => queued !== id)
    const execution = executions.get(id)
    if (execution !== undefined) {
      if (run.status === 'queued') execution.end('stop', limits.end)
      await execution.done
    }
    removeRun(database, id)
    publish('run.removed', { id })
    // What cannot be deleted now goes with the sweep of the next start.
    await rm(runFolder(home, id), { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) =>
      console.error(`the folder of run ${id} could not be removed:`, error),
    )
  }

  startNext()

  return {
    handlers: {
      'runs.start': start,
      'runs.list': () => listRuns(database).map((run) => toRunSummary(database, home, run)),
      'runs.get': ({ id }) => toRunDetail(database, home, requireRun(database, id)),
      'runs.metrics': ({ id, names }) => readMetrics(database, requireRun(database, id).id, names),
      'runs.log': ({ id, after }) => readLog(database, requireRun(database, id).id, after),
      'runs.pause': ({ id }) => end(id, 'pause'),
      'runs.resume': ({ id }) => resume(id),
      'runs.stop': ({ id }) => end(id, 'stop'),
      'runs.rename': ({ id, name }) => {
        updateRun(database, requireRun(database, id).id, { name })
        return changedSummary(id)
      },
      'runs.remove': ({ id }) => remove(id),
    },
    async close() {
      closing = true
      const running = [...executions.values()]
      for (const execution of running) execution.end('close', limits.close)
      await Promise.all(running.map((execution) => execution.done))
    },
  }
}

/** Throws `not-found` where there is no such run. */
export function requireRun(database: Database, id: string): RunRecord {
  const run = getRun(database, id)
  if (run === undefined) {
    throw new WorkbenchError(
      'not-found',
      `There is no run ${id}. It may have been removed; see the list of runs.`,
    )
  }
  return run
}
