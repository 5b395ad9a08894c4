import type { SniffedFile } from '../../../preload/contract.ts'

export const formatWords: Record<SniffedFile['format'], string> = {
  delimited: 'Columns',
  jsonl: 'JSON lines',
  'labelled-lines': 'Label, then text',
  lines: 'Text per line',
}

export const delimiterWords: Record<string, string> = {
  ',': 'Comma',
  '\t': 'Tab',
  ';': 'Semicolon',
  '|': 'Bar',
  ':': 'Colon',
  ' ': 'Space',
}

export function delimiterName(delimiter: string): string {
  return delimiterWords[delimiter] ?? `"${delimiter}"`
}

/** How a file was read, in one line. */
export function fileFacts(file: SniffedFile): string {
  return [
    formatWords[file.format],
    ...(file.delimiter === undefined ? [] : [`${delimiterName(file.delimiter).toLowerCase()} between`]),
    ...(file.quoting === undefined ? [] : [file.quoting ? 'quotes quote' : 'quotes are plain characters']),
    ...(file.header === undefined ? [] : [file.header ? 'header line' : 'no header line']),
    file.byteOrderMark ? `${file.encoding} with byte order mark` : file.encoding,
  ].join(', ')
}
