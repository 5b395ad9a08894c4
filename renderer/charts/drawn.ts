/** Any chart as the page draws and exports it, whatever its kind. */
import { heatmapCsv, heatmapOption, heatmapSummary, type Heatmap } from './heatmap.ts'
import { lineCsv, lineOption, lineSummary, type LineChart } from './lines.ts'
import type { ChartOption } from './options.ts'
import type { ChartTokens } from './tokens.ts'

export interface Drawn {
  title: string
  build: (tokens: ChartTokens) => ChartOption
  csv: () => string
  /** What the picture shows, in words. */
  summary: string
  /** Instead of the picture, where there is nothing to draw. */
  empty?: string
}

export function drawLines(chart: LineChart, empty = 'Nothing to draw.'): Drawn {
  return {
    title: chart.title,
    build: (tokens) => lineOption(chart, tokens),
    csv: () => lineCsv(chart),
    summary: lineSummary(chart),
    ...(chart.lines.length === 0 ? { empty } : {}),
  }
}

export function drawHeatmap(chart: Heatmap, empty = 'Nothing to draw.'): Drawn {
  return {
    title: chart.title,
    build: (tokens) => heatmapOption(chart, tokens),
    csv: () => heatmapCsv(chart),
    summary: heatmapSummary(chart),
    ...(chart.cells.length === 0 ? { empty } : {}),
  }
}
