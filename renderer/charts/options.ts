/** The parts of ECharts that are used, as types: the options of every chart here. */
import type {
  BarSeriesOption,
  CustomSeriesOption,
  HeatmapSeriesOption,
  LineSeriesOption,
  ParallelSeriesOption,
  ScatterSeriesOption,
} from 'echarts/charts'
import type {
  GridComponentOption,
  MarkLineComponentOption,
  TitleComponentOption,
  TooltipComponentOption,
  VisualMapComponentOption,
} from 'echarts/components'
import type { ComposeOption } from 'echarts/core'

import { formatCount, formatNumber, formatScore, formatSetting } from '../lib/format.ts'
import type { ChartTokens } from './tokens.ts'

export type ChartOption = ComposeOption<
  | BarSeriesOption
  | CustomSeriesOption
  | HeatmapSeriesOption
  | LineSeriesOption
  | ParallelSeriesOption
  | ScatterSeriesOption
  | GridComponentOption
  | MarkLineComponentOption
  | TitleComponentOption
  | TooltipComponentOption
  | VisualMapComponentOption
> & {
  /** The library's own type for these would take any key for an axis. */
  parallel?: object
  parallelAxis?: object[]
}

export interface Axis {
  name: string
  unit?: string
  /** Values are fractions and are written in percent. */
  percent?: boolean
  /** Whole numbers only: steps, epochs, counts. */
  whole?: boolean
  min?: number
  max?: number | 'dataMax'
  /** Logarithmic: what is not above 0 is left out. */
  log?: boolean
  /** Values are places in a list of names, from 0; across, in a line chart. */
  labels?: readonly string[]
}

/** `Loss`, `Accuracy (%)`: an axis' name with its unit. */
export function axisTitle(axis: Axis): string {
  const unit = axis.percent === true ? '%' : axis.unit
  return unit === undefined ? axis.name : `${axis.name} (${unit})`
}

/** A value as the tooltip and the export's words have it, without the unit. */
export function axisValue(axis: Axis, value: number): string {
  if (axis.labels !== undefined) return axis.labels[value] ?? ''
  if (axis.percent === true) return formatScore(value)
  return axis.whole === true && Number.isInteger(value) ? formatCount(value) : formatNumber(value)
}

/** A round value beside the axis: no zeros that say nothing. */
function axisTick(axis: Axis, value: number): string {
  if (axis.percent === true) return String(Number((value * 100).toPrecision(6)))
  const size = Math.abs(value)
  if (size > 0 && size < 1e-2) return Number(value.toPrecision(3)).toExponential()
  return size >= 1000 ? formatNumber(value) : formatSetting(value)
}

/** What every chart with two axes has in common. */
export function frame(title: string, x: Axis, y: Axis, tokens: ChartTokens) {
  const label = { color: tokens.muted, fontSize: 11, fontFamily: tokens.fontFamily }
  const axis = (of: Axis, splitLine: boolean) => ({
    type: of.log === true ? ('log' as const) : ('value' as const),
    nameTextStyle: { ...label, fontSize: 11 },
    nameLocation: 'middle' as const,
    name: axisTitle(of),
    axisLabel: { ...label, hideOverlap: true, formatter: (value: number) => axisTick(of, value) },
    axisLine: { show: !splitLine, lineStyle: { color: tokens.axis } },
    axisTick: { show: !splitLine, lineStyle: { color: tokens.axis }, length: 3 },
    splitLine: { show: splitLine, lineStyle: { color: tokens.grid } },
    ...(of.whole === true && of.log !== true ? { minInterval: 1 } : {}),
    ...(of.min === undefined || (of.log === true && of.min <= 0) ? {} : { min: of.min }),
    ...(of.max === undefined ? {} : { max: of.max }),
  })
  return {
    animation: false,
    textStyle: { fontFamily: tokens.fontFamily, color: tokens.text },
    // The title stands in the page; pictures that leave it need their own.
    title: {
      show: false,
      text: title,
      left: 8,
      top: 4,
      textStyle: { ...label, color: tokens.text, fontSize: 13 },
    },
    grid: { left: 64, right: 18, top: 12, bottom: 42, outerBoundsMode: 'none' as const },
    xAxis: { ...axis(x, false), nameGap: 26 },
    yAxis: { ...axis(y, true), nameGap: 46, scale: true },
  }
}
