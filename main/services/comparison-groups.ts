import { createHash } from 'node:crypto'

import type {
  ComparisonInput,
  ConfusionMatrix,
  RunSummary,
  Scores,
  ScoreName,
  TaskSequence,
} from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import { readFigures } from '../store/run-metrics.ts'
import { getSummary, listSummaries } from '../store/run-summaries.ts'
import { listRunTasks } from '../store/run-tasks.ts'
import { getRun, type RunRecord } from '../store/runs.ts'
import { variantOf } from './run-views.ts'
import { differingSettings } from './settings-diff.ts'
import { stageNames, taskSequence } from './task-sequence.ts'

/** One task of one run. */
export interface ComparedEntry {
  run: RunRecord
  variant: string
  experiment: RunSummary['experiment']
  /** Index of the task in the run. */
  task: number
  datasetId: string
  datasetName: string
  datasetHash: string
  /** An imported run may lack some of them. */
  validation?: Partial<Scores>
  test?: Partial<Scores>
  confusion: ConfusionMatrix[]
  /** Of the run's first task, where the run goes on from others. */
  sequence?: TaskSequence
}

/** Runs of one variant on one dataset and model. */
export interface Group {
  id: string
  name: string
  entries: [ComparedEntry, ...ComparedEntry[]]
  /** Settings in which the groups differ. */
  settings: Record<string, unknown>
}

/** Gathers what is to be compared. Ids that are not there any more are told apart. */
export function gatherGroups(
  database: Database,
  input: Pick<ComparisonInput, 'runIds' | 'experimentId' | 'groups' | 'groupBy'>,
): { groups: Group[]; missing: string[] } {
  const missing: string[] = []
  const seen = new Map<string, ComparedEntry[]>()
  const entriesOf = (id: string): ComparedEntry[] => {
    const known = seen.get(id)
    if (known !== undefined) return known
    const found = readEntries(database, id)
    if (found.length === 0) missing.push(id)
    seen.set(id, found)
    return found
  }
  const ofExperiment =
    input.experimentId === undefined
      ? []
      : listSummaries(database, { archived: 'all', experimentId: input.experimentId })
          .map(({ id }) => id)
          .reverse()
  const gathered = new Map<string, { given: string | undefined; entries: ComparedEntry[] }>()
  const put = (entry: ComparedEntry, kind: string, given?: string): void => {
    const key = JSON.stringify([kind, entry.run.modelId, entry.datasetId, entry.task])
    const group = gathered.get(key) ?? { given, entries: [] }
    if (!group.entries.includes(entry)) group.entries.push(entry)
    gathered.set(key, group)
  }
  for (const id of [...input.runIds, ...ofExperiment]) {
    for (const entry of entriesOf(id)) put(entry, input.groupBy === 'run' ? id : entry.variant)
  }
  for (const { name, runIds } of input.groups) {
    for (const id of runIds) for (const entry of entriesOf(id)) put(entry, `group ${name}`, name)
  }
  const groups = [...gathered].flatMap(([key, { given, entries }]): Group[] => {
    const [first, ...rest] = entries
    if (first === undefined) return []
    const name = given ?? (input.groupBy === 'run' ? first.run.name : variantName(entries))
    return [{ id: shortHash(key), name, entries: [first, ...rest], settings: {} }]
  })
  const settings = differingSettings(groups.map(({ entries: [first] }) => comparableSettings(first)))
  groups.forEach((group, index) => (group.settings = settings[index] ?? {}))
  tellApart(groups)
  return { groups, missing }
}

/** The score that a comparison goes by. */
export function scoreOf(
  { run, validation, test }: ComparedEntry,
  split: 'validation' | 'test',
  metric: ScoreName,
): number | undefined {
  if (split === 'test') return test?.[metric]
  return validation?.[metric] ?? (run.best?.metric === metric ? run.best.value : undefined)
}

/** Test where all runs that have a score have one on test rows. */
export function splitOf(
  { split, metric }: Pick<ComparisonInput, 'split' | 'metric'>,
  groups: readonly Group[],
): 'validation' | 'test' {
  if (split !== 'auto') return split
  const scored = groups
    .flatMap(({ entries }) => entries)
    .filter((entry) => entry.run.status === 'finished' || entry.test !== undefined)
  const allTested = scored.length > 0 && scored.every((entry) => scoreOf(entry, 'test', metric) !== undefined)
  return allTested ? 'test' : 'validation'
}

function readEntries(database: Database, id: string): ComparedEntry[] {
  const run = getRun(database, id)
  const summary = getSummary(database, id)
  if (run === undefined || summary === undefined) return []
  const variant = summary.variant ?? variantOf(run.config)
  const shared = { run, variant, experiment: summary.experiment }
  const tasks = listRunTasks(database, id)
  const sequence = taskSequence(database, run)
  const results = run.taskResults ?? []
  if (tasks.length < 2) {
    return [
      {
        ...shared,
        task: 0,
        datasetId: run.datasetId,
        datasetName: run.datasetName,
        datasetHash: run.datasetHash,
        ...(results[0] ? { validation: results[0].validation } : {}),
        ...testOf(database, run, summary.imported === true),
        confusion: run.confusion ?? [],
        ...(sequence ? { sequence } : {}),
      },
    ]
  }
  return tasks.map(({ datasetId, datasetName, datasetHash }, task) => {
    const result = results[task]
    return {
      ...shared,
      task,
      datasetId,
      datasetName,
      datasetHash,
      ...(result ? { validation: result.validation } : {}),
      ...(result?.test ? { test: result.test } : {}),
      confusion: result?.confusion ?? [],
      ...(sequence && task === 0 ? { sequence } : {}),
    }
  })
}

/** Of an imported run, the scores that its file had; nothing where there are none. */
function testOf(database: Database, run: RunRecord, imported: boolean): { test?: Partial<Scores> } {
  if (run.test) return { test: run.test }
  if (!imported) return {}
  const names = ['accuracy', 'macroF1', 'matthews', 'loss'] as const
  const figures = readFigures(
    database,
    names.map((name) => `test.${name}`),
    [run.id],
  )
  const found = names.flatMap((name) => {
    const last = figures.find((figure) => figure.name === `test.${name}`)?.last
    return last === undefined ? [] : [[name, last]]
  })
  return found.length > 0 ? { test: Object.fromEntries(found) } : {}
}

/** An experiment's own name for the variant, else the method's. */
function variantName(entries: readonly ComparedEntry[]): string {
  const names = new Set(entries.map(({ experiment }) => experiment?.variant))
  const [first] = names
  return names.size === 1 && first !== undefined ? first : (entries[0]?.run.method ?? '')
}

/** What may tell variants apart: not what their names, seeds and data say already. */
function comparableSettings({ run, sequence }: ComparedEntry): object {
  const { method, head, training, engine, taskSampling } = run.config
  const after = sequence && stageNames(sequence).slice(0, -1).join(' → ')
  return { method, head, training: { ...training, seed: undefined }, engine, taskSampling, after }
}

/** Groups of one name on the same data get the settings that tell them apart into their names. */
function tellApart(groups: readonly Group[]): void {
  const byName = Map.groupBy(groups, ({ name, entries: [{ run, datasetId }] }) =>
    JSON.stringify([name, run.modelId, datasetId]),
  )
  for (const alike of byName.values()) {
    if (alike.length < 2) continue
    const settings = differingSettings(alike.map(({ entries: [first] }) => comparableSettings(first)))
    alike.forEach((group, index) => {
      const words = Object.entries(settings[index] ?? {})
        .filter(([path]) => path !== 'method.name')
        .slice(0, 3)
        .map(([path, value]) => `${path.split('.').at(-1) ?? path} ${valueInWords(value)}`)
      if (words.length > 0) group.name = `${group.name} · ${words.join(', ')}`
    })
  }
}

function valueInWords(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}
