import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'

import { WorkbenchError, type MetricPoint, type RunImport } from '../../preload/contract.ts'
import { createFieldReader } from '../data/delimited.ts'
import { sniffEncoding, asFileError } from '../data/encoding.ts'
import { readLines } from '../data/lines.ts'
import { readScalars } from '../formats/tensorboard.ts'
import { readRecords } from '../formats/tensorboard-records.ts'
import { metricName } from './import-runs-names.ts'

/** A run as it was found in files of another program. */
export interface FoundRun {
  name: string
  /** File or folder that it was read from. */
  source: string
  format: 'tensorboard' | 'csv'
  points: MetricPoint[]
  /** What became of each name in the file. */
  names: Map<string, { becomes: string; points: number; last: number }>
}

export interface FoundRuns {
  runs: FoundRun[]
  warnings: string[]
}

const eventFile = /tfevents/

/** Reads all files that are named. @throws WorkbenchError where a path is not there or holds nothing to read */
export async function readFoundRuns(input: RunImport): Promise<FoundRuns> {
  const found: FoundRuns = { runs: [], warnings: [] }
  for (const path of input.paths) {
    const files = await filesAt(path)
    for (const [folder, own] of Map.groupBy(files.events, dirname)) {
      found.runs.push(await readEvents(folder, own, input, found.warnings))
    }
    for (const file of files.csv) found.runs.push(...(await readCsv(file, input, found.warnings)))
  }
  const empty = found.runs.filter(({ points }) => points.length === 0)
  for (const { source } of empty) found.warnings.push(`${source}: there is no scalar in it.`)
  return { ...found, runs: found.runs.filter(({ points }) => points.length > 0) }

  async function filesAt(path: string): Promise<{ events: string[]; csv: string[] }> {
    const unreadable = (error: unknown): never => {
      throw asFileError(path, error)
    }
    const info = await stat(path).catch(unreadable)
    const isEvents = (file: string): boolean =>
      input.format === 'tensorboard' || (input.format === 'auto' && eventFile.test(basename(file)))
    if (info.isFile()) return isEvents(path) ? { events: [path], csv: [] } : { events: [], csv: [path] }
    const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(unreadable)
    const files = entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
    const events = input.format === 'csv' ? [] : files.filter((file) => eventFile.test(basename(file)))
    const csv = input.format === 'tensorboard' ? [] : files.filter((file) => /\.csv$/i.test(file))
    if (events.length + csv.length === 0) {
      throw new WorkbenchError(
        'bad-input',
        `${path} holds no TensorBoard event file (*tfevents*) and no .csv file. Choose the folder that they are in.`,
      )
    }
    return { events, csv }
  }
}

/** All event files of one folder are one run, as TensorBoard has it. */
async function readEvents(
  folder: string,
  files: readonly string[],
  input: RunImport,
  warnings: string[],
): Promise<FoundRun> {
  const run: FoundRun = {
    name: basename(folder),
    source: folder,
    format: 'tensorboard',
    points: [],
    names: new Map(),
  }
  for (const file of files) {
    for await (const found of readRecords(bytesOf(file))) {
      if ('problem' in found) {
        warnings.push(`${file}: ${found.problem}. What stands before it was read.`)
        break
      }
      try {
        for (const { tag, step, value } of readScalars(found.record)) addPoint(run, tag, step, value, input)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        warnings.push(`${file}: a record is no event (${reason}). What stands before it was read.`)
        break
      }
    }
  }
  return run
}

async function* bytesOf(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file)
  } catch (error) {
    throw asFileError(file, error)
  }
}

const stepNames = ['step', '_step', 'global_step', 'global step', 'iteration', 'epoch', 'trainer/global_step']

/**
 * A table with a column for each metric, or with the columns `metric` and `value` (as `runs export` writes it), or what
 * TensorBoard exports of one tag.
 */
async function readCsv(path: string, input: RunImport, warnings: string[]): Promise<FoundRun[]> {
  const { encoding } = await sniffEncoding(path)
  const stem = basename(path, extname(path))
  const runs = new Map<string, FoundRun>()
  const runOf = (name: string): FoundRun => {
    const known = runs.get(name)
    if (known !== undefined) return known
    const created: FoundRun = { name, source: path, format: 'csv', points: [], names: new Map() }
    runs.set(name, created)
    return created
  }
  let header: string[] | undefined
  let reader: ReturnType<typeof createFieldReader> | undefined
  let layout: CsvLayout | undefined
  let row = 0
  let bad = 0
  for await (const { lines } of readLines(path, encoding)) {
    for (const line of lines) {
      reader ??= createFieldReader(delimiterOf(line.text), true)
      for (const record of reader.push(line)) {
        if ('reason' in record) {
          bad += 1
          continue
        }
        const { fields } = record
        if (header === undefined) {
          header = fields.map((field) => field.trim())
          layout = layoutOf(path, header, input)
          continue
        }
        row += 1
        if (layout === undefined) continue
        const step = layout.step === undefined ? row : toNumber(fields[layout.step])
        if (step === undefined) {
          bad += 1
          continue
        }
        const run = runOf(
          layout.run === undefined ? (layout.exported?.run ?? stem) : (fields[layout.run] ?? stem),
        )
        for (const { name, column } of layout.metrics(fields)) {
          const value = toNumber(fields[column])
          if (value !== undefined) addPoint(run, name, step, value, input)
        }
      }
    }
  }
  if (bad > 0) warnings.push(`${path}: ${bad} lines could not be read and were left out.`)
  return [...runs.values()]
}

interface CsvLayout {
  step: number | undefined
  run: number | undefined
  /** Run and tag by the file's name, where TensorBoard exported it. */
  exported: { run: string; tag: string } | undefined
  metrics(fields: readonly string[]): { name: string; column: number }[]
}

function layoutOf(path: string, header: readonly string[], { stepColumn, runColumn }: RunImport): CsvLayout {
  const lower = header.map((name) => name.toLowerCase())
  const find = (setting: string, wanted: string | undefined): number | undefined => {
    if (wanted === undefined) return undefined
    const column = header.indexOf(wanted)
    if (column >= 0) return column
    throw new WorkbenchError(
      'bad-input',
      `${setting}: ${path} has no column “${wanted}”; it has ${header.join(', ')}.`,
    )
  }
  const guessed = stepNames.map((name) => lower.indexOf(name)).find((column) => column >= 0)
  const step = find('stepColumn', stepColumn) ?? guessed
  const runGuess = lower.indexOf('run')
  const run = find('runColumn', runColumn) ?? (runGuess >= 0 ? runGuess : undefined)
  const [metric, value] = [lower.indexOf('metric'), lower.indexOf('value')]
  if (metric >= 0 && value >= 0) {
    const metrics = (fields: readonly string[]) => [{ name: fields[metric] ?? '', column: value }]
    return { step, run, exported: undefined, metrics }
  }
  const [, exportedRun = '', tag = ''] = /^run-(.+)-tag-(.+)\.csv$/.exec(basename(path)) ?? []
  if (lower.join() === 'wall time,step,value') {
    const name = tag === '' ? basename(path, '.csv') : tag
    const exported = tag === '' ? undefined : { run: exportedRun, tag }
    return { step, run, exported, metrics: () => [{ name, column: value }] }
  }
  const columns = header.flatMap((name, column) =>
    column === step || column === run || name === '' || /^_?(wall.?time|timestamp|runtime)$/i.test(name)
      ? []
      : [{ name, column }],
  )
  return { step, run, exported: undefined, metrics: () => columns }
}

function delimiterOf(header: string): string {
  const counts = [',', '\t', ';'].map((delimiter) => ({ delimiter, count: header.split(delimiter).length }))
  return counts.sort((a, b) => b.count - a.count)[0]?.delimiter ?? ','
}

function addPoint(
  run: FoundRun,
  name: string,
  step: number,
  value: number,
  { metricNames }: RunImport,
): void {
  if (!Number.isFinite(value) || !Number.isSafeInteger(Math.round(step))) return
  let known = run.names.get(name)
  if (known === undefined) {
    const becomes = (Object.hasOwn(metricNames, name) ? metricNames[name] : undefined) ?? metricName(name)
    known = { becomes, points: 0, last: value }
    run.names.set(name, known)
  }
  known.points += 1
  known.last = value
  run.points.push({ name: known.becomes, step: Math.round(step), value })
}

function toNumber(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === '') return undefined
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}
