import type { ComparedGroup, MethodFamily } from '../../preload/contract.ts'

/** Colours of a report; the same hues that the program itself shows variants in. */
export interface Palette {
  background: string
  surface: string
  text: string
  muted: string
  border: string
  grid: string
  accent: string
  families: Record<MethodFamily, readonly string[]>
}

export const palettes: Record<'light' | 'dark', Palette> = {
  light: {
    background: '#ffffff',
    surface: '#f6f7f9',
    text: '#16191d',
    muted: '#59616d',
    border: '#e1e4e9',
    grid: '#eceef2',
    accent: '#3f4cc4',
    families: {
      adapter: ['#2563c9', '#6ea4f0', '#153f85', '#0e8fb3'],
      fusion: ['#7a45d1', '#b394ea', '#4d2690', '#b03fc9'],
      drop: ['#b36b00', '#e0a84a', '#7a4900', '#d1561c'],
      mam: ['#0f8178', '#4fb8ae', '#08504a', '#4f8f1f'],
      baseline: ['#69727f', '#a3abb7', '#3d444e', '#8f7a58'],
    },
  },
  dark: {
    background: '#0f1114',
    surface: '#14171b',
    text: '#e6e8eb',
    muted: '#9ea6b2',
    border: '#262b32',
    grid: '#22272e',
    accent: '#8b9bff',
    families: {
      adapter: ['#5b9dff', '#a9cdff', '#3d76cc', '#6fd3f2'],
      fusion: ['#b48cff', '#dcc8ff', '#8a5fd6', '#e58cff'],
      drop: ['#e8a33d', '#ffd08a', '#b87a22', '#ff8a4d'],
      mam: ['#2fbfb3', '#8fe6dd', '#1f8f87', '#8fd35a'],
      baseline: ['#a0a8b4', '#d5dae2', '#747d8b', '#c7b299'],
    },
  },
}

const symbols: Record<MethodFamily, string> = {
  adapter: 'circle',
  fusion: 'diamond',
  drop: 'triangle',
  mam: 'rect',
  baseline: 'path://M4,0h2v4h4v2h-4v4h-2v-4h-4v-2h4z',
}
const markers: Record<MethodFamily, string> = {
  adapter: '●',
  fusion: '◆',
  drop: '▲',
  mam: '■',
  baseline: '✚',
}
export const dashes = ['solid', 'dashed', 'dotted'] as const

/** How a group is drawn: colour and marker say its family, shade and dash which of the family it is. */
export interface GroupStyle {
  color: string
  symbol: string
  /** The symbol as text. */
  marker: string
  dash: (typeof dashes)[number]
}

/** Styles by variant name and model, so that a variant looks the same on every dataset. */
export function groupStyles(groups: readonly ComparedGroup[], palette: Palette): Map<string, GroupStyle> {
  const variants = new Map<string, GroupStyle>()
  const used = new Map<MethodFamily, number>()
  return new Map(
    groups.map((group) => {
      const variant = JSON.stringify([group.name, group.modelId])
      const known = variants.get(variant)
      if (known) return [group.id, known]
      const index = used.get(group.family) ?? 0
      used.set(group.family, index + 1)
      const shades = palette.families[group.family]
      const style: GroupStyle = {
        color: shades[index % shades.length] ?? palette.muted,
        symbol: symbols[group.family],
        marker: markers[group.family],
        dash: dashes[index % dashes.length] ?? 'solid',
      }
      variants.set(variant, style)
      return [group.id, style]
    }),
  )
}
