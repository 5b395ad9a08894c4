import type { RejectedRow } from '../../preload/contract.ts'

const keptRejections = 1000

/** Counts all rejected rows of an import and keeps the first 1,000. */
export interface Rejections {
  add(file: string, line: number, reason: string): void
  count(): number
  /** Those kept, in the order of the files given and of their lines. */
  kept(paths: readonly string[]): RejectedRow[]
}

export function createRejections(): Rejections {
  const rows: RejectedRow[] = []
  let count = 0
  return {
    add(file, line, reason) {
      count++
      if (rows.length < keptRejections) rows.push({ file, line, reason })
    },
    count: () => count,
    kept(paths) {
      const order = new Map(paths.map((path, index) => [path, index]))
      return rows.sort((a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line)
    },
  }
}
