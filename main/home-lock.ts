import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import Database from 'better-sqlite3'
import { z } from 'zod'

import { WorkbenchError } from '../preload/contract.ts'

/** Who holds a home folder, as recorded in it for those who want to attach. */
export const HomeHolder = z.object({
  pid: z.number().int(),
  startedAt: z.string(),
  /** Where it listens (local-socket.ts); absent while it is starting or ending. */
  address: z.string().optional(),
})
export type HomeHolder = z.infer<typeof HomeHolder>

export interface HomeLock {
  /** What the last holder left behind, if it could not tidy up. */
  readonly previous: HomeHolder | undefined
  /** Record where this process listens; undefined: no longer. */
  announce(address: string | undefined): void
  release(): void
}

function lockFile(home: string): string {
  return join(home, 'workbench.lock')
}

function holderFile(home: string): string {
  return join(home, 'workbench.json')
}

/**
 * Take the home folder for this process; undefined when another (or this one already) has it.
 *
 * The lock is the operating system's own, taken through SQLite on an empty file: it ends with the process
 * however that dies, so nothing stale can be left that a later start would have to judge by process ids (which
 * are reused, and differ between containers sharing a folder). `workbench.json` beside it only says who and where.
 * @throws WorkbenchError `storage` when the folder cannot be written
 */
export function acquireHomeLock(home: string): HomeLock | undefined {
  const database = lockDatabase(home)
  if (database === undefined) return undefined
  const previous = readHolder(home)
  const holder = { pid: process.pid, startedAt: new Date().toISOString() }
  const announce = (address: string | undefined): void => {
    writeHolder(home, address === undefined ? holder : { ...holder, address })
  }
  try {
    announce(undefined)
  } catch (error) {
    database.close()
    throw storageError(home, error)
  }
  return {
    previous,
    announce,
    release: () => {
      if (!database.open) return
      try {
        rmSync(holderFile(home), { force: true })
      } finally {
        database.close()
      }
    },
  }
}

/** Who holds the folder by the record in it; undefined where there is none or it cannot be read (yet). */
export function readHolder(home: string): HomeHolder | undefined {
  try {
    return HomeHolder.parse(JSON.parse(readFileSync(holderFile(home), 'utf8')))
  } catch {
    return undefined
  }
}

function lockDatabase(home: string): Database.Database | undefined {
  let database: Database.Database | undefined
  try {
    database = new Database(lockFile(home), { timeout: 0 })
    // Nothing is ever written to it, so it needs no journal file beside it.
    database.pragma('journal_mode = MEMORY')
    database.exec('BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database?.close()
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return undefined
    throw storageError(home, error)
  }
}

function writeHolder(home: string, holder: HomeHolder): void {
  const temporary = `${holderFile(home)}.${String(process.pid)}`
  writeFileSync(temporary, JSON.stringify(holder), { mode: 0o600 })
  renameSync(temporary, holderFile(home))
}

function storageError(home: string, error: unknown): WorkbenchError {
  const reason = error instanceof Error ? error.message : String(error)
  return new WorkbenchError(
    'storage',
    `The home folder ${home} cannot be locked for this program: ${reason}. Check that it can be written, or name another with --home.`,
    { cause: error },
  )
}
