import { WorkbenchError, type ExperimentStatus, type ExperimentSummary } from '../../preload/contract.ts'
import { onStopSignal } from '../signals.ts'
import type { Client } from './client.ts'
import type { Output } from './output.ts'
import { Interrupted } from './usage.ts'

const endings: readonly ExperimentStatus[] = ['paused', 'finished', 'failed', 'cancelled']
/** Events say when an experiment changed; this is for one that got lost. */
const pollMilliseconds = 2000

/**
 * Watches an experiment until it ends. Ctrl-C pauses it, with a checkpoint of the run that goes on. When the process
 * whose workbench had it ends, it goes on in the next one's.
 *
 * @throws Interrupted when it was paused or cancelled
 */
export async function watchExperiment(
  client: Client,
  output: Output,
  id: string,
): Promise<ExperimentSummary> {
  let settle: (experiment: ExperimentSummary) => void = () => undefined
  let giveUp: (error: unknown) => void = () => undefined
  const ended = new Promise<ExperimentSummary>((done, fail) => {
    settle = done
    giveUp = fail
  })
  ended.catch(() => undefined)
  let stopWanted = false
  const see = (experiment: ExperimentSummary): void => {
    if (experiment.id !== id) return
    if (endings.includes(experiment.status)) settle(experiment)
    else showProgress(output, experiment)
  }
  const stops = [
    client.subscribe('experiment.changed', see),
    client.subscribe('run.changed', (run) => {
      if (run.experiment?.id !== id || run.status !== 'failed') return
      output.log(`failed: ${run.name}: ${run.error ?? 'no reason is known'}`)
    }),
    onStopSignal(() => {
      stopWanted = true
      output.log('Pausing with a checkpoint …')
      client.invoke('experiments.pause', { id }).then(see, giveUp)
    }),
  ]
  const poll = setInterval(() => {
    client.invoke('experiments.get', { id }).then(see, () => undefined)
  }, pollMilliseconds)
  client.onReplaced(() => {
    if (stopWanted) return giveUp(wentAway(id))
    output.log('The program that had this experiment ended; it goes on here.')
    client.invoke('experiments.resume', { id }).then(see, (error: unknown) => giveUp(wentAway(id, error)))
  })
  client.onLost((error) => giveUp(wentAway(id, error)))
  try {
    see(await client.invoke('experiments.get', { id }))
    const experiment = await ended
    if (experiment.status === 'paused' || experiment.status === 'cancelled') {
      throw new Interrupted(
        `The experiment ${experiment.name} is ${experiment.status}. To go on: workbench experiment ` +
          `${experiment.status === 'paused' ? 'resume' : 'retry'} ${id}`,
        { experimentId: id, status: experiment.status },
      )
    }
    return experiment
  } finally {
    clearInterval(poll)
    for (const stop of stops) stop()
    output.endProgress()
  }
}

function showProgress(output: Output, { name, counts, done, secondsLeft }: ExperimentSummary): void {
  const over = counts.finished + counts.failed + counts.leftOut
  output.progress({
    label: `${name}: ${String(over)} of ${String(counts.total)} runs`,
    ...(counts.failed > 0 ? { detail: `${String(counts.failed)} failed` } : {}),
    done,
    secondsLeft,
  })
}

function wentAway(id: string, cause?: unknown): WorkbenchError {
  const reason = cause instanceof Error ? ` ${cause.message}` : ''
  return new WorkbenchError(
    'unavailable',
    `The workbench process went away.${reason} To go on: workbench experiment resume ${id}`,
    { cause },
  )
}
