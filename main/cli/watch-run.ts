import { WorkbenchError, type RunStatus, type RunSummary } from '../../preload/contract.ts'
import { onStopSignal } from '../signals.ts'
import type { Client } from './client.ts'
import type { BarState } from './format.ts'
import type { Output } from './output.ts'
import { Interrupted } from './usage.ts'

const endings: readonly RunStatus[] = ['paused', 'interrupted', 'finished', 'failed', 'stopped']
/** Events say when a run changed; this is for one that got lost. */
const pollMilliseconds = 2000

export interface WatchOptions {
  /** Stands before what is said about the run, such as `TREC, seq_bn: `. */
  title?: string
  /** Say only progress and warnings, not the whole log. */
  quiet?: boolean
}

/**
 * Start (or resume) a run by `begin` and watch it until it finishes; its log and progress go to stderr. Ctrl-C pauses
 * it with a checkpoint to go on from. When the process whose workbench had it ends, it goes on in the next one's.
 * @throws Interrupted when it was paused or stopped, WorkbenchError when it failed
 */
export async function watchRun(
  client: Client,
  output: Output,
  begin: () => Promise<RunSummary>,
  { title = '', quiet = false }: WatchOptions = {},
): Promise<RunSummary> {
  let id: string | undefined
  let stopWanted = false
  let settle: (run: RunSummary) => void = () => undefined
  let giveUp: (error: unknown) => void = () => undefined
  const ended = new Promise<RunSummary>((done, fail) => {
    settle = done
    giveUp = fail
  })
  ended.catch(() => undefined)

  const see = (run: RunSummary): void => {
    if (run.id !== id) return
    if (endings.includes(run.status)) settle(run)
    else output.progress(progressOf(run, title, quiet))
  }
  const stops = [
    client.subscribe('run.changed', see),
    client.subscribe('run.log', ({ id: of, lines }) => {
      if (of !== id) return
      for (const { level, text } of lines) {
        if (level !== 'info') output.log(`${title}${level}: ${text}`)
        else if (!quiet) output.log(title + text)
      }
    }),
    onStopSignal(() => {
      stopWanted = true
      output.log('Stopping with a checkpoint …')
      if (id !== undefined) pauseOrStop(client, id).then(see, giveUp)
    }),
  ]
  client.onReplaced(() => {
    if (id === undefined || stopWanted) return giveUp(wentAway(id))
    output.log(`${title}The program that had this run ended; it goes on here.`)
    goOn(client, id).then(see, (error: unknown) => giveUp(wentAway(id, error)))
  })
  client.onLost((error) => giveUp(wentAway(id, error)))

  try {
    const started = await begin()
    id = started.id
    const poll = setInterval(() => {
      client.invoke('runs.get', { id: started.id }).then(see, () => undefined)
    }, pollMilliseconds)
    stops.push(() => clearInterval(poll))
    see(started)
    if (stopWanted) pauseOrStop(client, started.id).then(see, giveUp)
    return judge(await ended)
  } finally {
    for (const stop of stops) stop()
    output.endProgress()
  }
}

/** Resumes a run that its last program left behind, unless it had ended before. */
async function goOn(client: Client, id: string): Promise<RunSummary> {
  const run = await client.invoke('runs.get', { id })
  const isLeft = run.status === 'queued' || run.status === 'interrupted'
  return isLeft ? client.invoke('runs.resume', { id }) : run
}

async function pauseOrStop(client: Client, id: string): Promise<RunSummary> {
  try {
    return await client.invoke('runs.pause', { id })
  } catch {
    return client.invoke('runs.stop', { id })
  }
}

function judge(run: RunSummary): RunSummary {
  if (run.status === 'finished') return run
  if (run.status === 'failed') {
    const resume = run.resumable ? ` To go on from its last checkpoint: workbench runs resume ${run.id}` : ''
    throw new WorkbenchError(
      'engine',
      `The run ${run.name} failed: ${run.error ?? 'no reason is known.'}${resume}`,
    )
  }
  const how = run.resumable
    ? `To go on: workbench runs resume ${run.id}`
    : 'It has no checkpoint yet, so it can only be started anew.'
  throw new Interrupted(`The run ${run.name} is ${run.status}. ${how}`, {
    runId: run.id,
    status: run.status,
    resumable: run.resumable,
  })
}

function progressOf(run: RunSummary, title: string, quiet: boolean): BarState {
  const { progress } = run
  if (progress === undefined) {
    const words = quiet ? { label: title, detail: run.status } : { label: title + run.status }
    return { ...words, done: undefined, secondsLeft: undefined }
  }
  const { epoch, epochs, step, steps, phase, secondsLeft } = progress
  const words = `epoch ${String(epoch)}/${String(epochs)}`
  return {
    label: quiet ? title : title + words,
    detail: quiet ? `${words}, ${phase}` : phase,
    done: steps > 0 ? step / steps : undefined,
    secondsLeft,
  }
}

function wentAway(id: string | undefined, cause?: unknown): WorkbenchError {
  const reason = cause instanceof Error ? ` ${cause.message}` : ''
  const resume = id === undefined ? '' : ` To go on with the run: workbench runs resume ${id}`
  return new WorkbenchError('unavailable', `The workbench process went away.${reason}${resume}`, { cause })
}
