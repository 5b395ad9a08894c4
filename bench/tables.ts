/** Measurements as a page shows them, and as they are. */
export interface Table {
  title: string
  headings: readonly string[]
  cells: readonly (readonly string[])[]
  rows: readonly object[]
}

/** @param columns how each column is called, and what it shows of a row */
export function table<Row extends object>(
  title: string,
  rows: readonly Row[],
  columns: Readonly<Record<string, (row: Row) => string | number>>,
): Table {
  return {
    title,
    headings: Object.keys(columns),
    cells: rows.map((row) => Object.values(columns).map((show) => String(show(row)))),
    rows,
  }
}

/** The table in Markdown, with its title above it. */
export function markdown({ title, headings, cells }: Table): string {
  const line = (parts: readonly string[]): string => `| ${parts.join(' | ')} |`
  return [`${title}:`, '', line(headings), line(headings.map(() => '---')), ...cells.map(line)].join('\n')
}

export const milliseconds = (ms: number): string => ms.toFixed(1)
export const seconds = (value: number): string => value.toFixed(1)
export const times = (ratio: number): string => ratio.toFixed(2)
export const megabytes = (bytes: number): string => String(Math.round(bytes / 2 ** 20))
export const percent = (share: number): string => (share * 100).toFixed(1)
