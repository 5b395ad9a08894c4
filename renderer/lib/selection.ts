/** Selecting rows by keyboard and mouse, as lists do everywhere: one, a span with Shift, single ones with Ctrl. */

export interface Selection {
  /** Keys of the selected rows. */
  keys: ReadonlySet<string>
  /** Where a span begins. */
  anchor: string | undefined
}

export const nothingSelected: Selection = { keys: new Set(), anchor: undefined }

export function selectOne(key: string): Selection {
  return { keys: new Set([key]), anchor: key }
}

/** Adds or takes away one row. */
export function toggleOne(selection: Selection, key: string): Selection {
  const keys = new Set(selection.keys)
  if (!keys.delete(key)) keys.add(key)
  return { keys, anchor: key }
}

/** The span from the anchor to a row, in the order of `all`. */
export function selectSpan(selection: Selection, key: string, all: readonly string[]): Selection {
  const from = selection.anchor === undefined ? -1 : all.indexOf(selection.anchor)
  const to = all.indexOf(key)
  if (from < 0 || to < 0) return selectOne(key)
  return { keys: new Set(all.slice(Math.min(from, to), Math.max(from, to) + 1)), anchor: selection.anchor }
}
