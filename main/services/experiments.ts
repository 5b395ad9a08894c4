import { randomBytes } from 'node:crypto'

import {
  WorkbenchError,
  type ExperimentConfig,
  type ExperimentDetail,
  type ExperimentSummary,
  type Handlers,
} from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import {
  getExperiment,
  insertExperiment,
  listExperiments,
  listSteps,
  removeExperiment,
  updateExperiment,
  updateStep,
  type ExperimentRecord,
} from '../store/experiments.ts'
import type { Events } from './events.ts'
import { defaultExperiment } from './experiments-default.ts'
import { planExperiment } from './experiments-plan.ts'
import { createSchedule } from './experiments-schedule.ts'
import { statusOf } from './experiments-steps.ts'
import { toExperimentDetail, toExperimentSummary } from './experiments-views.ts'
import { toRunSummary } from './run-views.ts'
import type { RunService } from './runs.ts'

export type ExperimentHandlers = Pick<
  Handlers,
  | 'experiments.plan'
  | 'experiments.default'
  | 'experiments.create'
  | 'experiments.list'
  | 'experiments.get'
  | 'experiments.start'
  | 'experiments.pause'
  | 'experiments.resume'
  | 'experiments.cancel'
  | 'experiments.retry'
  | 'experiments.update'
  | 'experiments.remove'
>

export interface ExperimentService {
  handlers: ExperimentHandlers
  /** Starts nothing more. What runs is the run service's. */
  close(): void
}

export interface ExperimentServiceOptions {
  database: Database
  home: string
  methods: Pick<Handlers, 'methods.list' | 'methods.count'>
  runs: Pick<RunService, 'handlers' | 'room'>
  events: Events
  /** Go on with experiments that an earlier program left running. A command that runs for a moment does not. */
  continueQueue: boolean
}

/** Named questions whose runs are started one after the other, in an order that what they build on allows. */
export function createExperimentService(options: ExperimentServiceOptions): ExperimentService {
  const { database, home, events } = options
  const runs = options.runs.handlers
  const schedule = createSchedule(options)

  function changed(id: string): ExperimentSummary {
    const summary = toExperimentSummary(database, requireExperiment(database, id))
    events.publish('experiment.changed', summary)
    return summary
  }

  async function begin(id: string): Promise<ExperimentSummary> {
    const { startedAt = new Date().toISOString() } = requireExperiment(database, id)
    updateExperiment(database, id, { status: 'running', startedAt, endedAt: undefined })
    schedule.adopt(id)
    await schedule.look()
    return changed(id)
  }

  async function create(config: ExperimentConfig, start: boolean): Promise<ExperimentDetail> {
    const { problems, runs: planned } = await planExperiment(options, config)
    if (problems.length > 0) throw new WorkbenchError('bad-input', problems.join(' '))
    const id = randomBytes(6).toString('hex')
    const { name, question, priority } = config
    const createdAt = new Date().toISOString()
    insertExperiment(database, { id, name, question, priority, config, createdAt, status: 'ready' }, planned)
    if (start) await begin(id)
    else changed(id)
    return toExperimentDetail(database, requireExperiment(database, id))
  }

  async function startReady(id: string): Promise<ExperimentSummary> {
    requireStatus(requireExperiment(database, id), ['ready'], 'started')
    return begin(id)
  }

  /** Runs that were set aside go on as well. */
  async function resume(id: string): Promise<ExperimentSummary> {
    requireStatus(requireExperiment(database, id), ['paused', 'running', 'ready'], 'resumed')
    for (const { runId, run } of listSteps(database, id)) {
      if (runId !== undefined && run?.status === 'paused') await runs['runs.resume']({ id: runId })
    }
    return begin(id)
  }

  /** Ends what runs in this way; what has ended meanwhile is left as it is. Nothing more is to start any longer. */
  async function endRuns(id: string, how: 'pause' | 'stop'): Promise<void> {
    // A step that was just being started has a run only then.
    await schedule.look()
    for (const { runId, run } of listSteps(database, id)) {
      const ends = how === 'pause' ? ['queued', 'running'] : ['queued', 'running', 'paused', 'interrupted']
      if (runId === undefined || run === undefined || !ends.includes(run.status)) continue
      try {
        await runs[how === 'pause' ? 'runs.pause' : 'runs.stop']({ id: runId })
      } catch (error) {
        if (!(error instanceof WorkbenchError) || error.code !== 'conflict') throw error
      }
    }
  }

  async function pause(id: string): Promise<ExperimentSummary> {
    requireStatus(requireExperiment(database, id), ['running'], 'paused')
    updateExperiment(database, id, { status: 'paused' })
    await endRuns(id, 'pause')
    return changed(id)
  }

  async function cancel(id: string): Promise<ExperimentSummary> {
    requireStatus(requireExperiment(database, id), ['ready', 'running', 'paused', 'failed'], 'cancelled')
    updateExperiment(database, id, { status: 'cancelled', endedAt: new Date().toISOString() })
    await endRuns(id, 'stop')
    for (const step of listSteps(database, id)) {
      if (step.status === 'waiting') updateStep(database, id, { ...step, status: 'left-out' })
    }
    return changed(id)
  }

  async function retry(id: string, key: string | undefined): Promise<ExperimentSummary> {
    const experiment = requireExperiment(database, id)
    const steps = listSteps(database, id)
    if (key !== undefined && !steps.some(({ plan }) => plan.key === key)) {
      throw new WorkbenchError('not-found', `“${experiment.name}” has no step “${key}”.`)
    }
    const lost = steps.filter((step) => {
      const isLost = ['failed', 'stopped', 'blocked', 'left-out'].includes(statusOf(step))
      // What it blocked follows a step that is tried again.
      return isLost && (key === undefined || step.plan.key === key || statusOf(step) === 'blocked')
    })
    if (lost.length === 0) {
      throw new WorkbenchError(
        'conflict',
        `Nothing of “${experiment.name}” has failed: there is nothing to retry.`,
      )
    }
    for (const step of lost) {
      const { runId, position, plan } = step
      if (runId !== undefined && step.run !== undefined && toRunSummary(database, home, runId).resumable) {
        await runs['runs.resume']({ id: runId })
      } else {
        updateStep(database, id, { position, plan, status: 'waiting' })
      }
    }
    return begin(id)
  }

  function remove(id: string): void {
    const experiment = requireExperiment(database, id)
    if (experiment.status === 'running') {
      throw new WorkbenchError(
        'conflict',
        `“${experiment.name}” is running. Cancel it before you remove it; its runs stay.`,
      )
    }
    removeExperiment(database, id)
    events.publish('experiment.removed', { id })
  }

  return {
    handlers: {
      'experiments.plan': (config) => planExperiment(options, config),
      'experiments.default': (input) => defaultExperiment(database, input),
      'experiments.create': ({ config, start }) => create(config, start),
      'experiments.list': () => listExperiments(database).map((one) => toExperimentSummary(database, one)),
      'experiments.get': ({ id }) => toExperimentDetail(database, requireExperiment(database, id)),
      'experiments.start': ({ id }) => startReady(id),
      'experiments.pause': ({ id }) => pause(id),
      'experiments.resume': ({ id }) => resume(id),
      'experiments.cancel': ({ id }) => cancel(id),
      'experiments.retry': ({ id, key }) => retry(id, key),
      'experiments.update': ({ id, name, question, priority }) => {
        requireExperiment(database, id)
        updateExperiment(database, id, {
          ...(name === undefined ? {} : { name }),
          ...(question === undefined ? {} : { question }),
          ...(priority === undefined ? {} : { priority }),
        })
        return changed(id)
      },
      'experiments.remove': ({ id }) => remove(id),
    },
    close: () => schedule.close(),
  }
}

/** @throws WorkbenchError `not-found` where there is no such experiment */
function requireExperiment(database: Database, id: string): ExperimentRecord {
  const experiment = getExperiment(database, id)
  if (experiment !== undefined) return experiment
  throw new WorkbenchError('not-found', `There is no experiment ${id}. It may have been removed.`)
}

function requireStatus(
  { name, status }: ExperimentRecord,
  allowed: readonly ExperimentRecord['status'][],
  what: string,
): void {
  if (allowed.includes(status)) return
  throw new WorkbenchError('conflict', `“${name}” is ${status} and cannot be ${what}.`)
}
