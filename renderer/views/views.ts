/** Which view an address shows. Each is a chunk of its own, fetched when it is first gone to. */
import type { Component } from 'svelte'

import { screenOf } from '../lib/screen-paths.ts'

export interface View {
  /** The same for addresses that one component goes on to show. */
  key: string
  load: () => Promise<{ default: Component<{ id: string }> } | { default: Component }>
  id?: string
}

const pages = {
  overview: () => import('./overview/OverviewView.svelte'),
  datasets: () => import('./datasets/DatasetsView.svelte'),
  import: () => import('./datasets/ImportView.svelte'),
  models: () => import('./models/ModelsView.svelte'),
  builder: () => import('./builder/BuilderView.svelte'),
  'new-run': () => import('./new-run/NewRunView.svelte'),
  experiments: () => import('./experiments/ExperimentsView.svelte'),
  'new-experiment': () => import('./experiments/NewExperimentView.svelte'),
  runs: () => import('./runs/RunsView.svelte'),
  compare: () => import('./compare/CompareView.svelte'),
  library: () => import('./library/LibraryView.svelte'),
  settings: () => import('./settings/SettingsView.svelte'),
} satisfies Record<string, () => Promise<{ default: Component }>>

const details = {
  datasets: () => import('./datasets/DatasetView.svelte'),
  models: () => import('./models/ModelView.svelte'),
  experiments: () => import('./experiments/ExperimentView.svelte'),
  runs: () => import('./run/RunView.svelte'),
  library: () => import('./library/AdapterView.svelte'),
} satisfies Record<string, () => Promise<{ default: Component<{ id: string }> }>>

/** The view of a path; undefined for an address that leads nowhere. */
export function viewOf(path: readonly string[]): View | undefined {
  const screen = screenOf(path)
  const [, id] = path
  if (screen === undefined) return undefined
  if (screen === 'datasets' && id === 'import') return { key: 'import', load: pages.import }
  if (screen === 'experiments' && id === 'new')
    return { key: 'new-experiment', load: pages['new-experiment'] }
  if (id !== undefined && screen in details) {
    const load = Object.entries(details).find(([name]) => name === screen)?.[1]
    if (load !== undefined) return { key: `${screen} ${id}`, load, id }
  }
  return { key: screen, load: pages[screen] }
}
