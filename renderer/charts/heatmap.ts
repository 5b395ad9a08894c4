/** Heat maps: one coloured cell per pair of names, with its figure written in it. */
import { toCsv } from '../lib/tsv.ts'
import { axisTitle, axisValue, type Axis, type ChartOption } from './options.ts'
import type { ChartTokens } from './tokens.ts'

export interface Heatmap {
  title: string
  x: { name: string; labels: readonly string[] }
  /** From the top down; long names have room. */
  y: { name: string; labels: readonly string[] }
  /** What the figures are. */
  value: Axis & { min: number; max: number }
  cells: readonly { x: number; y: number; value: number }[]
}

/** The colour of a share of the scale, over the page's own background. */
function heat(tokens: ChartTokens, share: number): string {
  const strength = Number(tokens.color('--heat-strength')) || 0.5
  return `rgba(${tokens.color('--heat')}, ${(share * strength + 0.04).toFixed(3)})`
}

export function heatmapOption(chart: Heatmap, tokens: ChartTokens): ChartOption {
  const label = { color: tokens.muted, fontSize: 11, fontFamily: tokens.fontFamily }
  const slanted = isCrowded(chart)
  // How far below the cells the columns' names reach, by the height of their letters.
  const reach = slanted ? Math.min(96, 14 + 5 * Math.max(...chart.x.labels.map(({ length }) => length))) : 18
  const axis = (of: Heatmap['x'], nameGap: number) => ({
    type: 'category' as const,
    data: [...of.labels],
    name: of.name,
    nameLocation: 'middle' as const,
    nameGap,
    nameTextStyle: label,
    axisLabel: { ...label, interval: 0 },
    axisLine: { show: false },
    axisTick: { show: false },
    splitArea: { show: false },
  })
  return {
    animation: false,
    textStyle: { fontFamily: tokens.fontFamily, color: tokens.text },
    title: {
      show: false,
      text: chart.title,
      left: 8,
      top: 4,
      textStyle: { ...label, color: tokens.text, fontSize: 13 },
    },
    grid: {
      left: 158,
      right: 18,
      top: 12,
      bottom: reach + 28,
      outerBoundsMode: 'none' as const,
    },
    xAxis: {
      ...axis(chart.x, reach + 10),
      axisLabel: slanted
        ? { ...label, interval: 0, rotate: 50, overflow: 'truncate' as const, width: 110 }
        : { ...label, interval: 0, rotate: 0 },
    },
    yAxis: {
      ...axis(chart.y, 136),
      inverse: true,
      axisLabel: { ...label, interval: 0, overflow: 'truncate' as const, width: 124 },
    },
    visualMap: {
      type: 'continuous' as const,
      show: false,
      min: chart.value.min,
      max: chart.value.max,
      inRange: { color: [heat(tokens, 0), heat(tokens, 1)] },
    },
    series: [
      {
        type: 'heatmap' as const,
        id: chart.title,
        name: axisTitle(chart.value),
        data: chart.cells.map(({ x, y, value }) => [x, y, value]),
        label: {
          show: true,
          color: tokens.text,
          fontSize: 11,
          formatter: ({ value }: { value?: unknown }) => cellText(chart.value, value),
        },
        itemStyle: { borderColor: tokens.background, borderWidth: 2, borderRadius: 3 },
        emphasis: { disabled: true },
      },
    ],
  }
}

function cellText(axis: Axis, value: unknown): string {
  const figure: unknown = Array.isArray(value) ? value[2] : undefined
  return typeof figure === 'number' ? axisValue(axis, figure) : ''
}

/** Whether the columns' names have to be written at a slant. */
export function isCrowded({ x }: Heatmap): boolean {
  return x.labels.join('').length > 40
}

/** One row per cell, unrounded. */
export function heatmapCsv(chart: Heatmap): string {
  return toCsv([
    [chart.x.name, chart.y.name, axisTitle({ ...chart.value, percent: false })],
    ...chart.cells.map(({ x, y, value }) => [chart.x.labels[x] ?? '', chart.y.labels[y] ?? '', value]),
  ])
}

/** For who does not see the picture: the strongest row of each column. */
export function heatmapSummary(chart: Heatmap): string {
  const columns = chart.x.labels.flatMap((column, x) => {
    const cells = chart.cells.filter((cell) => cell.x === x)
    const top = cells.reduce((best, cell) => (cell.value > best.value ? cell : best), cells[0] ?? none)
    return cells.length === 0
      ? []
      : [`${column}: most ${chart.y.labels[top.y] ?? ''}, ${axisValue(chart.value, top.value)}`]
  })
  return `${axisTitle(chart.value)} by ${chart.x.name.toLowerCase()} and ${chart.y.name.toLowerCase()}. ${columns.join('; ')}.`
}

const none = { x: 0, y: 0, value: -Infinity }
