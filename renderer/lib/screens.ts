import Blocks from '@lucide/svelte/icons/blocks'
import Box from '@lucide/svelte/icons/box'
import CirclePlay from '@lucide/svelte/icons/circle-play'
import ChartScatter from '@lucide/svelte/icons/chart-scatter'
import Database from '@lucide/svelte/icons/database'
import FlaskConical from '@lucide/svelte/icons/flask-conical'
import LayoutDashboard from '@lucide/svelte/icons/layout-dashboard'
import LibraryBig from '@lucide/svelte/icons/library-big'
import ListTree from '@lucide/svelte/icons/list-tree'
import Settings from '@lucide/svelte/icons/settings'

import type { ScreenId } from './screen-paths.ts'

/** The screens that the rail, the palette and the keyboard lead to. */
export const screens = [
  { id: 'overview', label: 'Overview', path: [], keys: 'g o', icon: LayoutDashboard },
  { id: 'datasets', label: 'Datasets', path: ['datasets'], keys: 'g d', icon: Database },
  { id: 'models', label: 'Models', path: ['models'], keys: 'g m', icon: Box },
  { id: 'builder', label: 'Builder', path: ['builder'], keys: 'g b', icon: Blocks },
  { id: 'new-run', label: 'New run', path: ['runs', 'new'], keys: 'g n', icon: CirclePlay },
  { id: 'experiments', label: 'Experiments', path: ['experiments'], keys: 'g e', icon: FlaskConical },
  { id: 'runs', label: 'Runs', path: ['runs'], keys: 'g r', icon: ListTree },
  { id: 'compare', label: 'Compare', path: ['compare'], keys: 'g c', icon: ChartScatter },
  { id: 'library', label: 'Library', path: ['library'], keys: 'g l', icon: LibraryBig },
  { id: 'settings', label: 'Settings', path: ['settings'], keys: 'g s', icon: Settings },
] as const satisfies readonly {
  id: ScreenId
  label: string
  path: readonly string[]
  keys: string
  icon: unknown
}[]
