export type ScreenId = 'overview' | 'datasets' | 'models' | 'new-run' | 'runs' | 'library'

/** The screen a path belongs to; undefined for an address that leads nowhere. */
export function screenOf(path: readonly string[]): ScreenId | undefined {
  const [first, second] = path
  if (first === undefined) return 'overview'
  if (first === 'runs') return second === 'new' ? 'new-run' : 'runs'
  return first === 'datasets' || first === 'models' || first === 'library' ? first : undefined
}
