import type { Line } from '../lines.ts'
import { checkRecord, type RecordItem, type RecordReader } from './records.ts'

/** One text per line, all of one class (rt-polarity, subj). */
export function createLinesReader(label: string): RecordReader {
  return {
    push: (line) => [
      line.problem === undefined ? checkRecord(line.number, { text: line.text, label }) : bad(line),
    ],
    flush: () => [],
  }
}

/** `LABEL:fine text` (TREC), or `__label__LABEL text` (fastText): the label up to the first space. */
export function createLabelledLinesReader(fineLabels: boolean, fixedLabel?: string): RecordReader {
  function read(line: Line): RecordItem {
    if (line.problem !== undefined) return bad(line)
    if (line.text.trim() === '') return { line: line.number, reason: 'the line is empty' }
    const match = /^\s*(\S+)(?:\s+(.*))?$/s.exec(line.text)
    const whole = (match?.[1] ?? '').replace(/^__label__/, '')
    const label = fixedLabel ?? (fineLabels ? whole : (whole.split(':')[0] ?? ''))
    return checkRecord(line.number, { text: match?.[2] ?? '', label })
  }
  return { push: (line) => [read(line)], flush: () => [] }
}

function bad(line: Line): RecordItem {
  return { line: line.number, reason: line.problem ?? 'the line cannot be read' }
}
