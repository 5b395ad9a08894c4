/** Tables on the clipboard: cells by tabs, rows by line feeds, as spreadsheets read them. */

/** A cell holds no tab or line break of its own: each becomes a space. */
function tsvCell(cell: string): string {
  return cell.replace(/[\t\r\n]+/g, ' ').trim()
}

export function toTsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.map(tsvCell).join('\t')).join('\n')
}

/** One cell of a CSV file (RFC 4180): quoted only where it must be. */
export function csvCell(cell: string | number): string {
  const text = String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export function toCsv(rows: readonly (readonly (string | number)[])[]): string {
  return rows.map((row) => row.map(csvCell).join(',')).join('\r\n') + '\r\n'
}
