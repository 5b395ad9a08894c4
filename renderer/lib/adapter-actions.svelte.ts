import type { AdapterSummary } from '../../preload/contract.ts'
import { api, errorOf } from './api.ts'
import { ask } from './dialogs.svelte.ts'
import { reloadAdapters } from './stores.svelte.ts'
import { toast } from './toasts.svelte.ts'

/** What became of a removal: gone, kept by the user, or refused in the contract's words. */
export type Removal = 'gone' | 'kept' | { refused: string }

/** Removes a stored adapter after asking. */
export async function removeAdapter({ id, name, kind }: AdapterSummary): Promise<Removal> {
  const sure = await ask({
    title: `Remove "${name}"?`,
    body: `This ${kind} and its file are deleted. The run that trained it stays as it is.`,
    confirm: 'Remove',
    danger: true,
  })
  if (!sure) return 'kept'
  try {
    await api.invoke('adapters.remove', { id })
    await reloadAdapters()
    return 'gone'
  } catch (thrown) {
    return { refused: errorOf(thrown).message }
  }
}

/** Gives a stored adapter another name; nothing happens where it stays the same. */
export async function renameAdapter({ id, name }: AdapterSummary, next: string): Promise<void> {
  const wanted = next.trim()
  if (wanted === '' || wanted === name) return
  try {
    await api.invoke('adapters.rename', { id, name: wanted })
    await reloadAdapters()
  } catch (thrown) {
    toast(errorOf(thrown).message, 'error')
  }
}
