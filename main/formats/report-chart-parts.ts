import type { EChartsOption } from 'echarts'

import type { ComparedGroup, ScoreName } from '../../preload/contract.ts'
import { fullName, type ReportData } from './report-data.ts'
import type { GroupStyle, Palette } from './report-palette.ts'

/** A chart before it is drawn. */
export interface ReportChart {
  title: string
  /** What it shows, for those who cannot see it. */
  description: string
  width: number
  height: number
  option: EChartsOption
}

/** What every chart of a report is drawn with. */
export interface ChartContext {
  data: ReportData
  metric: ScoreName
  palette: Palette
  styles: Map<string, GroupStyle>
  /** Factor of scores, and their name with its unit. */
  scale: number
  unit: string
}

export const width = 620
export const height = 340

export function nameOf({ data }: ChartContext, group: ComparedGroup): string {
  return fullName(group, data.comparison.groups)
}

export function base({ palette }: ChartContext): EChartsOption {
  return {
    animation: false,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: 'system-ui, sans-serif', color: palette.text },
    grid: { left: 12, right: 24, top: 34, bottom: 12, containLabel: true },
  }
}

export function axis({ palette }: ChartContext, name: string): object {
  return {
    name,
    nameLocation: 'middle',
    nameGap: 30,
    nameTextStyle: { color: palette.muted },
    axisLabel: { color: palette.muted },
    axisLine: { lineStyle: { color: palette.border } },
    splitLine: { lineStyle: { color: palette.grid } },
  }
}

/** Room for names at the left: without a page, ECharts guesses the width of texts too small. */
export function roomFor(names: readonly string[]): number {
  return Math.min(240, 20 + 7 * Math.max(0, ...names.map((name) => name.length)))
}
