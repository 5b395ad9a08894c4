/** Settings and metric figures of runs, for columns and grouping: fetched when first asked for. */
import { SvelteMap } from 'svelte/reactivity'

import type { MetricFigures, RunSummary } from '../../preload/contract.ts'
import { api, errorOf } from './api.ts'
import { differingPathsOf } from './objects.ts'
import { toast } from './toasts.svelte.ts'

const settings = new SvelteMap<string, Record<string, unknown>>()
const figures = new SvelteMap<string, MetricFigures>()
const known: { paths: string[] } = $state({ paths: [] })
const asked: Record<string, boolean> = {}
const atOnce = 200

/** A setting of a run by its path; undefined where it is not known (yet). */
export function settingOf(run: RunSummary, path: string): unknown {
  return settings.get(run.id)?.[path]
}

/** Paths of the settings in which the runs fetched so far differ. */
export function differingPaths(): readonly string[] {
  return known.paths
}

/** Fetches the settings of runs that are not there yet. */
export async function fetchSettings(runs: readonly RunSummary[]): Promise<void> {
  const missing = runs.filter(({ id }) => asked[id] !== true).map(({ id }) => id)
  for (const id of missing) asked[id] = true
  for (let from = 0; from < missing.length; from += atOnce) {
    const ids = missing.slice(from, from + atOnce)
    try {
      const diff = await api.invoke('runs.diff', { ids, all: true })
      diff.runs.forEach(({ id }, index) => {
        settings.set(id, Object.fromEntries(diff.settings.map(({ path, values }) => [path, values[index]])))
      })
    } catch (thrown) {
      for (const id of ids) asked[id] = false
      toast(errorOf(thrown).message, 'error')
      return
    }
  }
  if (missing.length > 0) known.paths = differingPathsOf([...settings.values()])
}

export type Statistic = 'last' | 'minimum' | 'maximum'

/** The last, smallest or largest value of a run's metric. */
export function figureOf(run: RunSummary, name: string, statistic: Statistic): number | undefined {
  return figures.get(`${run.id} ${name}`)?.[statistic]
}

/** Fetches the figures of metrics of all runs. */
export async function fetchFigures(names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  try {
    for (const entry of await api.invoke('runs.figures', { names: [...names].slice(0, 20) })) {
      figures.set(`${entry.runId} ${entry.name}`, entry)
    }
  } catch (thrown) {
    toast(errorOf(thrown).message, 'error')
  }
}
