/** A value of a table cell; undefined is an empty cell. */
export type Cell = string | number | boolean | undefined

/** Rows as CSV (RFC 4180: CRLF, quotes where they are needed). */
export function toCsv(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [header, ...rows].map(csvLine).join('')
}

export function csvLine(row: readonly Cell[]): string {
  return `${row.map(csvCell).join(',')}\r\n`
}

function csvCell(value: Cell): string {
  if (value === undefined) return ''
  const text = String(value)
  // A spreadsheet would compute what begins like a formula.
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
