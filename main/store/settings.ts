import type { Database } from './database.ts'

/** A setting of the program itself, as JSON; undefined where it was never set. */
export function readSetting(database: Database, name: string): unknown {
  const text = database
    .prepare<[string], string>('SELECT value FROM settings WHERE name = ?')
    .pluck()
    .get(name)
  return text === undefined ? undefined : JSON.parse(text)
}

export function writeSetting(database: Database, name: string, value: unknown): void {
  database
    .prepare<[string, string]>(
      'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    )
    .run(name, JSON.stringify(value))
}
