import type { InputOf, RunSummary } from '../../preload/contract.ts'
import { api, errorOf } from './api.ts'
import { plural } from './format.ts'
import { runs } from './stores.svelte.ts'
import { toast } from './toasts.svelte.ts'

/** Changes tags and notes of runs, and shows them as they are then. */
export async function annotate(
  selected: readonly RunSummary[],
  change: Omit<InputOf<'runs.annotate'>, 'ids'>,
): Promise<void> {
  const changed = await api.invoke('runs.annotate', { ids: selected.map(({ id }) => id), ...change })
  for (const run of changed) runs.put(run)
}

/** Hides runs from lists, or brings them back; a failure is told in the contract's words. */
export async function setArchived(selected: readonly RunSummary[], archived: boolean): Promise<void> {
  try {
    await annotate(selected, { archived })
    toast(`${archived ? 'Archived' : 'Brought back'} ${plural(selected.length, 'run')}`)
  } catch (thrown) {
    toast(errorOf(thrown).message, 'error')
  }
}

/** Reads the archived runs too, which lists leave out unless asked. */
export async function fetchArchived(): Promise<void> {
  try {
    for (const run of await api.invoke('runs.list', { archived: 'only' })) runs.put(run)
  } catch (thrown) {
    toast(errorOf(thrown).message, 'error')
  }
}
