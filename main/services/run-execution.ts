import { mkdir } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve } from 'node:path'

import { EngineChoice, WorkbenchError, type ContractError, type RunStatus } from '../../preload/contract.ts'
import { assetsFolder } from '../assets.ts'
import type { Database } from '../store/database.ts'
import { getDatasetFile } from '../store/datasets.ts'
import { getModel } from '../store/models.ts'
import { listRunAdapters, listRunTasks } from '../store/run-tasks.ts'
import { getRun, updateRun, type RunRecord, type RunState } from '../store/runs.ts'
import type {
  EarlierRun,
  FromTrainer,
  JobAdapter,
  JobTask,
  TrainJob,
  TrainResult,
} from '../training/messages.ts'
import { requireAdapter } from './adapters.ts'
import { findEarlierRuns } from './earlier-run.ts'
import type { Publish } from './events.ts'
import { waitForProcesses } from './run-leftovers.ts'
import type { RunLimits } from './run-limits.ts'
import { recordRun, type RunRecorder } from './run-recorder.ts'
import { supervise, type FinalMessage, type Supervised } from './run-supervision.ts'
import { runFolder } from './run-views.ts'
import { keepParts, type KeptParts } from './trained-parts.ts'
import type { SpawnTrainer } from './trainer-process.ts'

/** Who asked a running run to end: the user, or the program as it closes. */
export type EndRequest = 'pause' | 'stop' | 'close'

/** One run in the hands of a trainer. */
export interface RunExecution {
  /** Asks the trainer to write a checkpoint and end; after `limit` milliseconds it is killed. */
  end(how: EndRequest, limit: number): void
  /** Resolves when the run's new status is stored. Never rejects. */
  readonly settled: Promise<void>
  /** Resolves when the trainer process is gone as well. Never rejects. */
  readonly done: Promise<void>
}

export interface ExecutionOptions {
  home: string
  database: Database
  publish: Publish
  spawn: SpawnTrainer
  limits: Pick<RunLimits, 'silence' | 'interval' | 'retry' | 'leftover'>
  onChanged: (id: string) => void
}

/** Everything a trainer needs for this run. Throws `not-found` where model or dataset have been removed. */
export function createJob(database: Database, home: string, run: RunRecord): TrainJob {
  const earlier = findEarlierRuns(database, run.config)
  return {
    runId: run.id,
    config: { ...run.config, engine: engineOf(run) },
    modelFolder: modelFolderOf(database, home, run),
    tasks: jobTasks(database, home, run),
    adapters: jobAdapters(database, home, run.id),
    ...(earlier.length > 0 ? { earlier: earlier.map((one) => asEarlier(database, home, one)) } : {}),
    runFolder: runFolder(home, run.id),
    cacheFolder: join(home, 'cache'),
    heldOutFile: join(assetsFolder(), 'held-out.txt'),
    // A trainer that was killed may have written a checkpoint that nobody heard of, so the disk has the last word.
    resume: run.startedAt !== undefined,
  }
}

/** A run that goes on does so on the device that it began on, whatever `auto` would take now: another rounds otherwise. */
function engineOf({ config, environment }: RunRecord): EngineChoice {
  if (environment === undefined) return config.engine
  const { engine, device } = environment
  const begun = EngineChoice.safeParse({ ...config.engine, engine, device })
  return begun.success ? begun.data : config.engine
}

function jobTasks(database: Database, home: string, run: RunRecord): JobTask[] {
  return listRunTasks(database, run.id).map(({ datasetId, datasetName, name, labels }) => {
    const file = getDatasetFile(database, datasetId)
    if (file === undefined) {
      throw new WorkbenchError(
        'not-found',
        `The dataset “${datasetName}” of the run “${run.name}” has been removed. Import it and start a new run.`,
      )
    }
    return { datasetId, name, datasetFile: resolve(home, file), labels }
  })
}

/** What measuring an earlier run's tasks again takes. Those whose dataset has been removed are named without it. */
function asEarlier(database: Database, home: string, run: RunRecord): EarlierRun {
  return {
    runId: run.id,
    name: run.name,
    config: run.config,
    tasks: listRunTasks(database, run.id).map(({ datasetId, name, labels }) => {
      const file = getDatasetFile(database, datasetId)
      return { datasetId, name, labels, ...(file === undefined ? {} : { datasetFile: resolve(home, file) }) }
    }),
    adapters: jobAdapters(database, home, run.id),
    runFolder: runFolder(home, run.id),
  }
}

/** The stored adapters that a run builds on; the store keeps them for as long as the run is there. */
export function jobAdapters(database: Database, home: string, runId: string): JobAdapter[] {
  return listRunAdapters(database, runId).map(({ adapterId, name }) => {
    const { method, file } = requireAdapter(database, adapterId)
    return { id: adapterId, name, method, file: resolve(home, file) }
  })
}

/** The folder of the run's backbone. Throws `not-found` where the model has been removed. */
export function modelFolderOf(database: Database, home: string, run: RunRecord): string {
  const model = getModel(database, run.modelId)
  if (model === undefined) {
    throw new WorkbenchError(
      'not-found',
      `The model “${run.modelName}” of the run “${run.name}” has been removed. Add its folder and start a new run.`,
    )
  }
  return resolve(home, model.folder)
}

/** Takes a queued run to its end. */
export function executeRun(options: ExecutionOptions, id: string): RunExecution {
  const { home, database, onChanged } = options
  let request: EndRequest | undefined
  let closing = false
  let killed = false
  let peakRssBytes = 0
  let limitTimer: NodeJS.Timeout | undefined
  let storageFailure: ContractError | undefined
  let supervised: Supervised | undefined
  let settle = (): void => undefined
  const settled = new Promise<void>((resolve) => {
    settle = resolve
  })

  async function carry(): Promise<void> {
    try {
      const leftover = getRun(database, id)?.trainerPid
      if (leftover !== undefined) await waitForProcesses([leftover], options.limits.leftover)
      const run = getRun(database, id)
      if (run === undefined) return
      // Asked to end before it began: without a request of the user it stays in the queue.
      if (request !== undefined) return request === 'close' ? undefined : await store(endOf(request))
      const job = createJob(database, home, run)
      await Promise.all([
        mkdir(job.runFolder, { recursive: true }),
        mkdir(job.cacheFolder, { recursive: true }),
      ])
      await train(run, job)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      await store({ status: 'failed', error: message, endedAt: now() })
    } finally {
      settle()
      await supervised?.exited
    }
  }

  async function train(run: RunRecord, job: TrainJob): Promise<void> {
    updateRun(database, id, { status: 'running', startedAt: run.startedAt ?? now() })
    onChanged(id)
    peakRssBytes = run.peakRssBytes ?? 0
    const recorder = recordRun({
      database,
      runId: id,
      publish: options.publish,
      interval: options.limits.interval,
      onChanged: () => onChanged(id),
      onFailure: (error) => {
        if (storageFailure !== undefined) return
        storageFailure = describeStorageFailure(home, error)
        supervised?.send({ type: 'pause' })
      },
    })
    const ended = await new Promise<FinalMessage>((resolve) => {
      supervised = supervise({
        spawn: options.spawn,
        first: { type: 'train', job },
        silence: options.limits.silence,
        onMessage: (message) => record(recorder, run, message),
        onEnd: (message, lastLines) => {
          for (const line of lastLines) recorder.log('error', line)
          resolve(message)
        },
      })
      // Under the desktop shell the id is known only after a while; `started` records it then.
      recorder.set({ trainerPid: supervised.pid })
      if (request !== undefined) sendRequest(request)
    })
    clearTimeout(limitTimer)
    const state = stateAfter(ended)
    if (state.error !== undefined) recorder.log('error', state.error)
    if (ended.type === 'failed' && ended.error.detail !== undefined) recorder.log('error', ended.error.detail)
    const kept = ended.type === 'finished' ? await keep(ended.result, recorder) : undefined
    while (!recorder.flush() && !closing) await delay(options.limits.retry)
    await store(state, kept)
  }

  /** A run whose parts cannot be kept has finished all the same: its own checkpoint is there. */
  async function keep(result: TrainResult, recorder: RunRecorder): Promise<KeptParts | undefined> {
    try {
      const run = getRun(database, id)
      return run === undefined ? undefined : await keepParts({ database, home }, run, result)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      recorder.log('error', `What this run has trained could not be kept in the library: ${reason}`)
      return undefined
    }
  }

  function record(recorder: RunRecorder, run: RunRecord, message: FromTrainer): void {
    switch (message.type) {
      case 'heartbeat':
        if (message.rssBytes <= peakRssBytes) return
        peakRssBytes = message.rssBytes
        return recorder.set({ peakRssBytes })
      case 'started': {
        const { environment, trainableParameters, backboneParameters, backboneHashBefore } = message
        if (run.backboneHashBefore !== undefined && run.backboneHashBefore !== backboneHashBefore) {
          supervised?.kill({
            code: 'conflict',
            message: `The weights of the model “${run.modelName}” have changed since this run began, so it cannot go on. Put the old files back, or start a new run.`,
          })
          return
        }
        const trainerPid = supervised?.pid
        recorder.set({
          environment,
          trainableParameters,
          backboneParameters,
          backboneHashBefore,
          trainerPid,
        })
        recorder.flush()
        return
      }
      case 'log':
        return recorder.log(message.level, message.text)
      case 'progress':
        return recorder.set({ progress: message.progress })
      case 'metrics': {
        recorder.metrics(message.points)
        const speed = message.points.findLast((point) => point.name === 'train.examplesPerSecond')
        if (speed !== undefined) recorder.set({ examplesPerSecond: speed.value })
        return
      }
      case 'checkpoint': {
        const { kind, epoch, step, bytes, path } = message
        const inFolder = isAbsolute(path) ? relative(runFolder(home, id), path) : path
        recorder.checkpoint({ kind, epoch, step, bytes, path: inFolder })
        recorder.flush()
        return
      }
      default:
    }
  }

  function sendRequest(how: EndRequest): void {
    supervised?.send({ type: how === 'stop' ? 'stop' : 'pause' })
  }

  /** What the run becomes by its trainer's last word. */
  function stateAfter(message: FinalMessage): Partial<RunState> {
    if (storageFailure !== undefined && message.type !== 'finished') {
      return { status: 'failed', error: storageFailure.message, endedAt: now() }
    }
    switch (message.type) {
      case 'finished': {
        const { best, test, confusion, tasks: taskResults, analysis, backboneHashAfter } = message.result
        const { examplesPerSecond, stepMs, peakRssBytes, seconds } = message.result
        return {
          status: 'finished',
          endedAt: now(),
          ...{ best, test, confusion, taskResults, analysis, backboneHashAfter },
          ...{ examplesPerSecond, stepMs, peakRssBytes, seconds },
        }
      }
      case 'paused':
      case 'stopped':
        return endOf(request ?? (message.type === 'paused' ? 'pause' : 'stop'))
      case 'failed':
        if (killed && request !== undefined) return endOf(request === 'pause' ? 'close' : request)
        return { status: 'failed', error: message.error.message, endedAt: now() }
      case 'predicted':
      case 'converted':
      case 'measured':
        return { status: 'failed', error: 'The trainer answered another question.', endedAt: now() }
    }
  }

  /** Stores the run's end, again and again while the store cannot be written, unless the program closes. */
  async function store(state: Partial<RunState>, kept?: KeptParts): Promise<void> {
    for (;;) {
      try {
        database.transaction(() => {
          updateRun(database, id, { ...state, trainerPid: undefined })
          kept?.insert()
        })()
        break
      } catch (error) {
        console.error(`the end of run ${id} could not be stored:`, error)
        if (closing) return
        await delay(options.limits.retry)
      }
    }
    onChanged(id)
    for (const adapter of kept?.ids ?? []) options.publish('adapter.changed', { id: adapter })
    await kept?.finish()
  }

  return {
    end(how, limit) {
      closing ||= how === 'close'
      // What the user asked for stays when the program closes meanwhile.
      request = how === 'close' ? (request ?? how) : how
      sendRequest(request)
      clearTimeout(limitTimer)
      limitTimer = setTimeout(() => {
        killed = true
        const message = `The trainer did not end within ${limit / 1000} seconds and was killed.`
        supervised?.kill({ code: 'engine', message })
      }, limit)
      void settled.then(() => clearTimeout(limitTimer))
    },
    settled,
    done: carry(),
  }
}

function endOf(request: EndRequest): Partial<RunState> {
  const status = { pause: 'paused', stop: 'stopped', close: 'interrupted' } as const satisfies Record<
    EndRequest,
    RunStatus
  >
  return request === 'stop' ? { status: status.stop, endedAt: now() } : { status: status[request] }
}

function describeStorageFailure(home: string, error: unknown): ContractError {
  const reason = error instanceof Error ? error.message : String(error)
  return {
    code: 'storage',
    message: `The run's measurements could not be written to ${home}: ${reason}. Free some space there and resume the run.`,
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

function now(): string {
  return new Date().toISOString()
}
