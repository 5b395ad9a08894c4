import type { SeriesOption } from 'echarts'

import type { ComparedGroup, ComparedSequence } from '../../preload/contract.ts'
import {
  axis,
  base,
  height,
  nameOf,
  width,
  type ChartContext,
  type ReportChart,
} from './report-chart-parts.ts'

/** Scores of tasks trained one after the other, one chart for each order of tasks. */
export function sequenceCharts(context: ChartContext, groups: readonly ComparedGroup[]): ReportChart[] {
  const known = groups.flatMap((group) => (group.sequence ? [{ group, sequence: group.sequence }] : []))
  const orders = Map.groupBy(known, ({ sequence: { stages } }) => JSON.stringify(stages))
  return [...orders.values()].map((alike) => sequenceChart(context, alike))
}

function sequenceChart(
  context: ChartContext,
  known: readonly { group: ComparedGroup; sequence: ComparedSequence }[],
): ReportChart {
  const { styles, scale, unit } = context
  const stages = known[0]?.sequence.stages ?? []
  return {
    title: 'Score of each task after each stage; a line begins where its task is trained',
    description: known
      .map(({ group, sequence: { tasks, scores } }) => {
        const last = tasks.map(({ name }, task) => {
          const score = scores.find((cell) => cell.stage === stages.length - 1 && cell.task === task)?.score
          return `${name} ${score ? (score.mean * scale).toFixed(1) : 'not known'}`
        })
        return `${nameOf(context, group)} at the end: ${last.join(', ')}`
      })
      .join('; '),
    width,
    height,
    option: {
      ...base(context),
      grid: { left: 34, right: 24, top: 16, bottom: 34, containLabel: true },
      xAxis: {
        type: 'category',
        data: stages.map((name, stage) => `${stage + 1}. ${name}`),
        ...axis(context, 'after training on'),
      },
      yAxis: { type: 'value', scale: true, ...axis(context, unit), nameGap: 40 },
      series: known.flatMap(({ group, sequence: { tasks, scores } }) =>
        tasks.map(({ name }, task): SeriesOption => {
          const { color = '', symbol = 'circle', dash = 'solid' } = styles.get(group.id) ?? {}
          return {
            type: 'line',
            name: `${nameOf(context, group)}: ${name}`,
            symbol,
            symbolSize: 8,
            lineStyle: { color, width: 2, type: dash },
            itemStyle: { color },
            data: scores
              .filter((cell) => cell.task === task)
              .map(({ stage, score }) => [stage, score.mean * scale]),
          }
        }),
      ),
    },
  }
}
