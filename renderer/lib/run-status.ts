/** What a run's state allows, in one place for buttons, bulk actions and the keyboard. */
import type { RunStatus, RunSummary } from '../../preload/contract.ts'

export type RunAction = 'pause' | 'resume' | 'stop' | 'remove'

/** It is being worked on or waits for its turn. */
export function isLive(status: RunStatus): boolean {
  return status === 'running' || status === 'queued'
}

/** Whether an action makes sense for a run as it stands. */
export function allows(run: RunSummary, action: RunAction): boolean {
  switch (action) {
    case 'pause':
      return run.status === 'running'
    case 'resume':
      return (
        run.status === 'paused' ||
        ((run.status === 'interrupted' || run.status === 'stopped' || run.status === 'failed') &&
          run.resumable)
      )
    case 'stop':
      return isLive(run.status) || run.status === 'paused' || run.status === 'interrupted'
    case 'remove':
      return run.status !== 'running'
  }
}

export const statusWords: Record<RunStatus, string> = {
  queued: 'Queued',
  running: 'Running',
  paused: 'Paused',
  interrupted: 'Interrupted',
  finished: 'Finished',
  failed: 'Failed',
  stopped: 'Stopped',
}

/** Share of the run's steps that are done, 0 to 1; a finished run is whole. */
export function shareDone(run: RunSummary): number {
  if (run.status === 'finished') return 1
  if (run.progress === undefined || run.progress.steps === 0) return 0
  return Math.min(1, run.progress.step / run.progress.steps)
}
