import Box from '@lucide/svelte/icons/box'
import CirclePlay from '@lucide/svelte/icons/circle-play'
import Database from '@lucide/svelte/icons/database'
import LayoutDashboard from '@lucide/svelte/icons/layout-dashboard'
import ListTree from '@lucide/svelte/icons/list-tree'

/** The screens that the rail, the palette and the keyboard lead to. */
export const screens = [
  { id: 'overview', label: 'Overview', path: [], keys: 'g o', icon: LayoutDashboard },
  { id: 'datasets', label: 'Datasets', path: ['datasets'], keys: 'g d', icon: Database },
  { id: 'models', label: 'Models', path: ['models'], keys: 'g m', icon: Box },
  { id: 'new-run', label: 'New run', path: ['runs', 'new'], keys: 'g n', icon: CirclePlay },
  { id: 'runs', label: 'Runs', path: ['runs'], keys: 'g r', icon: ListTree },
] as const

export type ScreenId = (typeof screens)[number]['id']

/** The screen a path belongs to; undefined for an address that leads nowhere. */
export function screenOf(path: readonly string[]): ScreenId | undefined {
  const [first, second] = path
  if (first === undefined) return 'overview'
  if (first === 'runs') return second === 'new' ? 'new-run' : 'runs'
  return first === 'datasets' || first === 'models' ? first : undefined
}
