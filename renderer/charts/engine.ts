/** ECharts with no more than the charts here use, and its two renderers: canvas on screen, SVG for export. */
import { BarChart, CustomChart, HeatmapChart, LineChart, ParallelChart, ScatterChart } from 'echarts/charts'
import {
  GridComponent,
  MarkLineComponent,
  ParallelComponent,
  TitleComponent,
  TooltipComponent,
  VisualMapContinuousComponent,
} from 'echarts/components'
import { init, use, type ECharts } from 'echarts/core'
import { LabelLayout } from 'echarts/features'
import { CanvasRenderer, SVGRenderer } from 'echarts/renderers'

import type { ChartOption } from './options.ts'

use([
  BarChart,
  CustomChart,
  HeatmapChart,
  LineChart,
  ParallelChart,
  ScatterChart,
  GridComponent,
  MarkLineComponent,
  ParallelComponent,
  TitleComponent,
  TooltipComponent,
  VisualMapContinuousComponent,
  LabelLayout,
  CanvasRenderer,
  SVGRenderer,
])

export type { ECharts }

export function createChart(element: HTMLElement): ECharts {
  return init(element, undefined, { renderer: 'canvas' })
}

const exportSize = { width: 960, height: 540 }

/** The option with its title shown and room for it. */
function titled(option: ChartOption): ChartOption {
  const title = Array.isArray(option.title) ? option.title[0] : option.title
  const grid = Array.isArray(option.grid) ? option.grid[0] : option.grid
  const room = {
    right: Math.max(24, Number(grid?.right ?? 0)),
    bottom: Math.max(52, Number(grid?.bottom ?? 0)),
  }
  return { ...option, title: { ...title, show: true }, grid: { ...grid, ...room, top: 44 } }
}

/** The chart as an SVG document of its own. */
export function chartSvg(option: ChartOption): string {
  const chart = init(null, undefined, { renderer: 'svg', ssr: true, ...exportSize })
  chart.setOption(titled(option))
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

/** The chart as a PNG at twice its size, on the theme's background. */
export async function chartPng(option: ChartOption, background: string): Promise<Blob> {
  const holder = document.createElement('div')
  const chart = init(holder, undefined, { renderer: 'canvas', devicePixelRatio: 2, ...exportSize })
  chart.setOption(titled(option))
  const address = chart.getDataURL({ type: 'png', pixelRatio: 2, backgroundColor: background })
  chart.dispose()
  const bytes = Uint8Array.from(atob(address.slice(address.indexOf(',') + 1)), (letter) =>
    letter.charCodeAt(0),
  )
  return new Blob([bytes], { type: 'image/png' })
}
