/** What an experiment's state is called and allows. */
import type { ExperimentStatus, ExperimentSummary } from '../../preload/contract.ts'

export type ExperimentAction = 'start' | 'pause' | 'resume' | 'cancel' | 'retry'

export const actionWords: Record<ExperimentAction, string> = {
  start: 'Start',
  pause: 'Pause',
  resume: 'Resume',
  cancel: 'Cancel',
  retry: 'Retry failed',
}

export const experimentWords: Record<ExperimentStatus, string> = {
  ready: 'Ready',
  running: 'Running',
  paused: 'Paused',
  finished: 'Finished',
  failed: 'Failed',
  cancelled: 'Cancelled',
}

/** What an experiment's state allows. */
export function actionsOf({
  status: now,
  counts,
}: Pick<ExperimentSummary, 'status' | 'counts'>): ExperimentAction[] {
  const retry: ExperimentAction[] = counts.failed > 0 ? ['retry'] : []
  switch (now) {
    case 'ready':
      return ['start', 'cancel']
    case 'running':
      return ['pause', ...retry, 'cancel']
    case 'paused':
      return ['resume', ...retry, 'cancel']
    case 'failed':
    case 'cancelled':
      return retry
    case 'finished':
      return []
  }
}
