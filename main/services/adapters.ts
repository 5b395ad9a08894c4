import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'

import {
  WorkbenchError,
  type AdapterDetail,
  type AdapterSummary,
  type Handlers,
} from '../../preload/contract.ts'
import { readSafetensors } from '../models/checkpoint/safetensors.ts'
import {
  getAdapter,
  listAdapterNames,
  listAdapters,
  listFusionsOf,
  listUsers,
  removeAdapter,
  renameAdapter,
  type AdapterRecord,
} from '../store/adapters.ts'
import type { Database } from '../store/database.ts'
import type { Publish } from './events.ts'
import { requireModel } from './models.ts'

export type AdapterHandlers = Pick<
  Handlers,
  'adapters.list' | 'adapters.get' | 'adapters.rename' | 'adapters.remove'
>

/** The trained adapters, fusions and heads that are kept apart from the runs that trained them. */
export function createAdapterService(options: {
  database: Database
  home: string
  publish: Publish
}): AdapterHandlers {
  const { database, home, publish } = options

  function list(modelId: string | undefined): AdapterSummary[] {
    if (modelId === undefined) return listAdapters(database).map(toSummary)
    return listAdapters(database, requireModel(database, modelId).hash).map(toSummary)
  }

  async function detail(id: string): Promise<AdapterDetail> {
    const adapter = requireAdapter(database, id)
    const file = resolve(home, adapter.file)
    const opened = await readSafetensors(file)
    try {
      const tensors = Array.from(opened.tensors.values(), ({ name, shape }) => ({ name, shape: [...shape] }))
      return { ...adapter, file, tensors, usedBy: listUsers(database, id) }
    } finally {
      await opened.close()
    }
  }

  function rename(id: string, name: string): AdapterSummary {
    const before = requireAdapter(database, id)
    if (name !== before.name && listAdapterNames(database).includes(name)) {
      throw new WorkbenchError(
        'conflict',
        `There is a stored adapter “${name}” already. Choose another name.`,
      )
    }
    renameAdapter(database, id, name)
    publish('adapter.changed', { id })
    return toSummary(requireAdapter(database, id))
  }

  async function remove(id: string): Promise<void> {
    const adapter = requireAdapter(database, id)
    refuseInUse(database, adapter)
    removeAdapter(database, id)
    publish('adapter.changed', { id })
    // What cannot be deleted now goes with the sweep of the next start.
    await rm(resolve(home, adapter.file), { force: true }).catch((error: unknown) =>
      console.error(`${adapter.file} could not be removed:`, error),
    )
  }

  return {
    'adapters.list': ({ modelId }) => list(modelId),
    'adapters.get': ({ id }) => detail(id),
    'adapters.rename': ({ id, name }) => rename(id, name),
    'adapters.remove': ({ id }) => remove(id),
  }
}

/** @throws WorkbenchError `not-found` where there is no such adapter */
export function requireAdapter(database: Database, id: string): AdapterRecord {
  const adapter = getAdapter(database, id)
  if (adapter !== undefined) return adapter
  throw new WorkbenchError(
    'not-found',
    `There is no stored adapter ${id}. It may have been removed; see the library.`,
  )
}

/** Finished runs too: they predict with it. */
function refuseInUse(database: Database, { id, name }: AdapterRecord): void {
  const runs = listUsers(database, id).map((run) => `“${run.name}”`)
  if (runs.length > 0) {
    throw new WorkbenchError(
      'conflict',
      `The adapter “${name}” is what ${plural('the run', runs)} ${runs.length === 1 ? 'builds' : 'build'} on. ` +
        `Remove ${runs.length === 1 ? 'that run' : 'those runs'} first.`,
    )
  }
  const fusions = listFusionsOf(database, id).map((fusion) => `“${fusion}”`)
  if (fusions.length > 0) {
    throw new WorkbenchError(
      'conflict',
      `The adapter “${name}” is part of ${plural('the stored fusion', fusions)}. ` +
        `Remove ${fusions.length === 1 ? 'that fusion' : 'those fusions'} first.`,
    )
  }
}

/** `the run “a”`, `the runs “a” and “b”`, `the runs “a”, “b” and 3 more`. */
function plural(noun: string, names: readonly string[]): string {
  const shown = names.length > 4 ? [...names.slice(0, 3), `${names.length - 3} more`] : names
  const last = shown.at(-1) ?? ''
  return shown.length === 1 ? `${noun} ${last}` : `${noun}s ${shown.slice(0, -1).join(', ')} and ${last}`
}

export function toSummary({ file: _file, ...adapter }: AdapterRecord): AdapterSummary {
  return adapter
}
