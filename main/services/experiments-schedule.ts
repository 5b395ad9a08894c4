import type { RunSummary } from '../../preload/contract.ts'
import { findTrainedAdapter } from '../store/adapters.ts'
import type { Database } from '../store/database.ts'
import {
  experimentOfRun,
  getExperiment,
  listExperimentIds,
  listSteps,
  updateExperiment,
  updateStep,
  type ExperimentRecord,
  type StepRecord,
} from '../store/experiments.ts'
import { annotateRuns } from '../store/run-summaries.ts'
import type { Events } from './events.ts'
import { datasetsOf, stepConfig } from './experiments-plan.ts'
import { advance, isActive, isOver, readySteps, statusOf } from './experiments-steps.ts'
import { toExperimentSummary } from './experiments-views.ts'
import { toRunSummary } from './run-views.ts'
import type { RunService } from './runs.ts'

export interface ScheduleOptions {
  database: Database
  home: string
  runs: Pick<RunService, 'handlers' | 'room'>
  events: Events
  /** Go on with experiments that an earlier program left running. */
  continueQueue: boolean
}

/** Starts the runs of experiments as there is room for them. What it goes by is all in the store. */
export interface Schedule {
  /** Takes care of a running experiment from now on. */
  adopt(id: string): void
  /** Looks again at what can start, and resolves when that has been started. */
  look(): Promise<void>
  close(): void
}

/** Between two messages about nothing but progress, milliseconds. */
const tellInterval = 1000

export function createSchedule(options: ScheduleOptions): Schedule {
  const { database, home, events } = options
  const runs = options.runs.handlers
  const mine = new Set(options.continueQueue ? listExperimentIds(database, 'running') : [])
  const lastStatus = new Map<string, RunSummary['status']>()
  const dueTellings = new Map<string, NodeJS.Timeout>()
  let closing = false
  let looking: Promise<void> | undefined
  let lookAgain = false

  function tell(id: string): void {
    clearTimeout(dueTellings.get(id))
    dueTellings.delete(id)
    const record = getExperiment(database, id)
    if (record !== undefined) events.publish('experiment.changed', toExperimentSummary(database, record))
  }

  const unsubscribe = events.subscribe('run.changed', ({ id, status }) => {
    const experiment = experimentOfRun(database, id)
    if (closing || experiment === undefined) {
      if (!closing && isOver(status)) void look()
      return
    }
    if (lastStatus.get(id) !== status) {
      lastStatus.set(id, status)
      tell(experiment)
      void look()
    } else if (!dueTellings.has(experiment)) {
      dueTellings.set(experiment, setTimeout(tell, tellInterval, experiment).unref())
    }
  })
  const unsubscribeQueue = events.subscribe('queue.changed', () => void look())

  async function startStep(experiment: ExperimentRecord, step: StepRecord): Promise<void> {
    const { config } = experiment
    const { plan } = step
    const variant = config.variants.find(({ name }) => name === plan.variant)
    if (variant === undefined) throw new Error(`there is no variant ${plan.variant}`)
    const { modelId, seed, epochs, settings } = plan
    const run = await runs['runs.start'](
      stepConfig(config, variant, {
        name: runName(step),
        modelId,
        datasetIds: datasetsOf(config, plan),
        seed,
        epochs,
        settings,
        adapterIds: [...variant.adapterIds, ...trainedAdapters(experiment.id, plan.dependsOn)],
      }),
    )
    updateStep(database, experiment.id, { ...step, status: 'started', runId: run.id })
    if (config.tags.length > 0) {
      annotateRuns(database, { ids: [run.id], addTags: config.tags, removeTags: [] })
    }
    // Only now does it say which experiment it belongs to.
    events.publish('run.changed', toRunSummary(database, home, run.id))
  }

  function trainedAdapters(experiment: string, keys: readonly string[]): string[] {
    const steps = listSteps(database, experiment)
    return keys.map((key) => {
      const runId = steps.find(({ plan }) => plan.key === key)?.runId
      const adapter = runId === undefined ? undefined : findTrainedAdapter(database, runId)
      if (adapter === undefined) {
        throw new Error(`“${key}” left no adapter in the library, so nothing can build on it.`)
      }
      return adapter
    })
  }

  /** Starts what there is room for, and ends the experiment where nothing is left. */
  async function serve(id: string): Promise<void> {
    for (;;) {
      const experiment = getExperiment(database, id)
      if (closing || experiment?.status !== 'running') return
      for (const changed of advance(listSteps(database, id))) updateStep(database, id, changed)
      const steps = listSteps(database, id)
      const interrupted = steps.find((step) => step.run?.status === 'interrupted')
      if (interrupted?.runId !== undefined) {
        await goOn(interrupted.runId)
        continue
      }
      const [next] = readySteps(steps)
      if (next === undefined) {
        if (!steps.some((step) => isActive(statusOf(step)) || step.status === 'waiting')) end(id, steps)
        return
      }
      if (options.runs.room(experiment.config.engine) < 1) return
      try {
        await startStep(experiment, next)
      } catch (error) {
        if (closing) return
        const reason = error instanceof Error ? error.message : String(error)
        updateStep(database, id, { ...next, status: 'failed', error: reason })
      }
      tell(id)
    }
  }

  async function goOn(runId: string): Promise<void> {
    try {
      await runs['runs.resume']({ id: runId })
    } catch (error) {
      console.error(`run ${runId} of an experiment could not go on:`, error)
      await runs['runs.stop']({ id: runId })
    }
  }

  function end(id: string, steps: readonly StepRecord[]): void {
    const failed = steps.some((step) => ['failed', 'stopped', 'blocked'].includes(statusOf(step)))
    updateExperiment(database, id, {
      status: failed ? 'failed' : 'finished',
      endedAt: new Date().toISOString(),
    })
    mine.delete(id)
    tell(id)
  }

  async function lookOnce(): Promise<void> {
    do {
      lookAgain = false
      for (const id of listExperimentIds(database, 'running')) {
        if (mine.has(id)) await serve(id)
      }
    } while (lookAgain && !closing)
  }

  function look(): Promise<void> {
    if (closing) return Promise.resolve()
    lookAgain = true
    looking ??= lookOnce()
      .catch((error: unknown) => console.error('experiments could not go on:', error))
      .finally(() => {
        looking = undefined
        // What was asked for after the last look, and before this was known to be the last, is looked at now.
        if (lookAgain) void look()
      })
    return looking
  }

  void look()
  return {
    adopt: (id) => void mine.add(id),
    look,
    close() {
      closing = true
      unsubscribe()
      unsubscribeQueue()
      for (const timer of dueTellings.values()) clearTimeout(timer)
    },
  }
}

/** What tells the run from the others of its experiment, which it carries apart. */
function runName({ plan }: StepRecord): string {
  const settings = Object.entries(plan.settings).map(([path, value]) => `${path.split('.').at(-1)} ${value}`)
  const words = [plan.datasetName, plan.variant, ...settings, `seed ${plan.seed}`]
  return words.join(' · ').slice(0, 200)
}
