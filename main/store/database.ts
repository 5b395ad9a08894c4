import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

import SQLite from 'better-sqlite3'

import { WorkbenchError } from '../../preload/contract.ts'
import { migrations } from './migrations/index.ts'

export type Database = SQLite.Database

/**
 * Opens the store, creating file and folder when they are missing, and brings it to this program's version.
 * All pending migrations run in one transaction: a failed one leaves the file as it was.
 *
 * @throws WorkbenchError('storage') when the file cannot be opened, is no workbench database, or was written
 * by a newer version of the program.
 */
export function openDatabase(file: string, steps: readonly string[] = migrations): Database {
  let database: Database | undefined
  try {
    mkdirSync(dirname(file), { recursive: true })
    database = new SQLite(file, { timeout: 5000 })
    migrate(database, file, steps)
    database.pragma('journal_mode = WAL')
    // NORMAL would let a power cut take back commits that the user has already seen as done.
    database.pragma('synchronous = FULL')
    database.pragma('foreign_keys = ON')
    return database
  } catch (cause) {
    database?.close()
    if (cause instanceof WorkbenchError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new WorkbenchError(
      'storage',
      `Cannot open the database ${file}: ${reason}. Check that the folder can be written and the file is a workbench database.`,
      { cause },
    )
  }
}

/**
 * Sets the given fields of the row with this id: one that is given as undefined becomes unknown, an object becomes JSON
 * text. No such row: nothing happens.
 */
export function updateRow<Fields extends object>(
  database: Database,
  table: string,
  columns: Readonly<Record<keyof Fields & string, string>>,
  id: string,
  changes: Partial<Fields>,
): void {
  const given = Object.entries<string>(columns).filter(([field]) => field in changes)
  if (given.length === 0) return
  const values = given.map(([field]) => {
    const value = changes[field as keyof Fields]
    return typeof value === 'object' ? JSON.stringify(value) : (value ?? null)
  })
  const assignments = given.map(([, column]) => `${column} = ?`).join(', ')
  database.prepare(`UPDATE ${table} SET ${assignments} WHERE id = ?`).run(...values, id)
}

/**
 * What SQLite says about a failed write (disk full, file locked), in words for the user; anything else as it is, a row
 * that breaks a constraint too: that is no matter of the disk.
 */
export function asStoreError(cause: unknown): unknown {
  if (!(cause instanceof SQLite.SqliteError) || cause.code.startsWith('SQLITE_CONSTRAINT')) return cause
  return new WorkbenchError(
    'storage',
    `The database cannot be written: ${cause.message}. Make room on the disk, or check that no other program holds it.`,
    { cause, detail: cause.code },
  )
}

function migrate(database: Database, file: string, steps: readonly string[]): void {
  const run = database.transaction(() => {
    const version = Number(database.pragma('user_version', { simple: true }))
    if (version > steps.length) {
      throw new WorkbenchError(
        'storage',
        `The database ${file} was written by a newer version of Adapter Workbench (store version ${version}; ` +
          `this program knows up to ${steps.length}). Update the program, or choose another home folder.`,
      )
    }
    if (version === 0 && database.prepare('SELECT 1 FROM sqlite_schema').get() !== undefined) {
      throw new WorkbenchError(
        'storage',
        `${file} is a database of another program. Choose another home folder, or move that file away.`,
      )
    }
    for (const step of steps.slice(version)) database.exec(step)
    if (version < steps.length) database.pragma(`user_version = ${steps.length}`)
  })
  // Immediate: of two processes that open an old file at once, the second waits and then finds it migrated.
  run.immediate()
}
