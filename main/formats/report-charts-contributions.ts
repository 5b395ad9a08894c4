import type { SeriesOption } from 'echarts'

import type { ComparedGroup } from '../../preload/contract.ts'
import { switchedOff } from '../../preload/contract/method-text.ts'
import {
  axis,
  base,
  height,
  nameOf,
  roomFor,
  width,
  type ChartContext,
  type ReportChart,
} from './report-chart-parts.ts'
import { dashes } from './report-palette.ts'
import { withContributions } from './report-tables-analyses.ts'

/** How much of each layer's output each part of a method changes; parts have dashes, variants colours. */
export function changeChart(
  context: ChartContext,
  groups: readonly ComparedGroup[],
): ReportChart | undefined {
  const known = withContributions(groups)
  if (known.length === 0) return undefined
  const { styles, palette } = context
  const longest = Math.max(
    ...known.flatMap(({ contributions }) => contributions.parts.map(({ length }) => length)),
  )
  const series = known.flatMap(({ group, contributions: { parts, changes } }) =>
    parts.map((part, index): SeriesOption => {
      const { color = '', symbol = 'circle' } = styles.get(group.id) ?? {}
      return {
        type: 'line',
        name: known.length > 1 ? `${nameOf(context, group)}: ${part}` : part,
        symbol,
        symbolSize: 7,
        lineStyle: { color, width: 2, type: dashes[index % dashes.length] ?? 'solid' },
        itemStyle: { color },
        endLabel: { show: true, formatter: part, color: palette.muted, distance: 6 },
        labelLayout: { moveOverlap: 'shiftY' },
        data: changes.map((row, layer) => [layer, (row[index]?.mean ?? 0) * 100]),
      }
    }),
  )
  return {
    title: 'Change of each layer’s output by each part',
    description: known
      .map(({ group, contributions: { parts } }) => `${nameOf(context, group)}: ${parts.join(', ')}`)
      .join('; '),
    width,
    height,
    option: {
      ...base(context),
      grid: { left: 34, right: 18 + 7 * longest, top: 16, bottom: 34, containLabel: true },
      xAxis: { type: 'value', minInterval: 1, ...axis(context, 'layer, counted from 0') },
      yAxis: { type: 'value', min: 0, ...axis(context, 'relative change (%)'), nameGap: 40 },
      series,
    },
  }
}

/** By how much the validation score falls with parts switched off. */
export function ablationChart(
  context: ChartContext,
  groups: readonly ComparedGroup[],
): ReportChart | undefined {
  const known = withContributions(groups)
  const bars = known
    .flatMap(({ group, contributions: { parts, ablations } }) =>
      ablations.flatMap(({ without, fall }) => {
        const what = `without ${switchedOff(without, parts)}`
        const name = known.length > 1 ? `${nameOf(context, group)}, ${what}` : what
        return without.length === 0 ? [] : [{ name, group, value: fall.mean * context.scale }]
      }),
    )
    .toReversed()
  if (bars.length === 0) return undefined
  const names = bars.map(({ name }) => name)
  return {
    title: 'Fall of the validation score with parts switched off',
    description: bars
      .toReversed()
      .map(({ name, value }) => `${name}: ${value.toFixed(2)}`)
      .join(', '),
    width,
    height: Math.max(160, 70 + bars.length * 26),
    option: {
      ...base(context),
      grid: { left: roomFor(names), right: 60, top: 10, bottom: 46 },
      xAxis: { type: 'value', ...axis(context, context.metric === 'matthews' ? 'points' : '%-points') },
      yAxis: {
        type: 'category',
        data: names,
        ...axis(context, ''),
        axisLabel: { color: context.palette.text, width: 230, overflow: 'truncate' },
      },
      series: [
        {
          type: 'bar',
          barMaxWidth: 14,
          label: {
            show: true,
            position: 'right',
            color: context.palette.text,
            formatter: ({ value }) => Number(value).toFixed(2),
          },
          data: bars.map(({ group, value }) => ({
            value,
            itemStyle: { color: context.styles.get(group.id)?.color ?? '' },
          })),
        },
      ],
    },
  }
}
