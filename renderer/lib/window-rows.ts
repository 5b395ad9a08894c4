/** Which rows of a long table are in the document: those in view and a few around, for rows of one height. */

export interface RowWindow {
  first: number
  /** One past the last. */
  end: number
}

const around = 8

/** The rows to render for a scroll position; everything in pixels. */
export function rowWindow(
  count: number,
  rowHeight: number,
  scrollTop: number,
  viewHeight: number,
): RowWindow {
  const top = Math.floor(Math.max(0, scrollTop) / rowHeight)
  const visible = Math.ceil(viewHeight / rowHeight)
  const first = Math.max(0, Math.min(top, count - visible) - around)
  return { first, end: Math.min(count, top + visible + around) }
}

/** The scroll position that brings a row wholly into view, moving as little as possible. */
export function scrollToRow(index: number, rowHeight: number, scrollTop: number, viewHeight: number): number {
  const top = index * rowHeight
  if (top < scrollTop) return top
  const bottom = top + rowHeight
  return bottom > scrollTop + viewHeight ? bottom - viewHeight : scrollTop
}
