/** Experiments and the queue: fetched once, then followed. */
import { SvelteMap } from 'svelte/reactivity'

import type { ExperimentSummary, QueueState } from '../../preload/contract.ts'
import { api, errorOf } from './api.ts'
import { ask } from './dialogs.svelte.ts'
import type { ExperimentAction } from './experiment-status.ts'
import { createResource } from './resource.svelte.ts'
import { toast } from './toasts.svelte.ts'

const byId = new SvelteMap<string, ExperimentSummary>()
const status: { loaded: boolean; error: string | undefined } = $state({ loaded: false, error: undefined })

const newestFirst = $derived([...byId.values()].sort((a, b) => b.createdAt.localeCompare(a.createdAt)))

export const experiments = {
  get all(): ExperimentSummary[] {
    return newestFirst
  },
  get loaded(): boolean {
    return status.loaded
  },
  get error(): string | undefined {
    return status.error
  },
  get(id: string): ExperimentSummary | undefined {
    return byId.get(id)
  },
  put(experiment: ExperimentSummary): void {
    byId.set(experiment.id, experiment)
  },
}

export const queue = createResource<QueueState>()

/** Reads the experiments and the queue anew. */
export async function reloadExperiments(): Promise<void> {
  void queue.load(() => api.invoke('runs.queue', {}))
  try {
    const list = await api.invoke('experiments.list', {})
    for (const id of byId.keys()) if (!list.some((entry) => entry.id === id)) byId.delete(id)
    for (const experiment of list) byId.set(experiment.id, experiment)
    status.loaded = true
    status.error = undefined
  } catch (thrown) {
    status.error = errorOf(thrown).message
  }
}

/** Follows both until the returned function is called. */
export function followExperiments(): () => void {
  const ends = [
    api.subscribe('experiment.changed', (experiment) => void byId.set(experiment.id, experiment)),
    api.subscribe('experiment.removed', ({ id }) => void byId.delete(id)),
    api.subscribe('queue.changed', (state) => queue.put(state)),
  ]
  return () => ends.forEach((end) => end())
}

/** Does an action; a failure is told in the contract's words. Cancelling asks first. */
export async function actOnExperiment(
  experiment: ExperimentSummary,
  action: ExperimentAction,
): Promise<void> {
  if (action === 'cancel') {
    const sure = await ask({
      title: `Cancel “${experiment.name}”?`,
      body: 'What runs is stopped and the rest is left out. What has finished stays.',
      confirm: 'Cancel the experiment',
      danger: true,
    })
    if (!sure) return
  }
  try {
    experiments.put(await api.invoke(`experiments.${action}`, { id: experiment.id }))
  } catch (thrown) {
    toast(errorOf(thrown).message, 'error')
  }
}

/** Removes an experiment after asking; true when it is gone. Its runs stay. */
export async function removeExperiment(experiment: ExperimentSummary): Promise<boolean> {
  const sure = await ask({
    title: `Remove “${experiment.name}”?`,
    body: 'Its runs stay where they are; only what holds them together goes.',
    confirm: 'Remove',
    danger: true,
  })
  if (!sure) return false
  try {
    await api.invoke('experiments.remove', { id: experiment.id })
    byId.delete(experiment.id)
    return true
  } catch (thrown) {
    toast(errorOf(thrown).message, 'error')
    return false
  }
}
