export type ScreenId =
  | 'overview'
  | 'datasets'
  | 'models'
  | 'builder'
  | 'new-run'
  | 'experiments'
  | 'runs'
  | 'compare'
  | 'library'
  | 'settings'

const areas = ['datasets', 'models', 'experiments', 'library'] as const
/** Screens without a path below them. */
const single = ['builder', 'compare', 'settings'] as const

/** The screen a path belongs to; undefined for an address that leads nowhere. */
export function screenOf(path: readonly string[]): ScreenId | undefined {
  const [first, second] = path
  if (first === undefined) return 'overview'
  if (first === 'runs') return second === 'new' ? 'new-run' : 'runs'
  const area = areas.find((name) => name === first)
  return area ?? (second === undefined ? single.find((name) => name === first) : undefined)
}
