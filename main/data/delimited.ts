import type { Line } from './lines.ts'

export type Fields = { line: number; fields: string[] } | { line: number; reason: string }

export interface FieldReader {
  /** The records that end with this line: mostly one, none inside a quoted line break, several after a bad quote. */
  push(line: Line): Fields[]
  /** What is left at the end of the file. */
  flush(): Fields[]
}

/** A quote that stays open for longer than this was not meant as one. */
const longestRecord = 1000

/**
 * Splits lines into fields. With quoting, `"` at the start of a field opens it, `""` inside is one quote, and
 * delimiters and line breaks inside belong to the field (RFC 4180). A quote that is never closed, or is followed
 * by more text, costs its own line and no other: reading goes on at the next line.
 */
export function createFieldReader(delimiter: string, quoting: boolean): FieldReader {
  if (!quoting) {
    return { push: (line) => [splitPlain(line, delimiter)], flush: () => [] }
  }

  let open: { lines: Line[]; state: QuotedState } | undefined

  function push(line: Line): Fields[] {
    if (open === undefined && (line.problem !== undefined || !line.text.includes('"'))) {
      return [splitPlain(line, delimiter)]
    }
    const record = open ?? { lines: [], state: { fields: [], field: '', quoted: false } }
    record.lines.push(line)
    const outcome = line.problem === undefined ? scan(record.state, line.text, delimiter) : 'malformed'
    if (outcome === 'open' && record.lines.length < longestRecord) {
      open = record
      return []
    }
    open = undefined
    const first = record.lines[0] ?? line
    if (outcome === 'done') return [{ line: first.number, fields: record.state.fields }]
    const reason =
      outcome === 'malformed' && record.lines.length === 1
        ? 'text follows a closing quote; if quotes are part of the text, turn quoting off'
        : 'a quote is opened and not closed; if quotes are part of the text, turn quoting off'
    return [{ line: first.number, reason }, ...again(record.lines.slice(1))]
  }

  function again(lines: Line[]): Fields[] {
    return lines.flatMap((line) => push(line))
  }

  function flush(): Fields[] {
    const records: Fields[] = []
    while (open !== undefined) {
      const [first, ...rest] = open.lines
      open = undefined
      if (first !== undefined)
        records.push({ line: first.number, reason: 'a quote is opened and never closed' })
      records.push(...again(rest))
    }
    return records
  }

  return { push, flush }
}

function splitPlain(line: Line, delimiter: string): Fields {
  if (line.problem !== undefined) return { line: line.number, reason: line.problem }
  return { line: line.number, fields: line.text.split(delimiter) }
}

interface QuotedState {
  fields: string[]
  /** The quoted field that goes on over a line break. */
  field: string
  quoted: boolean
}

/** Takes one line into the state; 'open' when it ends inside a quoted field. */
function scan(state: QuotedState, text: string, delimiter: string): 'done' | 'open' | 'malformed' {
  let at = 0
  for (;;) {
    if (!state.quoted && text[at] === '"') {
      state.quoted = true
      state.field = ''
      at++
    }
    if (state.quoted) {
      const quote = text.indexOf('"', at)
      if (quote === -1) {
        state.field += `${text.slice(at)}\n`
        return 'open'
      }
      state.field += text.slice(at, quote)
      at = quote + 1
      if (text[at] === '"') {
        state.field += '"'
        at++
        continue
      }
      state.quoted = false
      state.fields.push(state.field)
      if (at === text.length) return 'done'
      if (!text.startsWith(delimiter, at)) return 'malformed'
      at += delimiter.length
    } else {
      const end = text.indexOf(delimiter, at)
      state.fields.push(end === -1 ? text.slice(at) : text.slice(at, end))
      if (end === -1) return 'done'
      at = end + delimiter.length
    }
  }
}
