/** How values spread over seeds: a box of quartiles, the single values and the mean with its interval, per group. */
import type { Box } from '../../preload/contract.ts'
import { shortNames } from '../lib/group-looks.ts'
import { toCsv } from '../lib/tsv.ts'
import type { Drawn } from './drawn.ts'
import { axisTitle, axisValue, frame, type Axis, type ChartOption } from './options.ts'
import type { ChartTokens } from './tokens.ts'
import { itemTooltip } from './tooltip.ts'

export interface BoxEntry {
  id: string
  name: string
  color: string
  symbol: string
  values: readonly number[]
  mean: number
  /** Left out where the values have no quartiles to speak of. */
  box?: Box
  /** Interval of the mean. */
  low?: number
  high?: number
}

export interface BoxChart {
  title: string
  value: Axis
  entries: BoxEntry[]
}

interface Drawing {
  coord: (point: number[]) => number[]
}

/** Groups from the top down, values to the right: names keep their room. */
export function boxOption(chart: BoxChart, tokens: ChartTokens): ChartOption {
  const short = shortNames(chart.entries.map(({ name }) => name))
  const base = frame(chart.title, chart.value, { name: '' }, tokens)
  const label = { color: tokens.muted, fontSize: 11, fontFamily: tokens.fontFamily }
  return {
    ...base,
    grid: { ...base.grid, left: 150 },
    xAxis: { ...base.xAxis, scale: true, splitLine: { show: true, lineStyle: { color: tokens.grid } } },
    yAxis: {
      type: 'category' as const,
      inverse: true,
      data: chart.entries.map(({ name }) => short.get(name) ?? name),
      axisLabel: { ...label, width: 134, overflow: 'truncate' as const, interval: 0 },
      axisLine: { show: false },
      axisTick: { show: false },
    },
    tooltip: itemTooltip((id) => {
      const entry = chart.entries.find((candidate) => candidate.id === id.split('|')[0])
      return entry && { title: entry.name, lines: describe(chart, entry) }
    }),
    series: chart.entries.flatMap((entry, index) => {
      const color = tokens.color(entry.color)
      const box = entry.box
      return [
        ...(box === undefined || entry.values.length < 2
          ? []
          : [
              {
                type: 'custom' as const,
                id: `${entry.id}|box`,
                name: entry.name,
                data: [[box.median, index]],
                renderItem: (_params: unknown, { coord }: Drawing) => boxShape(box, index, color, coord),
              },
            ]),
        {
          type: 'scatter' as const,
          id: entry.id,
          name: entry.name,
          symbol: entry.symbol,
          symbolSize: 7,
          itemStyle: { color, opacity: 0.75 },
          emphasis: { scale: 1.6, itemStyle: { opacity: 1, borderColor: tokens.text, borderWidth: 1 } },
          data: entry.values.map((value) => [value, index]),
        },
      ]
    }),
  }
}

function boxShape(box: Box, index: number, color: string, coord: Drawing['coord']) {
  const x = (value: number) => coord([value, index])[0] ?? 0
  const y = coord([box.median, index])[1] ?? 0
  const half = 8
  const line = (x1: number, y1: number, x2: number, y2: number, lineWidth = 1) => ({
    type: 'line' as const,
    shape: { x1, y1, x2, y2 },
    style: { stroke: color, lineWidth },
  })
  const [least, lower, upper, most] = [box.minimum, box.lowerQuartile, box.upperQuartile, box.maximum].map(x)
  return {
    type: 'group' as const,
    children: [
      line(least ?? 0, y, lower ?? 0, y),
      line(upper ?? 0, y, most ?? 0, y),
      {
        type: 'rect' as const,
        shape: {
          x: lower ?? 0,
          y: y - half,
          width: Math.max(1, (upper ?? 0) - (lower ?? 0)),
          height: 2 * half,
        },
        style: { fill: color, fillOpacity: 0.14, stroke: color, lineWidth: 1 },
      },
      line(x(box.median), y - half, x(box.median), y + half, 2),
    ],
  }
}

function describe(chart: BoxChart, entry: BoxEntry): [string, string][] {
  const text = (value: number) => axisValue(chart.value, value)
  return [
    ['Mean', text(entry.mean)],
    ...(entry.low === undefined || entry.high === undefined
      ? []
      : [['95 % interval', `${text(entry.low)} to ${text(entry.high)}`] as [string, string]]),
    ['Values', entry.values.map(text).join(', ')],
  ]
}

export function drawBoxes(chart: BoxChart, empty = 'Nothing to draw.'): Drawn {
  return {
    title: chart.title,
    build: (tokens) => boxOption(chart, tokens),
    csv: () =>
      toCsv([
        ['Variant', chart.value.name],
        ...chart.entries.flatMap(({ name, values }) => values.map((value) => [name, value])),
      ]),
    summary: `${axisTitle(chart.value)} of each run. ${chart.entries.map((entry) => `${entry.name}: mean ${axisValue(chart.value, entry.mean)} of ${entry.values.length}`).join('; ')}.`,
    ...(chart.entries.length === 0 ? { empty } : {}),
  }
}
