import Box from '@lucide/svelte/icons/box'
import CirclePlay from '@lucide/svelte/icons/circle-play'
import Database from '@lucide/svelte/icons/database'
import LayoutDashboard from '@lucide/svelte/icons/layout-dashboard'
import LibraryBig from '@lucide/svelte/icons/library-big'
import ListTree from '@lucide/svelte/icons/list-tree'

import type { ScreenId } from './screen-paths.ts'

/** The screens that the rail, the palette and the keyboard lead to. */
export const screens = [
  { id: 'overview', label: 'Overview', path: [], keys: 'g o', icon: LayoutDashboard },
  { id: 'datasets', label: 'Datasets', path: ['datasets'], keys: 'g d', icon: Database },
  { id: 'models', label: 'Models', path: ['models'], keys: 'g m', icon: Box },
  { id: 'new-run', label: 'New run', path: ['runs', 'new'], keys: 'g n', icon: CirclePlay },
  { id: 'runs', label: 'Runs', path: ['runs'], keys: 'g r', icon: ListTree },
  { id: 'library', label: 'Library', path: ['library'], keys: 'g l', icon: LibraryBig },
] as const satisfies readonly {
  id: ScreenId
  label: string
  path: readonly string[]
  keys: string
  icon: unknown
}[]
