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

export function dropChart(
  context: ChartContext,
  groups: readonly ComparedGroup[],
  what: 'quality' | 'time',
): ReportChart | undefined {
  const { styles, scale, unit } = context
  const curves = groups.filter(({ dropCurve }) => (dropCurve?.length ?? 0) > 1)
  if (curves.length === 0) return undefined
  return {
    title: what === 'quality' ? 'Quality against layers dropped' : 'Time against layers dropped',
    description: `${curves.length} variants with the adapters of their first layers left out`,
    width,
    height,
    option: {
      ...base(context),
      grid: { left: 34, right: 24, top: 16, bottom: 34, containLabel: true },
      xAxis: { type: 'value', minInterval: 1, ...axis(context, 'first layers without adapters') },
      yAxis: {
        type: 'value',
        scale: true,
        ...axis(context, what === 'quality' ? `validation ${unit}` : 'ms for an example'),
        nameGap: 40,
      },
      series: curves.map((group) => {
        const { color = '', symbol = 'circle', dash = 'solid' } = styles.get(group.id) ?? {}
        return {
          type: 'line',
          name: nameOf(context, group),
          symbol,
          symbolSize: 7,
          lineStyle: { color, width: 2, type: dash },
          itemStyle: { color },
          data: (group.dropCurve ?? []).map(({ droppedLayers, score, msPerExample }) => [
            droppedLayers,
            what === 'quality' ? score.mean * scale : msPerExample.mean,
          ]),
        }
      }),
    },
  }
}

/** Adapters × places: the mean weight that the fusion gives each. */
export function fusionCharts(context: ChartContext, group: ComparedGroup): ReportChart[] {
  const { fusion } = group
  if (fusion === undefined || fusion.weights.length === 0) return []
  const { palette } = context
  const places = fusion.weights.map(({ layer, place }) => `${layer}${place === 'attention' ? ' att' : ''}`)
  return [
    {
      title: `Fusion weights: ${nameOf(context, group)}`,
      description: `Weights of ${fusion.adapters.join(', ')} in each layer`,
      width,
      height: Math.max(150, 110 + fusion.adapters.length * 34),
      option: {
        ...base(context),
        grid: { left: roomFor(fusion.adapters), right: 90, top: 10, bottom: 46 },
        xAxis: { type: 'category', data: places, ...axis(context, 'layer, counted from 0') },
        yAxis: {
          type: 'category',
          data: fusion.adapters,
          ...axis(context, ''),
          axisLabel: { color: palette.text, width: 220, overflow: 'truncate' },
        },
        visualMap: {
          min: 0,
          max: 1,
          right: 0,
          top: 'middle',
          itemHeight: 70,
          textStyle: { color: palette.muted },
          inRange: { color: [palette.surface, palette.families.fusion[0] ?? palette.accent] },
        },
        series: [
          {
            type: 'heatmap',
            data: fusion.weights.flatMap(({ weights }, place) =>
              weights.map((weight, adapter) => [place, adapter, Number(weight.toFixed(3))]),
            ),
            label: {
              show: fusion.weights.length <= 14,
              formatter: ({ value }) => Number(Array.isArray(value) ? value[2] : 0).toFixed(2),
              fontSize: 10,
            },
          },
        ],
      },
    },
  ]
}

export function calibrationChart(
  context: ChartContext,
  groups: readonly ComparedGroup[],
): ReportChart | undefined {
  const { styles, palette } = context
  const known = groups.filter(({ calibration }) => calibration !== undefined)
  if (known.length === 0) return undefined
  return {
    title: 'Calibration: accuracy against confidence',
    description: known
      .map((group) => `${nameOf(context, group)}: error ${group.calibration?.error.toFixed(3)}`)
      .join(', '),
    width,
    height,
    option: {
      ...base(context),
      grid: { left: 34, right: 24, top: 16, bottom: 34, containLabel: true },
      xAxis: { type: 'value', min: 0, max: 1, ...axis(context, 'confidence') },
      yAxis: { type: 'value', min: 0, max: 1, ...axis(context, 'accuracy'), nameGap: 40 },
      series: [
        {
          type: 'line',
          silent: true,
          symbol: 'none',
          lineStyle: { color: palette.muted, type: 'dashed', width: 1 },
          data: [
            [0, 0],
            [1, 1],
          ],
        },
        ...known.map((group): SeriesOption => {
          const { color = '', symbol = 'circle', dash = 'solid' } = styles.get(group.id) ?? {}
          return {
            type: 'line',
            name: nameOf(context, group),
            symbol,
            symbolSize: 7,
            lineStyle: { color, type: dash },
            itemStyle: { color },
            data: (group.calibration?.bins ?? [])
              .filter(({ count }) => count > 0)
              .map(({ confidence, accuracy }) => [confidence, accuracy]),
          }
        }),
      ],
    },
  }
}

export function forgettingChart(
  context: ChartContext,
  groups: readonly ComparedGroup[],
): ReportChart | undefined {
  const known = groups.filter(({ forgetting }) => forgetting !== undefined).toReversed()
  if (known.length === 0) return undefined
  return {
    title: 'Forgetting: rise of the masked-token loss',
    description: known
      .map((group) => `${nameOf(context, group)}: ${group.forgetting?.mean.toFixed(3)} nats`)
      .join(', '),
    width,
    height: Math.max(160, 70 + known.length * 26),
    option: {
      ...base(context),
      grid: { left: roomFor(known.map((group) => nameOf(context, group))), right: 60, top: 10, bottom: 46 },
      xAxis: { type: 'value', ...axis(context, 'nats') },
      yAxis: {
        type: 'category',
        data: known.map((group) => nameOf(context, group)),
        ...axis(context, ''),
        axisLabel: { color: context.palette.text },
      },
      series: [
        {
          type: 'bar',
          barMaxWidth: 14,
          label: {
            show: true,
            position: 'right',
            color: context.palette.text,
            formatter: ({ value }) => Number(value).toFixed(3),
          },
          data: known.map((group) => ({
            value: group.forgetting?.mean ?? 0,
            itemStyle: { color: context.styles.get(group.id)?.color ?? '' },
          })),
        },
      ],
    },
  }
}
