import { mkdir } from 'node:fs/promises'
import { isAbsolute, relative } from 'node:path'

import type { ContractError, RunEnvironment, RunStatus } from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import { getRun, updateRun, type RunRecord, type RunState } from '../store/runs.ts'
import type { FromTrainer, TrainJob, TrainResult } from '../training/messages.ts'
import type { BeforeRun } from './device-measuring.ts'
import type { Publish } from './events.ts'
import { goesOnOnCpu, goingOn, hintAtCpu, lastSavedStep, movedInWords, movedToCpu } from './run-fallback.ts'
import { createJob } from './run-job.ts'
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
  /** Whether it was given to a trainer, and waits for nothing any more. */
  readonly computes: boolean
}

export interface ExecutionOptions {
  home: string
  database: Database
  publish: Publish
  spawn: SpawnTrainer
  limits: Pick<RunLimits, 'silence' | 'interval' | 'retry' | 'leftover'>
  onChanged: (id: string) => void
  /** What a run waits for before it is given to a trainer. */
  beforeRun?: BeforeRun | undefined
  /** Resolves when one of the runs that compute has ended; undefined where none does. */
  nextEnd: () => Promise<void> | undefined
}

/** Takes a queued run to its end. */
export function executeRun(options: ExecutionOptions, id: string): RunExecution {
  const { home, database, onChanged } = options
  let request: EndRequest | undefined
  let closing = false
  let killed = false
  let computes = false
  let peakRssBytes = 0
  let limitTimer: NodeJS.Timeout | undefined
  let storageFailure: ContractError | undefined
  let supervised: Supervised | undefined
  /** Where the run computes, or did last. */
  let environment: RunEnvironment | undefined
  const ending = new AbortController()
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
      if (request !== undefined) return await endUnbegun(request)
      const job = createJob(database, home, run)
      await Promise.all([
        mkdir(job.runFolder, { recursive: true }),
        mkdir(job.cacheFolder, { recursive: true }),
      ])
      const recorder = recorderOf()
      await options.beforeRun?.(
        job.config,
        (level, text) => {
          recorder.log(level, text)
          recorder.flush()
        },
        ending.signal,
        options.nextEnd,
      )
      if (request !== undefined) return await endUnbegun(request)
      await train(run, job, recorder)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      await store({ status: 'failed', error: message, endedAt: now() })
    } finally {
      settle()
      await supervised?.exited
    }
  }

  /** Without a request of the user it stays in the queue. */
  async function endUnbegun(how: EndRequest): Promise<void> {
    if (how !== 'close') await store(endOf(how))
  }

  function recorderOf(): RunRecorder {
    return recordRun({
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
  }

  async function train(run: RunRecord, job: TrainJob, recorder: RunRecorder): Promise<void> {
    computes = true
    updateRun(database, id, { status: 'running', startedAt: run.startedAt ?? now() })
    onChanged(id)
    peakRssBytes = run.peakRssBytes ?? 0
    environment = run.environment
    let ended = await attempt(recorder, run, job)
    if (request === undefined && storageFailure === undefined && goesOnOnCpu(run, environment, ended)) {
      ended = await attemptOnCpu(recorder, run, ended)
    }
    clearTimeout(limitTimer)
    const state = stateAfter(ended, run)
    if (state.error !== undefined) recorder.log('error', state.error)
    if (ended.type === 'failed' && ended.error.detail !== undefined) recorder.log('error', ended.error.detail)
    const kept = ended.type === 'finished' ? await keep(ended.result, recorder) : undefined
    while (!recorder.flush() && !closing) await delay(options.limits.retry)
    await store(state, kept)
  }

  /** Gives the run to a trainer, and answers with its last word. */
  function attempt(recorder: RunRecorder, run: RunRecord, job: TrainJob): Promise<FinalMessage> {
    return new Promise((resolve) => {
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
      else if (storageFailure !== undefined) supervised.send({ type: 'pause' })
    })
  }

  /** Goes on from the latest checkpoint where the device has failed. */
  async function attemptOnCpu(
    recorder: RunRecorder,
    run: RunRecord,
    failed: Extract<FinalMessage, { type: 'failed' }>,
  ): Promise<FinalMessage> {
    const from = environment
    if (from === undefined) return failed
    environment = movedToCpu(from, lastSavedStep(database, home, id), failed.error.message)
    recorder.log('warning', movedInWords(environment))
    recorder.set({ environment })
    if (!recorder.flush()) return failed
    // Its memory is free then.
    await supervised?.exited
    return attempt(
      recorder,
      run,
      createJob(database, home, { ...run, environment, startedAt: run.startedAt ?? now() }),
    )
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
        const { trainableParameters, backboneParameters, backboneHashBefore } = message
        if (run.backboneHashBefore !== undefined && run.backboneHashBefore !== backboneHashBefore) {
          supervised?.kill({
            code: 'conflict',
            message: `The weights of the model “${run.modelName}” have changed since this run began, so it cannot go on. Put the old files back, or start a new run.`,
          })
          return
        }
        const trainerPid = supervised?.pid
        environment = goingOn(environment, message.environment)
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
  function stateAfter(message: FinalMessage, run: RunRecord): Partial<RunState> {
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
        return {
          status: 'failed',
          error: message.error.message + hintAtCpu(run, environment, message),
          endedAt: now(),
        }
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
      ending.abort()
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
    get computes() {
      return computes
    },
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
