import type { ComparisonInput, SweepAnalysis } from '../../preload/contract.ts'
import { variableImportance } from '../statistics/forest.ts'
import { spearman, spreadOf } from '../statistics/spread.ts'
import type { Database } from '../store/database.ts'
import { gatherGroups, scoreOf, splitOf } from './comparison-groups.ts'

type Value = string | number | boolean

/** Which of the settings that differ among the groups go with the score. */
export function analyseSweep(database: Database, input: ComparisonInput): SweepAnalysis {
  const { metric } = input
  const { groups } = gatherGroups(database, input)
  const split = splitOf(input, groups)
  const lines = groups.flatMap(({ id, name, entries, settings }) => {
    const scores = entries.flatMap((entry) => scoreOf(entry, split, metric) ?? [])
    if (scores.length === 0) return []
    const values = Object.fromEntries(Object.entries(settings).map(([path, value]) => [path, asValue(value)]))
    return [{ groupId: id, name, values, score: spreadOf(scores).mean, runs: scores.length }]
  })
  // What a run goes on from is its past, and nothing that a sweep could set.
  const paths = [...new Set(lines.flatMap(({ values }) => Object.keys(values)))].filter(
    (path) => path !== 'after' && new Set(lines.map(({ values }) => values[path])).size > 1,
  )
  const axes = paths.map((path) => axisOf(lines.map(({ values }) => values[path])))
  const scores = lines.map(({ score }) => score)
  const importance = variableImportance(
    axes.map(({ codes }) => codes),
    scores,
  )
  return {
    metric,
    settings: paths.map((path, index) => {
      const { values, numeric, codes } = axes[index] ?? { values: [], numeric: false, codes: [] }
      const correlation = numeric ? spearman(codes, scores) : undefined
      return {
        path,
        values,
        numeric,
        importance: importance[index] ?? 0,
        ...(correlation === undefined ? {} : { correlation }),
      }
    }),
    lines,
  }
}

/** The places of values on an axis: numbers as they are, anything else by its order; what is not set comes first. */
function axisOf(given: readonly (Value | undefined)[]): {
  values: Value[]
  numeric: boolean
  codes: number[]
} {
  const set = [...new Set(given)].filter((value) => value !== undefined)
  const numeric = set.every((value) => typeof value === 'number') && !given.includes(undefined)
  const values = numeric
    ? set.map(Number).sort((a, b) => a - b)
    : set.sort((a, b) => String(a).localeCompare(String(b), 'en', { numeric: true }))
  const codes = given.map((value) =>
    typeof value === 'number' && numeric ? value : value === undefined ? -1 : values.indexOf(value),
  )
  return { values, numeric, codes }
}

function asValue(value: unknown): Value {
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string'
    ? value
    : JSON.stringify(value)
}
