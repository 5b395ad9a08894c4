import type { DatasetSummary } from '../../preload/contract.ts'
import { api, errorOf } from './api.ts'
import { ask } from './dialogs.svelte.ts'
import { plural } from './format.ts'
import { reloadDatasets } from './stores.svelte.ts'
import { toast } from './toasts.svelte.ts'

/** Whether the sample tasks are on their way. */
export const samples: { loading: boolean } = $state({ loading: false })

/** Loads the sample tasks that ship with the program. */
export async function addSamples(): Promise<void> {
  if (samples.loading) return
  samples.loading = true
  try {
    const added = await api.invoke('datasets.addSamples', {})
    toast(`Loaded ${added.map((dataset) => dataset.name).join(', ')}`)
    await reloadDatasets()
  } catch (thrown) {
    toast(errorOf(thrown).message, 'error')
  } finally {
    samples.loading = false
  }
}

/** Removes a dataset after asking; true when it is gone. */
export async function removeDataset(dataset: DatasetSummary): Promise<boolean> {
  const sure = await ask({
    title: `Remove "${dataset.name}"?`,
    body: `Its ${plural(dataset.rows, 'stored row')} are deleted. The files it was imported from stay.`,
    confirm: 'Remove',
    danger: true,
  })
  if (!sure) return false
  try {
    await api.invoke('datasets.remove', { id: dataset.id })
    await reloadDatasets()
    return true
  } catch (thrown) {
    toast(errorOf(thrown).message, 'error')
    return false
  }
}
