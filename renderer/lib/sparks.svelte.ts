/** Validation scores per run for the tables' sparklines: fetched when a row comes into view, then followed. */
import { SvelteMap } from 'svelte/reactivity'

import type { RunSummary } from '../../preload/contract.ts'
import { api } from './api.ts'

const scores = new SvelteMap<string, number[]>()
const asked: Record<string, boolean> = {}
/** The score by which each run's epochs are judged. */
const metrics: Record<string, string> = {}

/** The run's validation scores by epoch, as far as they are known; asks for them when they are not. */
export function sparkOf(run: RunSummary): readonly number[] {
  if (run.status !== 'queued' && asked[run.id] !== true) {
    asked[run.id] = true
    metrics[run.id] = `validation.${run.best?.metric ?? 'accuracy'}`
    void fetchScores(run.id, `validation.${run.best?.metric ?? 'accuracy'}`)
  }
  return scores.get(run.id) ?? []
}

async function fetchScores(id: string, name: string): Promise<void> {
  try {
    const [series] = await api.invoke('runs.metrics', { id, names: [name] })
    scores.set(id, series?.values ?? [])
  } catch {
    // The row shows no line; it is asked for again when the row comes back into view.
    asked[id] = false
  }
}

/** Follows live runs until the returned function is called. */
export function followSparks(): () => void {
  return api.subscribe('run.metrics', ({ id, points }) => {
    // An epoch's end is rare: fetching the short series again keeps runs right that went back to a checkpoint.
    const name = points.find(
      (point) => point.name.startsWith('validation.') && point.name !== 'validation.loss',
    )?.name
    if (name !== undefined && asked[id] === true) void fetchScores(id, metrics[id] ?? name)
  })
}
