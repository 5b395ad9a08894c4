import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import SQLite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { RunConfig, WorkbenchError } from '../../../preload/contract.ts'
import { openDatabase } from '../../../main/store/database.ts'
import { migrations } from '../../../main/store/migrations/index.ts'
import { getRun, insertRun } from '../../../main/store/runs.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'workbench-store-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function failure(action: () => unknown): WorkbenchError {
  try {
    action()
  } catch (error) {
    if (error instanceof WorkbenchError) return error
    throw error
  }
  throw new Error('did not fail')
}

describe('openDatabase', () => {
  it('creates folder and file at the newest version, durable and with foreign keys', () => {
    const database = openDatabase(join(folder, 'deep', 'er', 'workbench.sqlite'))
    expect(database.pragma('user_version', { simple: true })).toBe(migrations.length)
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal')
    expect(database.pragma('synchronous', { simple: true })).toBe(2)
    expect(database.pragma('foreign_keys', { simple: true })).toBe(1)
    database.close()
  })

  it('keeps what an older version wrote and runs only the steps it lacks', () => {
    const file = join(folder, 'a.sqlite')
    const first = ['CREATE TABLE notes (text TEXT)']
    const old = openDatabase(file, first)
    old.prepare("INSERT INTO notes VALUES ('kept')").run()
    old.close()

    const now = openDatabase(file, [...first, 'ALTER TABLE notes ADD COLUMN author TEXT'])
    expect(now.prepare('SELECT * FROM notes').all()).toEqual([{ text: 'kept', author: null }])
    expect(now.pragma('user_version', { simple: true })).toBe(2)
    now.close()
  })

  it('makes the one earlier task that version 4 measured a list of them', () => {
    const file = join(folder, 'a.sqlite')
    const old = openDatabase(file, migrations.slice(0, 4))
    const config = RunConfig.parse({ modelId: 'm', datasetId: 'd', method: { name: 'full' } })
    const scores = { accuracy: 0.5, macroF1: 0.25, matthews: -0.125, loss: 0.75 }
    const earlierTask = { runId: 'x', name: 'x', task: 't', split: 'test', before: scores, after: scores }
    const forgetting = { before: 1, after: 2, tokens: 3 }
    for (const [id, analysis] of Object.entries({
      a: { earlierTask, forgetting },
      b: { forgetting },
      c: null,
    })) {
      insertRun(old, {
        ...{ id, name: id, method: 'full', family: 'baseline', modelId: 'm', modelName: 'm', datasetId: 'd' },
        ...{ datasetName: 'd', datasetHash: 'rows', tasks: [], adapters: [], config, createdAt: 'now' },
      })
      if (analysis) old.prepare('UPDATE runs SET analysis = ? WHERE id = ?').run(JSON.stringify(analysis), id)
    }
    old.close()

    const now = openDatabase(file)
    expect(getRun(now, 'a')?.analysis).toEqual({ earlierTasks: [earlierTask], forgetting })
    expect(getRun(now, 'b')?.analysis).toEqual({ forgetting })
    expect(getRun(now, 'c')?.analysis).toBeUndefined()
    now.close()
  })

  it('leaves the file as it was when a step fails', () => {
    const file = join(folder, 'a.sqlite')
    openDatabase(file, ['CREATE TABLE notes (text TEXT)']).close()
    const error = failure(() =>
      openDatabase(file, ['CREATE TABLE notes (text TEXT)', 'CREATE TABLE more (x TEXT); CREATE NONSENSE']),
    )
    expect(error.code).toBe('storage')
    expect(error.message).toContain(file)
    const database = new SQLite(file)
    expect(database.pragma('user_version', { simple: true })).toBe(1)
    expect(database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all()).toEqual([
      'notes',
    ])
    database.close()
  })

  it('refuses a database from a newer version and does not change it', () => {
    const file = join(folder, 'a.sqlite')
    const newer = new SQLite(file)
    newer.pragma(`user_version = ${migrations.length + 1}`)
    newer.close()
    const error = failure(() => openDatabase(file))
    expect(error.code).toBe('storage')
    expect(error.message).toMatch(/newer version/)
    const after = new SQLite(file)
    expect(after.pragma('user_version', { simple: true })).toBe(migrations.length + 1)
    after.close()
  })

  it("refuses another program's database", () => {
    const file = join(folder, 'a.sqlite')
    const other = new SQLite(file)
    other.exec('CREATE TABLE bookmarks (url TEXT)')
    other.close()
    expect(failure(() => openDatabase(file)).message).toMatch(/another program/)
  })

  it('refuses a file that is no database', () => {
    const file = join(folder, 'a.sqlite')
    writeFileSync(
      file,
      'this is a letter, not a database; it is long enough to be read as a header.'.repeat(20),
    )
    const error = failure(() => openDatabase(file))
    expect(error.code).toBe('storage')
    expect(error.message).toContain(file)
  })
})
