import type { SeriesOption } from 'echarts'

import type { ComparedGroup } from '../../preload/contract.ts'
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
import { calibrationChart, dropChart, forgettingChart, fusionCharts } from './report-charts-analysis.ts'
import { ablationChart, changeChart } from './report-charts-contributions.ts'
import { sequenceCharts } from './report-charts-sequence.ts'
import { byDataset, scoreNames, type ReportData } from './report-data.ts'
import { groupStyles, palettes, type GroupStyle } from './report-palette.ts'

/** Every chart for which the comparison has figures, dataset by dataset. */
export function reportCharts(
  data: ReportData,
): { datasetName: string; legend: (GroupStyle & { name: string })[]; charts: ReportChart[] }[] {
  const { metric, groups } = data.comparison
  const palette = palettes[data.theme]
  const isShare = metric !== 'matthews'
  const context: ChartContext = {
    data,
    metric,
    palette,
    styles: groupStyles(groups, palette),
    scale: isShare ? 100 : 1,
    unit: isShare ? `${scoreNames[metric]} (%)` : scoreNames[metric],
  }
  return byDataset(groups).map(({ datasetId, datasetName, groups: own }) => ({
    datasetName,
    legend: own.flatMap((group) => {
      const style = context.styles.get(group.id)
      return style ? [{ ...style, name: nameOf(context, group) }] : []
    }),
    charts: [
      scoreChart(context, own),
      costChart(context, own, 'trained parameters', ({ trainableParameters }) => trainableParameters),
      costChart(context, own, 'training (s)', ({ seconds }) => seconds?.mean),
      ...curveCharts(context, datasetId),
      dropChart(context, own, 'quality'),
      dropChart(context, own, 'time'),
      ...own.flatMap((group) => fusionCharts(context, group)),
      changeChart(context, own),
      ablationChart(context, own),
      calibrationChart(context, own),
      forgettingChart(context, own),
      ...sequenceCharts(context, own),
    ].filter((chart) => chart !== undefined),
  }))
}

/** Scores as points with their intervals; every seed as a small point. */
function scoreChart(context: ChartContext, groups: readonly ComparedGroup[]): ReportChart | undefined {
  const scored = groups.filter(({ score }) => score !== undefined).toReversed()
  if (scored.length === 0) return undefined
  const { scale, styles, unit } = context
  const values = scored.map(({ score }) => score?.mean ?? 0)
  return {
    title: 'Scores with 95 % intervals',
    description: scored
      .map((group, i) => `${nameOf(context, group)} ${(values[i] ?? 0).toFixed(3)}`)
      .join(', '),
    width,
    height: Math.max(160, 70 + scored.length * 30),
    option: {
      ...base(context),
      grid: { left: roomFor(scored.map((group) => nameOf(context, group))), right: 24, top: 10, bottom: 46 },
      xAxis: { type: 'value', scale: true, ...axis(context, unit) },
      yAxis: {
        type: 'category',
        data: scored.map((group) => nameOf(context, group)),
        ...axis(context, ''),
        axisLabel: { color: context.palette.text },
      },
      series: [
        {
          type: 'custom',
          renderItem: (_params, api) => {
            const row = Number(api.value(2))
            const [from, to] = [api.coord([api.value(0), row]), api.coord([api.value(1), row])]
            const [x1 = 0, y1 = 0] = from
            const [x2 = 0] = to
            const style = { stroke: styles.get(scored[row]?.id ?? '')?.color ?? '', lineWidth: 2 }
            const bar = (x: number) => ({
              type: 'line' as const,
              shape: { x1: x, y1: y1 - 5, x2: x, y2: y1 + 5 },
              style,
            })
            return {
              type: 'group',
              children: [{ type: 'line', shape: { x1, y1, x2, y2: y1 }, style }, bar(x1), bar(x2)],
            }
          },
          encode: { x: [0, 1], y: 2 },
          data: scored.map(({ score }, row) => [(score?.low ?? 0) * scale, (score?.high ?? 0) * scale, row]),
        },
        {
          type: 'scatter',
          data: scored.flatMap((group, row) =>
            (group.score?.values ?? []).map((value) => ({
              value: [value * scale, row],
              symbolSize: 5,
              itemStyle: { color: styles.get(group.id)?.color ?? '', opacity: 0.5 },
            })),
          ),
        },
        {
          type: 'scatter',
          data: scored.map((group, row) => ({
            value: [(group.score?.mean ?? 0) * scale, row],
            symbol: styles.get(group.id)?.symbol ?? 'circle',
            symbolSize: 11,
            itemStyle: { color: styles.get(group.id)?.color ?? '' },
          })),
        },
      ],
    },
  }
}

/** Cost against score with the Pareto front. */
function costChart(
  context: ChartContext,
  groups: readonly ComparedGroup[],
  name: string,
  costOf: (group: ComparedGroup) => number | undefined,
): ReportChart | undefined {
  const { styles, scale, unit, palette, data } = context
  const points = groups.flatMap((group) => {
    const cost = costOf(group)
    const mean = group.score?.mean
    return cost === undefined || cost <= 0 || mean === undefined ? [] : [{ group, cost, value: mean * scale }]
  })
  if (points.length < 2) return undefined
  const fronts = data.comparison.pareto.find(({ datasetId }) => datasetId === groups[0]?.datasetId)
  const front = (name.startsWith('trained') ? fronts?.parameters : fronts?.seconds) ?? []
  return {
    title: `Score against ${name}`,
    description: points.map(({ group, cost }) => `${nameOf(context, group)}: ${Math.round(cost)}`).join(', '),
    width,
    height,
    option: {
      ...base(context),
      grid: { left: 34, right: 40, top: 20, bottom: 40, containLabel: true },
      xAxis: { type: 'log', ...axis(context, `${name}, logarithmic`) },
      yAxis: { type: 'value', scale: true, ...axis(context, unit), nameGap: 40 },
      series: [
        {
          type: 'line',
          silent: true,
          symbol: 'none',
          lineStyle: { color: palette.muted, type: 'dashed', width: 1 },
          data: front.flatMap((id) => {
            const point = points.find(({ group }) => group.id === id)
            return point ? [[point.cost, point.value]] : []
          }),
        },
        {
          type: 'scatter',
          symbolSize: 12,
          labelLayout: { hideOverlap: true, moveOverlap: 'shiftY' },
          data: points.map(({ group, cost, value }) => ({
            name: nameOf(context, group),
            value: [cost, value],
            symbol: styles.get(group.id)?.symbol ?? 'circle',
            itemStyle: { color: styles.get(group.id)?.color ?? '' },
            label: { show: true, position: 'top', formatter: '{b}', color: palette.text, fontSize: 11 },
          })),
        },
      ],
    },
  }
}

function curveCharts(context: ChartContext, datasetId: string): ReportChart[] {
  const { data, styles } = context
  const byId = new Map(data.comparison.groups.map((group) => [group.id, group]))
  return data.curves
    .filter((curves) => curves.datasetId === datasetId && curves.lines.length > 0)
    .map(({ metric, lines }) => ({
      title: `Learning curves: ${metric}`,
      description: `${lines.length} variants over the steps of their training`,
      width,
      height,
      option: {
        ...base(context),
        grid: { left: 12, right: 24, top: 16, bottom: 34, containLabel: true },
        xAxis: { type: 'value', ...axis(context, 'step') },
        yAxis: { type: 'value', scale: true, ...axis(context, '') },
        series: lines.flatMap(({ group, curve, band }): SeriesOption[] => {
          const style = styles.get(group)
          const shown = byId.get(group)
          const color = style?.color ?? ''
          const name = shown ? nameOf(context, shown) : group
          const { x, y } = band ? { x: band.x, y: band.mean } : curve
          const line: SeriesOption = {
            type: 'line',
            name,
            data: x.map((at, i) => [at, y[i] ?? 0]),
            symbol: x.length < 40 ? (style?.symbol ?? 'circle') : 'none',
            symbolSize: 6,
            lineStyle: { color, width: 2, type: style?.dash ?? 'solid' },
            itemStyle: { color },
          }
          return band ? [line, ...bandSeries(name, color, band)] : [line]
        }),
      },
    }))
}

/** One standard deviation to both sides, as two stacked areas of which only the upper is painted. */
function bandSeries(
  name: string,
  color: string,
  { x, mean, deviation }: { x: number[]; mean: number[]; deviation: number[] },
): SeriesOption[] {
  const shared = {
    type: 'line',
    stack: name,
    symbol: 'none',
    lineStyle: { opacity: 0 },
    silent: true,
  } as const
  const edge = (of: (index: number) => number): number[][] => x.map((at, i) => [at, of(i)])
  return [
    { ...shared, stackStrategy: 'all', data: edge((i) => (mean[i] ?? 0) - (deviation[i] ?? 0)) },
    {
      ...shared,
      stackStrategy: 'all',
      areaStyle: { color, opacity: 0.12 },
      data: edge((i) => 2 * (deviation[i] ?? 0)),
    },
  ]
}
