import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { listAdapterFiles } from '../store/adapters.ts'
import type { Database } from '../store/database.ts'
import { listAllRunIds } from '../store/runs.ts'
import { adapterFile, adaptersFolder } from './adapter-files.ts'

/**
 * Removes the folders of runs and the files of stored adapters that no row names, and the temporary files (`*.tmp`)
 * that a crash left half written in the others and in the cache. Only to be called while no trainer runs. What cannot
 * be removed stays for the next time.
 *
 * @returns the removed paths, relative to the home folder
 */
export async function sweepHome(database: Database, home: string): Promise<string[]> {
  const runs = new Set(listAllRunIds(database))
  const orphans: string[] = []
  for (const name of await list(join(home, 'runs'))) {
    if (runs.has(name)) orphans.push(...(await listTemporary(home, join('runs', name))))
    else orphans.push(join('runs', name))
  }
  orphans.push(...(await listTemporary(home, 'cache')))
  const adapters = new Set(listAdapterFiles(database))
  for (const name of await list(join(home, adaptersFolder))) {
    const id = /^(.+)\.safetensors$/.exec(name)?.[1]
    const isOrphan = id === undefined ? name.endsWith('.tmp') : !adapters.has(adapterFile(id))
    if (isOrphan) orphans.push(join(adaptersFolder, name))
  }

  const removed: string[] = []
  for (const orphan of orphans) {
    try {
      await rm(join(home, orphan), { recursive: true, force: true })
      removed.push(orphan)
    } catch (error) {
      console.error(`${orphan} could not be removed:`, error)
    }
  }
  return removed
}

async function listTemporary(home: string, folder: string): Promise<string[]> {
  const names = await list(join(home, folder), true)
  return names.filter((name) => name.endsWith('.tmp')).map((name) => join(folder, name))
}

/** What lies in a folder, links not followed; nothing where there is no such folder. */
async function list(folder: string, recursive = false): Promise<string[]> {
  try {
    return await readdir(folder, { recursive })
  } catch {
    return []
  }
}
