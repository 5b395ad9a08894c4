import { isKnownColumnName, isNumeric } from './columns.ts'
import { createFieldReader } from './delimited.ts'
import type { Line } from './lines.ts'

export interface DelimitedGuess {
  delimiter: string
  quoting: boolean
  /** Fields of most records. */
  columns: number
  /** How many of the records have that many. */
  share: number
  records: string[][]
}

export const delimiters = ['\t', ',', ';', '|'] as const

/** How the lines look when they are split at one delimiter; quoting is sniffed unless it is given. */
export function guessDelimited(lines: readonly Line[], delimiter: string, asked?: boolean): DelimitedGuess {
  const quoting = asked ?? sniffQuoting(lines, delimiter)
  const reader = createFieldReader(delimiter, quoting)
  const records: string[][] = []
  let bad = 0
  // Not flushed: a quote still open at the sample's end may well be closed after it.
  for (const item of lines.flatMap((line) => reader.push(line))) {
    if ('reason' in item) bad++
    else if (item.fields.length > 1 || item.fields[0]?.trim() !== '') records.push(item.fields)
  }
  const counts = new Map<number, number>()
  for (const { length } of records) counts.set(length, (counts.get(length) ?? 0) + 1)
  const [columns, agreeing] = [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0] ?? [0, 0]
  return { delimiter, quoting, columns, share: agreeing / Math.max(1, records.length + bad), records }
}

/**
 * Whether `"` quotes fields here. In comma-separated text it does unless fields contradict it; in text with tabs it
 * must be shown by a field that needs its quotes, or by a column that has them throughout, since raw TSV (MRPC)
 * holds sentences that merely begin and end with a quote.
 */
function sniffQuoting(lines: readonly Line[], delimiter: string): boolean {
  const commas = delimiter === ',' || delimiter === ';'
  let wellFormed = 0
  let needed = 0
  let malformed = 0
  const quotedIn: number[] = []
  const reader = createFieldReader(delimiter, true)
  for (const line of lines) {
    for (const item of reader.push(line)) {
      if ('reason' in item) malformed++
      else if (item.fields.some((field) => field.includes('\n'))) needed++
    }
    for (const [column, field] of line.text.split(delimiter).entries()) {
      if (!field.startsWith('"')) continue
      if (!/^"(?:[^"]|"")*"$/.test(field)) continue
      wellFormed++
      quotedIn[column] = (quotedIn[column] ?? 0) + 1
      if (field.slice(1, -1).includes('""')) needed++
    }
    if (line.text.includes('"') && quotedDelimiter(line.text, delimiter)) needed++
  }
  if (commas) return malformed * 2 <= wellFormed + needed
  const throughout = quotedIn.some((count) => (count ?? 0) >= lines.length * 0.9)
  return malformed === 0 && (needed > 0 || throughout)
}

/** Whether a line has a whole quoted field with a delimiter inside it. */
function quotedDelimiter(text: string, delimiter: string): boolean {
  const reader = createFieldReader(delimiter, true)
  const [item] = reader.push({ number: 1, text })
  if (item === undefined || 'reason' in item) return false
  return item.fields.length < text.split(delimiter).length
}

/**
 * Whether the first record names the columns: it holds a name that datasets are known to use, or differs in kind
 * from the records after it (words above a column of numbers, a short name above long texts).
 */
export function sniffHeader(records: readonly (readonly string[])[]): boolean {
  const [first, ...rest] = records
  if (first === undefined || first.some((cell) => cell.length > 60 || isNumeric(cell))) return false
  const names = first.filter((cell) => cell.trim() !== '')
  if (names.length === 0) return false
  const column = (at: number) => rest.map((record) => record[at] ?? '')
  // A class may be called "description" or "question": then other rows have it as well.
  const known = first.filter((cell, at) => isKnownColumnName(cell) && !column(at).includes(cell))
  if (known.length >= Math.max(1, Math.min(2, first.length - 1))) return true
  if (rest.length === 0 || new Set(names).size !== names.length) return false
  const overNumbers = first.some((_, at) => column(at).every(isNumeric))
  if (overNumbers) return true
  // A header's name is one or two words, above texts that are sentences; and no class is called as it is.
  return first.some((cell, at) => {
    const values = column(at)
    const meanLength = values.reduce((sum, value) => sum + value.length, 0) / values.length
    const nameLike = cell.split(/\s+/).length <= 2 && meanLength > 3 * cell.length && meanLength > 20
    return nameLike && first.every((other, place) => other.trim() === '' || !column(place).includes(other))
  })
}

/** Header cells as names: an empty one by its number, a repeated one with a number added. */
export function columnNames(header: readonly string[]): string[] {
  const names: string[] = []
  for (const [at, cell] of header.entries()) {
    const base = cell.trim() === '' ? String(at + 1) : cell.trim()
    let name = base
    for (let copy = 2; names.includes(name); copy++) name = `${base} (${copy})`
    names.push(name)
  }
  return names
}
