/**
 * A variant's colour, marker and dash, the same in charts, tables and badges: the family gives the colour and the
 * marker, the method within its family the dash, so that nothing is told by colour alone.
 */
import type { MethodFamily } from '../../preload/contract.ts'

export type Dash = 'solid' | 'dashed' | 'dotted'

/** A marker's shape, as text in tables and as an ECharts symbol in charts. */
export interface Marker {
  text: string
  symbol: string
}

export interface VariantStyle {
  /** Name of the CSS variable that holds the colour. */
  color: string
  marker: Marker
  dash: Dash
}

const families = {
  adapter: { color: '--variant-adapter', marker: { text: '●', symbol: 'circle' } },
  fusion: { color: '--variant-fusion', marker: { text: '◆', symbol: 'diamond' } },
  drop: { color: '--variant-drop', marker: { text: '▲', symbol: 'triangle' } },
  mam: { color: '--variant-mam', marker: { text: '■', symbol: 'rect' } },
  baseline: {
    color: '--variant-baseline',
    marker: { text: '✚', symbol: 'path://M4,0h2v4h4v2h-4v4h-2v-4h-4v-2h4z' },
  },
} satisfies Record<MethodFamily, { color: string; marker: Marker }>

const dashes: Record<string, Dash> = {
  seq_bn: 'solid',
  double_seq_bn: 'dashed',
  par_bn: 'dotted',
  full: 'solid',
  head: 'dotted',
  lora: 'dashed',
}

/** The look of a method of a family. */
export function variantStyle(family: MethodFamily, method: string): VariantStyle {
  return { ...families[family], dash: dashes[method] ?? 'solid' }
}
