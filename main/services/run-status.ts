import type { RunStatus } from '../../preload/contract.ts'

/** Whether a run still needs its dataset. */
export function isUnfinished(status: RunStatus): boolean {
  return ['queued', 'running', 'paused', 'interrupted'].includes(status)
}
