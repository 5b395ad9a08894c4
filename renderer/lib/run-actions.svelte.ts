import type { RunSummary } from '../../preload/contract.ts'
import { api, errorOf } from './api.ts'
import { ask } from './dialogs.svelte.ts'
import { plural } from './format.ts'
import { allows, type RunAction } from './run-status.ts'
import { runs } from './stores.svelte.ts'
import { toast } from './toasts.svelte.ts'

async function act(run: RunSummary, action: RunAction): Promise<void> {
  if (action === 'remove') return api.invoke('runs.remove', { id: run.id })
  runs.put(await api.invoke(`runs.${action}`, { id: run.id }))
}

/**
 * Does an action on those of the runs that allow it. Removing asks first, with the names. Failures are told in the
 * contract's words; the others go on.
 */
export async function actOnRuns(selected: readonly RunSummary[], action: RunAction): Promise<void> {
  const targets = selected.filter((run) => allows(run, action))
  if (targets.length === 0) return
  if (action === 'remove') {
    const sure = await ask({
      title: targets.length === 1 ? 'Remove this run?' : `Remove ${plural(targets.length, 'run')}?`,
      body: `${targets
        .map((run) => run.name)
        .slice(0, 5)
        .join(
          ', ',
        )}${targets.length > 5 ? ', …' : ''}: metrics, log and checkpoints are deleted from the disk.`,
      confirm: 'Remove',
      danger: true,
    })
    if (!sure) return
  }
  const outcomes = await Promise.allSettled(targets.map((run) => act(run, action)))
  outcomes.forEach((outcome, index) => {
    if (outcome.status === 'rejected') {
      toast(`${targets[index]?.name ?? 'Run'}: ${errorOf(outcome.reason).message}`, 'error')
    }
  })
}

/** Space: pauses what runs, resumes what can be resumed. */
export async function togglePause(run: RunSummary): Promise<void> {
  await actOnRuns([run], allows(run, 'pause') ? 'pause' : 'resume')
}
