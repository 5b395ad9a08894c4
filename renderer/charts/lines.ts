/** Line charts: live curves of one run, or the same metric of several. */
import { toCsv } from '../lib/tsv.ts'
import type { Dash } from '../lib/variants.ts'
import { axisTitle, axisValue, frame, type Axis, type ChartOption } from './options.ts'
import type { ChartTokens } from './tokens.ts'
import { tooltip } from './tooltip.ts'

export interface Line {
  /** Tells it from others of the same name, and whose it is: its group's id comes first, before a `|`. */
  id?: string
  name: string
  /** CSS variable of its colour. */
  color: string
  dash?: Dash
  width?: number
  opacity?: number
  /** ECharts symbol drawn at each point; none where left out. */
  symbol?: string
  points: readonly (readonly [x: number, y: number])[]
  /** Stands behind another and is not told of beside the pointer. */
  quiet?: boolean
  /** Written behind its last point. */
  endLabel?: string
}

/** A strip between two curves: where values lie around their mean. */
export interface Band {
  id: string
  color: string
  points: readonly (readonly [x: number, low: number, high: number])[]
}

export interface LineChart {
  title: string
  x: Axis
  y: Axis
  lines: Line[]
  bands?: Band[]
  /** Vertical lines with a word: the best epoch, a resumed step. */
  marks?: { x: number; label: string }[]
}

/** The chart as ECharts draws it. Series keep their names, so that new points join the old picture. */
export function lineOption(chart: LineChart, tokens: ChartTokens): ChartOption {
  const base = frame(chart.title, chart.x, chart.y, tokens)
  const longest = Math.max(0, ...chart.lines.map(({ endLabel = '' }) => endLabel.length))
  return {
    ...base,
    ...(chart.x.labels === undefined ? {} : { xAxis: named(base.xAxis, chart.x.labels) }),
    ...(longest > 0 ? { grid: { ...base.grid, right: 18 + 6.5 * longest } } : {}),
    tooltip: tooltip(
      (x) => `${chart.x.name} ${axisValue(chart.x, x)}`,
      (y) => axisValue(chart.y, y),
    ),
    series: [
      ...(chart.bands ?? []).map((band) => bandSeries(chart, band, tokens)),
      ...lineSeries(chart, tokens),
    ],
  }
}

/** An axis of names in place of numbers. */
function named(
  { name, nameLocation, nameGap, nameTextStyle, axisLine, axisTick }: ReturnType<typeof frame>['xAxis'],
  labels: readonly string[],
) {
  return {
    ...{ name, nameLocation, nameGap, nameTextStyle, axisLine, axisTick },
    type: 'category' as const,
    data: [...labels],
    axisLabel: { ...nameTextStyle, interval: 0 },
  }
}

/** Points that the axes can show. */
function drawable({ x, y }: LineChart, points: Line['points']): [number, number][] {
  return points
    .filter(([px, py]) => (x.log !== true || px > 0) && (y.log !== true || py > 0))
    .map(([px, py]) => [px, py])
}

function lineSeries(chart: LineChart, tokens: ChartTokens) {
  return chart.lines.map((line, index) => {
    const color = tokens.color(line.color)
    const opacity = line.opacity ?? 1
    return {
      type: 'line' as const,
      id: line.id ?? line.name,
      name: line.quiet === true ? '' : line.name,
      data: drawable(chart, line.points),
      ...(line.id === undefined ? {} : { triggerLineEvent: true }),
      showSymbol: line.symbol !== undefined,
      symbol: line.symbol ?? 'circle',
      symbolSize: line.symbol === undefined ? 4 : 6,
      sampling: 'lttb' as const,
      ...(line.endLabel === undefined
        ? {}
        : {
            endLabel: {
              show: true,
              formatter: line.endLabel,
              color: tokens.muted,
              fontSize: 11,
              distance: 6,
            },
            labelLayout: { moveOverlap: 'shiftY' as const },
          }),
      lineStyle: { color, opacity, width: line.width ?? 1.5, type: line.dash ?? 'solid' },
      itemStyle: { color, opacity },
      emphasis:
        line.id === undefined
          ? { disabled: true }
          : {
              lineStyle: { color, opacity: 1, width: (line.width ?? 1.5) + (line.quiet === true ? 0.5 : 2) },
            },
      ...(index === 0 && chart.marks !== undefined ? { markLine: markLine(chart.marks, tokens) } : {}),
    }
  })
}

/** A polygon rather than two stacked lines, which a logarithmic axis could not show. */
function bandSeries(chart: LineChart, band: Band, tokens: ChartTokens) {
  const upper = drawable(
    chart,
    band.points.map(([x, , high]) => [x, high] as const),
  )
  const lower = drawable(
    chart,
    band.points.map(([x, low]) => [x, low] as const),
  ).reverse()
  const corners = [...upper, ...lower]
  return {
    type: 'custom' as const,
    id: band.id,
    name: '',
    silent: true,
    clip: true,
    // All corners are given, so that the axes reach around them; with the first, the whole is drawn.
    data: corners,
    renderItem: (
      { dataIndex }: { dataIndex: number },
      { coord }: { coord: (point: number[]) => number[] },
    ) =>
      dataIndex > 0
        ? undefined
        : {
            type: 'polygon' as const,
            shape: { points: corners.map((corner) => coord([...corner])) },
            style: { fill: tokens.color(band.color), opacity: 0.16 },
          },
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
    ...xs.map((x) => [
      chart.x.labels === undefined ? x : axisValue(chart.x, x),
      ...columns.map((column) => column.get(x) ?? ''),
    ]),
  ])
}

/** One sentence for who does not see the picture: each line's last and best values. */
export function lineSummary(chart: LineChart): string {
  const parts = chart.lines.flatMap((line) => {
    if (line.quiet === true) return []
    const last = line.points.at(-1)
    if (last === undefined) return []
    const ys = line.points.map(([, y]) => y).filter(Number.isFinite)
    const range = `from ${axisValue(chart.y, Math.min(...ys))} to ${axisValue(chart.y, Math.max(...ys))}`
    return [`${line.name}: ${line.points.length} points ${range}, last ${axisValue(chart.y, last[1])}`]
  })
  return `${axisTitle(chart.y)} over ${chart.x.name.toLowerCase()}. ${parts.length > 0 ? parts.join('; ') : 'No points yet'}.`
}
