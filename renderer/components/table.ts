export interface Column<T> {
  id: string
  label: string
  unit?: string
  /** Pixels; with `grow` the least, and the column takes what is left over. */
  width: number
  grow?: boolean
  /** Right-aligned. */
  number?: boolean
  sortable?: boolean
  /** The cell as plain text, for the clipboard. */
  text: (row: T) => string
}

export interface Sort {
  key: string
  descending: boolean
}
