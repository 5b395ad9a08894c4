/** Cost against score: a point with its interval for each group, and the front that no group beats in both. */
import { shortNames } from '../lib/group-looks.ts'
import { toCsv } from '../lib/tsv.ts'
import type { Drawn } from './drawn.ts'
import { axisTitle, axisValue, frame, type Axis, type ChartOption } from './options.ts'
import type { ChartTokens } from './tokens.ts'
import { itemTooltip } from './tooltip.ts'

export interface ScatterPoint {
  id: string
  name: string
  x: number
  y: number
  /** Interval of y. */
  low: number
  high: number
  color: string
  symbol: string
}

export interface Scatter {
  title: string
  x: Axis
  y: Axis
  points: ScatterPoint[]
  /** Ids of the points on the Pareto front. */
  front: readonly string[]
}

const isShown = ({ x }: Scatter, point: ScatterPoint) => x.log !== true || point.x > 0

/** The front's points from left to right. */
export function frontPoints(chart: Scatter): ScatterPoint[] {
  return chart.points
    .filter((point) => chart.front.includes(point.id) && isShown(chart, point))
    .sort((a, b) => a.x - b.x)
}

export function scatterOption(chart: Scatter, tokens: ChartTokens): ChartOption {
  const label = { color: tokens.muted, fontSize: 11, fontFamily: tokens.fontFamily }
  const shown = chart.points.filter((point) => isShown(chart, point))
  const short = shortNames(shown.map(({ name }) => name))
  const base = frame(chart.title, chart.x, chart.y, tokens)
  return {
    ...base,
    grid: { ...base.grid, right: 36 },
    tooltip: itemTooltip((id) => {
      const point = chart.points.find((entry) => entry.id === id)
      if (point === undefined) return undefined
      return {
        title: point.name,
        lines: [
          [axisTitle(chart.y), `${axisValue(chart.y, point.y)} (${interval(chart, point)})`],
          [axisTitle(chart.x), axisValue(chart.x, point.x)],
          ...(chart.front.includes(id) ? [['', 'On the front'] as [string, string]] : []),
        ],
      }
    }),
    series: [
      {
        type: 'line' as const,
        id: 'front',
        name: 'front',
        silent: true,
        step: 'end' as const,
        showSymbol: false,
        lineStyle: { color: tokens.muted, width: 1, type: 'dashed' as const },
        data: frontPoints(chart).map(({ x, y }) => [x, y]),
      },
      ...shown.map((point) => ({
        type: 'line' as const,
        id: `${point.id}|interval`,
        name: '',
        silent: true,
        showSymbol: true,
        symbol: 'path://M-5,-1h10v2h-10z',
        symbolSize: [8, 1.5] as [number, number],
        lineStyle: { color: tokens.color(point.color), width: 1.25, opacity: 0.7 },
        itemStyle: { color: tokens.color(point.color), opacity: 0.7 },
        data: [
          [point.x, point.low],
          [point.x, point.high],
        ],
      })),
      ...shown.map((point) => ({
        type: 'scatter' as const,
        id: point.id,
        name: point.name,
        symbol: point.symbol,
        symbolSize: 11,
        itemStyle: { color: tokens.color(point.color) },
        emphasis: { scale: 1.7, itemStyle: { borderColor: tokens.text, borderWidth: 1.5 } },
        label: {
          show: true,
          position: isRight(chart, shown, point) ? ('left' as const) : ('right' as const),
          formatter: shortName(short.get(point.name) ?? point.name),
          ...label,
          // Keeps it legible over other points' lines.
          textBorderColor: tokens.background,
          textBorderWidth: 3,
        },
        labelLayout: { hideOverlap: true, moveOverlap: 'shiftY' as const },
        data: [[point.x, point.y]],
      })),
    ],
  }
}

/** Whether a point lies so far right that its name has no room beyond it. */
function isRight({ x }: Scatter, shown: readonly ScatterPoint[], point: ScatterPoint): boolean {
  const place = (value: number) => (x.log === true ? Math.log(value) : value)
  const places = shown.map((entry) => place(entry.x))
  // The axis of what is not logarithmic may begin at 0.
  const least = x.log === true ? Math.min(...places) : Math.min(0, ...places)
  return place(point.x) - least > 0.6 * (Math.max(...places) - least)
}

/** A name that fits beside its point. */
function shortName(name: string): string {
  return name.length > 22 ? `${name.slice(0, 21)}…` : name
}

function interval({ y }: Scatter, { low, high }: ScatterPoint): string {
  return `${axisValue(y, low)} to ${axisValue(y, high)}`
}

export function drawScatter(chart: Scatter, empty = 'Nothing to draw.'): Drawn {
  const front = frontPoints(chart).map(({ name }) => name)
  const points = chart.points.map(
    (point) => `${point.name}: ${axisValue(chart.y, point.y)} at ${axisValue(chart.x, point.x)}`,
  )
  return {
    title: chart.title,
    build: (tokens) => scatterOption(chart, tokens),
    csv: () =>
      toCsv([
        ['Variant', axisTitle(chart.x), chart.y.name, 'Low', 'High', 'On the front'],
        ...chart.points.map(({ id, name, x, y, low, high }) => [
          name,
          x,
          y,
          low,
          high,
          chart.front.includes(id) ? 'yes' : 'no',
        ]),
      ]),
    summary: `${axisTitle(chart.y)} against ${chart.x.name.toLowerCase()}. ${points.join('; ')}. On the front: ${front.join(', ') || 'none'}.`,
    ...(chart.points.length === 0 ? { empty } : {}),
  }
}
