import { splitOfWord } from '../columns.ts'
import { createFieldReader, type Fields } from '../delimited.ts'
import { checkRecord, type RecordItem, type RecordReader } from './records.ts'

export interface DelimitedLayout {
  delimiter: string
  quoting: boolean
  header: boolean
  /** Fields that every record must have. */
  columns: number
  /** Positions from 0. */
  text: number
  secondText?: number | undefined
  label?: number | undefined
  split?: number | undefined
}

/** CSV and TSV: one record per line, or per quoted group of lines. */
export function createDelimitedReader(layout: DelimitedLayout, fixedLabel?: string): RecordReader {
  const fields = createFieldReader(layout.delimiter, layout.quoting)
  let headerPending = layout.header

  function read(item: Fields): RecordItem[] {
    const blank = 'fields' in item && item.fields.length === 1 && item.fields[0]?.trim() === ''
    // The header is the first record that is not blank, as it was when the file was sniffed.
    if (headerPending && !blank) {
      headerPending = false
      return []
    }
    return [toRecord(item, blank)]
  }

  function toRecord(item: Fields, blank: boolean): RecordItem {
    const { line } = item
    if ('reason' in item) return item
    if (blank) return { line, reason: 'the line is empty' }
    const { length } = item.fields
    if (length !== layout.columns) {
      return { line, reason: `${length} ${length === 1 ? 'column' : 'columns'} instead of ${layout.columns}` }
    }
    const at = (column: number | undefined) =>
      column === undefined ? undefined : (item.fields[column] ?? '')
    const word = at(layout.split)
    const split = word === undefined ? undefined : splitOfWord(word)
    if (word !== undefined && split === undefined) {
      return { line, reason: `the split ("${word}") is not train, validation or test` }
    }
    return checkRecord(line, {
      text: at(layout.text) ?? '',
      secondText: at(layout.secondText),
      label: fixedLabel ?? at(layout.label) ?? '',
      split,
    })
  }

  return {
    push: (line) => fields.push(line).flatMap(read),
    flush: () => fields.flush().flatMap(read),
  }
}
