import type { LogLine } from '../../preload/contract.ts'
import type { Database } from './database.ts'

/** Stores lines at the end of a run's log in one transaction and returns them numbered. No such run: none. */
export function appendLog(
  database: Database,
  runId: string,
  lines: readonly Omit<LogLine, 'sequence'>[],
): LogLine[] {
  const insert = database
    .prepare<[string, string, string, string], number>(
      `INSERT INTO run_log (run, sequence, time, level, text)
       SELECT number, (SELECT coalesce(max(sequence), 0) + 1 FROM run_log WHERE run = number), ?, ?, ?
       FROM runs WHERE id = ? RETURNING sequence`,
    )
    .pluck()
  return database.transaction(() => {
    const numbered: LogLine[] = []
    for (const { time, level, text } of lines) {
      const sequence = insert.get(time, level, text, runId)
      if (sequence !== undefined) numbered.push({ sequence, time, level, text })
    }
    return numbered
  })()
}

/** The lines with a sequence number above `after`, in order. */
export function readLog(database: Database, runId: string, after: number): LogLine[] {
  return database
    .prepare<[string, number], LogLine>(
      `SELECT sequence, time, level, text FROM run_log
       WHERE run = (SELECT number FROM runs WHERE id = ?) AND sequence > ? ORDER BY sequence`,
    )
    .all(runId, after)
}
