/** Line charts: live curves of one run, or the same metric of several. */
import { toCsv } from '../lib/tsv.ts'
import type { Dash } from '../lib/variants.ts'
import { axisTitle, axisValue, frame, type Axis, type ChartOption } from './options.ts'
import type { ChartTokens } from './tokens.ts'
import { tooltip } from './tooltip.ts'

export interface Line {
  name: string
  /** CSS variable of its colour. */
  color: string
  dash?: Dash
  width?: number
  opacity?: number
  /** ECharts symbol drawn at each point; none where left out. */
  symbol?: string
  points: readonly (readonly [x: number, y: number])[]
}

export interface LineChart {
  title: string
  x: Axis
  y: Axis
  lines: Line[]
  /** Vertical lines with a word: the best epoch, a resumed step. */
  marks?: { x: number; label: string }[]
}

/** The chart as ECharts draws it. Series keep their names, so that new points join the old picture. */
export function lineOption(chart: LineChart, tokens: ChartTokens): ChartOption {
  return {
    ...frame(chart.title, chart.x, chart.y, tokens),
    tooltip: tooltip(
      (x) => `${chart.x.name} ${axisValue(chart.x, x)}`,
      (y) => axisValue(chart.y, y),
    ),
    series: chart.lines.map((line, index) => {
      const color = tokens.color(line.color)
      const opacity = line.opacity ?? 1
      return {
        type: 'line' as const,
        id: line.name,
        name: line.name,
        data: line.points.map(([x, y]) => [x, y]),
        showSymbol: line.symbol !== undefined,
        symbol: line.symbol ?? 'circle',
        symbolSize: line.symbol === undefined ? 4 : 6,
        sampling: 'lttb' as const,
        lineStyle: { color, opacity, width: line.width ?? 1.5, type: line.dash ?? 'solid' },
        itemStyle: { color, opacity },
        emphasis: { disabled: true },
        ...(index === 0 && chart.marks !== undefined ? { markLine: markLine(chart.marks, tokens) } : {}),
      }
    }),
  }
}

function markLine(marks: { x: number; label: string }[], tokens: ChartTokens) {
  return {
    silent: true,
    symbol: 'none',
    lineStyle: { color: tokens.axis, type: 'dashed' as const, width: 1 },
    label: { color: tokens.muted, fontSize: 11, position: 'insideEndTop' as const, rotate: 0, distance: 4 },
    data: marks.map(({ x, label }) => ({ xAxis: x, label: { formatter: label } })),
  }
}

/** The chart's figures as a CSV file: one column for x, one per line; unrounded. */
export function lineCsv(chart: LineChart): string {
  const xs = [...new Set(chart.lines.flatMap((line) => line.points.map(([x]) => x)))].sort((a, b) => a - b)
  const columns = chart.lines.map((line) => new Map(line.points.map(([x, y]) => [x, y])))
  return toCsv([
    [axisTitle({ ...chart.x, percent: false }), ...chart.lines.map((line) => line.name)],
    ...xs.map((x) => [x, ...columns.map((column) => column.get(x) ?? '')]),
  ])
}

/** One sentence for who does not see the picture: each line's last and best values. */
export function lineSummary(chart: LineChart): string {
  const parts = chart.lines.flatMap((line) => {
    const last = line.points.at(-1)
    if (last === undefined) return []
    const ys = line.points.map(([, y]) => y).filter(Number.isFinite)
    const range = `from ${axisValue(chart.y, Math.min(...ys))} to ${axisValue(chart.y, Math.max(...ys))}`
    return [`${line.name}: ${line.points.length} points ${range}, last ${axisValue(chart.y, last[1])}`]
  })
  return `${axisTitle(chart.y)} over ${chart.x.name.toLowerCase()}. ${parts.length > 0 ? parts.join('; ') : 'No points yet'}.`
}
