import type { MetricFigures, MetricPoint, MetricSeries } from '../../preload/contract.ts'
import type { Database } from './database.ts'

/**
 * Stores points in one transaction; a point of the same name and step replaces the older one, as a resumed run
 * measures again what lies between its checkpoint and its end. Values must be finite. No such run: nothing happens.
 */
export function writeMetrics(database: Database, runId: string, points: readonly MetricPoint[]): void {
  const insert = database.prepare<[string, number, number, string]>(
    `INSERT INTO run_metrics (run, name, step, value) SELECT number, ?, ?, ? FROM runs WHERE id = ?
     ON CONFLICT (run, name, step) DO UPDATE SET value = excluded.value`,
  )
  database.transaction(() => {
    for (const point of points) insert.run(point.name, point.step, point.value, runId)
  })()
}

/** The run's series by name, each in the order of its steps; all of them where no names are given. */
export function readMetrics(database: Database, runId: string, names?: readonly string[]): MetricSeries[] {
  const rows = database
    .prepare<[string, string | null, string | null], MetricPoint>(
      `SELECT name, step, value FROM run_metrics
       WHERE run = (SELECT number FROM runs WHERE id = ?)
         AND (? IS NULL OR name IN (SELECT value FROM json_each(?)))
       ORDER BY name, step`,
    )
    .iterate(runId, names === undefined ? null : '', JSON.stringify(names ?? []))
  const series: MetricSeries[] = []
  let current: MetricSeries | undefined
  for (const { name, step, value } of rows) {
    if (current?.name !== name) {
      current = { name, steps: [], values: [] }
      series.push(current)
    }
    current.steps.push(step)
    current.values.push(value)
  }
  return series
}

/** Last, smallest and largest value of metrics; of all runs where no ids are given. */
export function readFigures(
  database: Database,
  names: readonly string[],
  runIds?: readonly string[],
): MetricFigures[] {
  return database
    .prepare<[string, string | null, string], MetricFigures>(
      `SELECT runs.id AS runId, metrics.name, count(*) AS points, min(metrics.value) AS minimum,
         max(metrics.value) AS maximum,
         (SELECT value FROM run_metrics WHERE run = runs.number AND name = metrics.name
          ORDER BY step DESC LIMIT 1) AS last
       FROM runs JOIN run_metrics AS metrics
         ON metrics.run = runs.number AND metrics.name IN (SELECT value FROM json_each(?))
       WHERE ? IS NULL OR runs.id IN (SELECT value FROM json_each(?))
       GROUP BY runs.number, metrics.name`,
    )
    .all(JSON.stringify(names), runIds === undefined ? null : '', JSON.stringify(runIds ?? []))
}

/** One series of a run as numbers in a row, for curves of a million points. */
export function readSeries(
  database: Database,
  runId: string,
  name: string,
  { from = 0, to = Number.MAX_SAFE_INTEGER }: { from?: number; to?: number },
): { steps: Float64Array; values: Float64Array } {
  const number = database.prepare<[string], number>('SELECT number FROM runs WHERE id = ?').pluck().get(runId)
  const range = [number ?? -1, name, from, to] as const
  const where = 'run = ? AND name = ? AND step BETWEEN ? AND ?'
  const count =
    database
      .prepare<[number, string, number, number], number>(`SELECT count(*) FROM run_metrics WHERE ${where}`)
      .pluck()
      .get(...range) ?? 0
  const steps = new Float64Array(count)
  const values = new Float64Array(count)
  const rows = database
    .prepare<[number, string, number, number], [number, number]>(
      `SELECT step, value FROM run_metrics WHERE ${where} ORDER BY step`,
    )
    .raw()
    .iterate(...range)
  let index = 0
  for (const [step, value] of rows) {
    steps[index] = step
    values[index] = value
    index += 1
  }
  return { steps, values }
}
