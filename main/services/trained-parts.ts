import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'

import type { MethodChoice } from '../../preload/contract.ts'
import { describeMethods } from '../adapters/registry.ts'
import { insertAdapter, listAdapterNames, type NewAdapter } from '../store/adapters.ts'
import type { Database } from '../store/database.ts'
import { listRunAdapters, listRunTasks, type RunTaskRecord } from '../store/run-tasks.ts'
import type { RunRecord } from '../store/runs.ts'
import type { TrainedPart, TrainResult } from '../training/messages.ts'
import { adapterFile, copyIntoAdapters } from './adapter-files.ts'
import { runFolder } from './run-views.ts'

/** A finished run's parts, copied to where stored adapters lie and ready to be named by rows. */
export interface KeptParts {
  ids: string[]
  /** Stores the rows; to be called within the transaction that ends the run. */
  insert(): void
  /** Removes the run's own files, once the rows are there. */
  finish(): Promise<void>
}

/**
 * Takes what a finished run has trained into the stored adapters, where it outlives the run. It belongs to the backbone
 * as the run left it: of a backbone that was trained too, the one that everybody has is another.
 */
export async function keepParts(
  { database, home }: { database: Database; home: string },
  run: RunRecord,
  { parts, best, backboneHashAfter }: Pick<TrainResult, 'parts' | 'best' | 'backboneHashAfter'>,
): Promise<KeptParts> {
  const isTuned = run.backboneHashBefore !== undefined && run.backboneHashBefore !== backboneHashAfter
  const tasks = listRunTasks(database, run.id)
  const adapterIds = listRunAdapters(database, run.id).map(({ adapterId }) => adapterId)
  const kept: NewAdapter[] = []
  const sources: string[] = []
  for (const part of parts) {
    const id = randomUUID()
    const source = isAbsolute(part.path) ? part.path : join(runFolder(home, run.id), part.path)
    await copyIntoAdapters(home, id, source)
    sources.push(source)
    const task = part.task === undefined ? undefined : tasks[part.task]
    const labels = part.kind === 'head' ? (task?.labels ?? []) : []
    const datasetName = task?.datasetName ?? run.datasetName
    kept.push({
      id,
      name: partName(run, part, tasks, datasetName),
      kind: part.kind,
      method: withoutDefaults(part.method ?? run.config.method),
      family: run.family,
      modelHash: backboneHashAfter,
      modelName: isTuned ? `${run.modelName} (tuned)` : run.modelName,
      runId: run.id,
      datasetName,
      labels,
      adapterIds: part.kind === 'fusion' ? adapterIds : [],
      parameters: part.parameters,
      bytes: part.bytes,
      score: { metric: best.metric, value: best.value },
      createdAt: new Date().toISOString(),
      file: adapterFile(id),
    })
  }
  return {
    ids: kept.map(({ id }) => id),
    insert() {
      for (const adapter of kept) {
        insertAdapter(database, { ...adapter, name: freeName(database, adapter.name) })
      }
    },
    async finish() {
      for (const source of sources) await rm(source, { force: true })
    },
  }
}

/** Only the options that differ from the method's own, as a user would write it. */
function withoutDefaults({ name, options }: MethodChoice): MethodChoice {
  const known = describeMethods().find((method) => method.name === name)
  const defaults = new Map(known?.fields.map((field) => [field.name, JSON.stringify(field.default)]))
  const differing = Object.entries(options).filter(
    ([option, value]) => JSON.stringify(value) !== defaults.get(option),
  )
  return { name, options: Object.fromEntries(differing) }
}

function partName(
  { method }: RunRecord,
  { kind, task }: TrainedPart,
  tasks: readonly RunTaskRecord[],
  datasetName: string,
): string {
  const what = kind === 'head' && method !== 'head' ? `${method} head` : method
  return `${what} · ${task !== undefined || tasks.length < 2 ? datasetName : `${tasks.length} tasks`}`
}

/** `name`, or with the first number that no other stored adapter has. */
export function freeName(database: Database, name: string): string {
  const taken = new Set(listAdapterNames(database))
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name} ${number}`
    if (!taken.has(candidate)) return candidate
  }
}
