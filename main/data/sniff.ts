import { basename, extname } from 'node:path'

import {
  WorkbenchError,
  type DatasetSources,
  type ReadOptions,
  type SniffedFile,
  type SourceFile,
} from '../../preload/contract.ts'
import { chooseRoles, resolveColumn } from './columns.ts'
import { sniffEncoding } from './encoding.ts'
import { parseObject } from './json-object.ts'
import { readLines, type Line } from './lines.ts'
import {
  columnNames,
  delimiters,
  guessDelimited,
  sniffHeader,
  type DelimitedGuess,
} from './sniff-delimited.ts'

/** How one file will be read. */
export interface ReadPlan {
  source: SourceFile
  sniffed: SniffedFile
  /** Names the split of each row, where the file has such a column. */
  split?: string
  /** The class of every row of the file. */
  fixedLabel?: string
  fineLabels: boolean
  /** Size of the file in bytes. */
  bytes: number
  /** The file's first lines as they stand. */
  raw: string[]
  /** Records of the file's beginning, for deciding about columns; empty where columns are not in question. */
  records: string[][]
}

const sampleCharacters = 1024 * 1024
const rawLines = 20
/** Lines that show a file's format and delimiter; quoting, header and columns are judged by the whole sample. */
const formatLines = 500

/**
 * Finds out how each file is to be read; what `options` say goes before what is found. Files of one dataset help
 * each other: one without a header is read like one with a header and as many columns.
 *
 * @throws WorkbenchError not-found or bad-input for a file that cannot be a source, or a column that is not there
 */
export async function sniffSources(sources: Pick<DatasetSources, 'files' | 'options'>): Promise<ReadPlan[]> {
  const plans: ReadPlan[] = []
  for (const source of sources.files) plans.push(await sniffFile(source, sources.options))
  shareHeaders(plans)
  for (const plan of plans) assignRoles(plan, sources.options)
  shareRoles(plans, sources.options)
  return plans
}

async function sniffFile(source: SourceFile, options: ReadOptions): Promise<ReadPlan> {
  const { path } = source
  const { encoding, byteOrderMark, bytes } = await sniffEncoding(path, options.encoding)
  const lines = await readSample(path, encoding)
  if (lines.every((line) => line.text.trim() === '')) {
    throw new WorkbenchError('bad-input', `${path} has no text in it. Choose a file with labelled text.`)
  }
  if (lines.length === 1 && /\r[^\r]/.test(lines[0]?.text ?? '')) {
    throw new WorkbenchError(
      'bad-input',
      `${path} is a single line: it has carriage returns where line feeds end lines. Save it with the line ends of Windows, Linux or today's macOS.`,
    )
  }
  const base = { path, encoding, byteOrderMark }
  const common = { source, bytes, fineLabels: options.fineLabels ?? false, raw: rawOf(lines), records: [] }
  const fixed = source.label === undefined ? {} : { fixedLabel: source.label }
  const format = options.format ?? sniffFormat(path, lines, options)
  if (format === 'jsonl') {
    const columns = jsonColumns(path, lines)
    const records = jsonRecords(lines, columns)
    return { ...common, ...fixed, records, sniffed: { ...base, format, columns } }
  }
  if (format === 'labelled-lines') {
    return {
      ...common,
      ...fixed,
      sniffed: { ...base, format, columns: ['label', 'text'], text: 'text', label: 'label' },
    }
  }
  if (format === 'lines') {
    const fixedLabel = source.label ?? labelOfFileName(path)
    return { ...common, fixedLabel, sniffed: { ...base, format, columns: ['text'], text: 'text' } }
  }
  const { delimiter: found } = bestDelimited(path, lines.slice(0, formatLines), options)
  const guess = guessDelimited(lines, found, options.quoting)
  const header = options.header ?? sniffHeader(guess.records)
  const columns = header
    ? columnNames(guess.records[0] ?? [])
    : Array.from({ length: guess.columns }, (_, at) => String(at + 1))
  const records = guess.records.slice(header ? 1 : 0).filter((record) => record.length === columns.length)
  const { delimiter, quoting } = guess
  return { ...common, ...fixed, records, sniffed: { ...base, format, delimiter, quoting, header, columns } }
}

function rawOf(lines: readonly Line[]): string[] {
  return lines.slice(0, rawLines).map((line) => line.text.slice(0, 2000))
}

async function readSample(path: string, encoding: SniffedFile['encoding']): Promise<Line[]> {
  const sample: Line[] = []
  let characters = 0
  for await (const { lines } of readLines(path, encoding)) {
    for (const line of lines) {
      sample.push(line)
      characters += line.text.length
    }
    if (characters > sampleCharacters) break
  }
  return sample
}

function sniffFormat(path: string, lines: readonly Line[], options: ReadOptions): SniffedFile['format'] {
  const full = lines.filter((line) => line.text.trim() !== '').slice(0, formatLines)
  if (full[0]?.text.trimStart().startsWith('[') && /\.json$/i.test(path)) {
    throw new WorkbenchError(
      'bad-input',
      `${path} is one JSON array. Write it as JSONL, one object per line, and import that.`,
    )
  }
  const head = full.slice(0, 20)
  const objects = head.filter((line) => parseObject(line.text) !== undefined).length
  if (objects > head.length / 2 || /\.(jsonl|ndjson)$/i.test(path)) return 'jsonl'
  if (options.delimiter !== undefined || options.header === true || options.quoting === true)
    return 'delimited'
  const named = /\.(csv|tsv)$/i.test(path)
  const tabs = guessDelimited(full, '\t', options.quoting)
  if (tabs.columns >= 2 && tabs.share >= (named ? 0.5 : 0.9)) return 'delimited'
  if (!named && looksLabelled(full)) return 'labelled-lines'
  const other = bestDelimited(path, full, options)
  if (named ? other.columns >= 1 : isTable(other)) return 'delimited'
  return 'lines'
}

/** Prose has commas, too: without a telling file name a table must be one in nearly every line and have a header. */
function isTable(guess: DelimitedGuess): boolean {
  return guess.columns >= 2 && guess.share >= 0.98 && guess.records.length >= 2 && sniffHeader(guess.records)
}

/** Lines like `DESC:manner How did …` or `__label__positive Great …`, with classes that come again. */
function looksLabelled(lines: readonly Line[]): boolean {
  const labels = new Set<string>()
  let matching = 0
  for (const line of lines) {
    const match = /^(?:__label__(\S+)|([\w-]+):[\w-]+)\s+\S/.exec(line.text)
    if (match === null) continue
    matching++
    labels.add(match[1] ?? match[2] ?? '')
  }
  return matching >= lines.length * 0.95 && labels.size <= Math.max(2, lines.length / 2)
}

function bestDelimited(path: string, lines: readonly Line[], options: ReadOptions): DelimitedGuess {
  const { delimiter, quoting } = options
  if (delimiter !== undefined) return guessDelimited(lines, readDelimiter(delimiter), quoting)
  const usual = /\.csv$/i.test(path) ? ',' : '\t'
  const guesses = delimiters.map((candidate) => guessDelimited(lines, candidate, quoting))
  const rank = (guess: DelimitedGuess) => {
    if (guess.columns < 2) return guess.delimiter === usual ? 0.05 : 0
    // Texts may all have one comma: then the header tells that it is not what separates.
    const fits = guess.records[0]?.length === guess.columns
    return guess.share + (guess.delimiter === usual ? 0.05 : 0) + (fits ? 0.1 : 0)
  }
  const [best] = guesses.sort((a, b) => rank(b) - rank(a) || b.columns - a.columns)
  return best ?? guessDelimited(lines, usual, quoting)
}

/** A tab is hard to type on a command line. */
function readDelimiter(asked: string): string {
  return asked === '\\t' || asked.toLowerCase() === 'tab' ? '\t' : asked
}

function jsonColumns(path: string, lines: readonly Line[]): string[] {
  const keys = new Set<string>()
  for (const line of lines) for (const key of Object.keys(parseObject(line.text) ?? {})) keys.add(key)
  if (keys.size > 0) return [...keys]
  throw new WorkbenchError(
    'bad-input',
    `${path} has no line that is a JSON object with fields. JSONL has one object per line, like {"text": "…", "label": "…"}.`,
  )
}

function jsonRecords(lines: readonly Line[], columns: readonly string[]): string[][] {
  return lines.flatMap((line) => {
    const object = parseObject(line.text)
    if (object === undefined) return []
    return [columns.map((key) => asCell(object[key]))]
  })
}

function asCell(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : ''
}

/** `rt-polarity.pos` -> `pos`, `pos.txt` -> `pos`. */
function labelOfFileName(path: string): string {
  const extension = extname(path).slice(1)
  const telling = extension !== '' && !/^(txt|text|lines?|dat|data|csv|tsv|raw|utf-?8)$/i.test(extension)
  return telling ? extension : basename(path, extname(path))
}

function assignRoles(plan: ReadPlan, options: ReadOptions): void {
  const { sniffed, source } = plan
  const { columns } = sniffed
  if (sniffed.format === 'lines' || sniffed.format === 'labelled-lines') {
    for (const setting of ['text', 'label'] as const) {
      const wanted = options[setting]
      if (wanted !== undefined) resolveColumn(source.path, setting, columns, wanted)
    }
    return
  }
  const named = sniffed.format === 'jsonl' || columns.some((name, at) => name !== String(at + 1))
  const needsLabel = plan.fixedLabel === undefined
  const roles = chooseRoles(source.path, columns, named, plan.records, options, needsLabel)
  const nameOf = (at: number | undefined) => (at === undefined ? undefined : columns[at])
  plan.sniffed = withRoles(sniffed, {
    text: nameOf(roles.text),
    secondText: nameOf(roles.secondText),
    label: nameOf(roles.label),
  })
  const split = nameOf(roles.split)
  if (split !== undefined) plan.split = split
}

type ColumnRole = 'text' | 'secondText' | 'label'

function withRoles(
  sniffed: SniffedFile,
  names: Partial<Record<ColumnRole, string | undefined>>,
): SniffedFile {
  const rest = { ...sniffed }
  delete rest.text
  delete rest.secondText
  delete rest.label
  return {
    ...rest,
    ...(names.text === undefined ? {} : { text: names.text }),
    ...(names.secondText === undefined ? {} : { secondText: names.secondText }),
    ...(names.label === undefined ? {} : { label: names.label }),
  }
}

/** Files without a header take the names of one that has as many columns (RTE's val.tsv, those of train.tsv). */
function shareHeaders(plans: readonly ReadPlan[]): void {
  const headed = plans.filter(({ sniffed }) => sniffed.header === true)
  for (const { sniffed } of plans) {
    if (sniffed.header !== false) continue
    const model = headed.find((plan) => plan.sniffed.columns.length === sniffed.columns.length)
    if (model !== undefined) sniffed.columns = [...model.sniffed.columns]
  }
}

/** What was guessed for the first file holds for each with the same columns: a small file alone may mislead. */
function shareRoles(plans: readonly ReadPlan[], options: ReadOptions): void {
  const models = plans.filter(
    ({ sniffed, fixedLabel }) => sniffed.label !== undefined && fixedLabel === undefined,
  )
  for (const plan of plans) {
    const { sniffed } = plan
    if (plan.fixedLabel !== undefined || sniffed.format !== 'delimited') continue
    const model = models.find((other) => String(other.sniffed.columns) === String(sniffed.columns))
    if (model === undefined || model === plan) continue
    const chosen = (role: ColumnRole) => (options[role] === undefined ? model.sniffed[role] : sniffed[role])
    plan.sniffed = withRoles(sniffed, {
      text: chosen('text'),
      secondText: chosen('secondText'),
      label: chosen('label'),
    })
  }
}
