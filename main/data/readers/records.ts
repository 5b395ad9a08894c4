import type { SplitName } from '../../../preload/contract.ts'
import type { Line } from '../lines.ts'

/** One labelled text of a file, or why a line gave none. */
export type RecordItem =
  | { line: number; text: string; secondText?: string; label: string; split?: SplitName }
  | { line: number; reason: string }

/** Turns a file's lines into records; a record may end lines after it began. */
export interface RecordReader {
  push(line: Line): RecordItem[]
  flush(): RecordItem[]
}

export interface RawRecord {
  text: string
  /** Undefined where the dataset has no second texts. */
  secondText?: string | undefined
  label: string
  split?: SplitName | undefined
}

/** A record, or the reason why it cannot be used. Texts stay as they are; a label loses the spaces around it. */
export function checkRecord(line: number, raw: RawRecord): RecordItem {
  const label = raw.label.trim()
  if (raw.text.trim() === '') return { line, reason: 'the text is empty' }
  if (raw.secondText?.trim() === '') return { line, reason: 'the second text is empty' }
  if (label === '') return { line, reason: 'the label is missing' }
  return {
    line,
    text: raw.text,
    ...(raw.secondText === undefined ? {} : { secondText: raw.secondText }),
    label,
    ...(raw.split === undefined ? {} : { split: raw.split }),
  }
}
