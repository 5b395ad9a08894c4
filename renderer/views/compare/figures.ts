/** Every chart of a comparison in the order in which they stand at first; those without figures are left out. */
import type { ComparedGroup, Comparison, SweepAnalysis } from '../../../preload/contract.ts'
import { drawBoxes } from '../../charts/boxes.ts'
import {
  calibrationChart,
  classHeat,
  confusionHeat,
  costChart,
  datasetHeat,
  dropChart,
  forgettingChart,
  fusionHeat,
  pruningChart,
  spreadChart,
} from '../../charts/compared.ts'
import { ablationHeat, changeChart } from '../../charts/contributions.ts'
import { drawHeatmap, drawLines, type Drawn } from '../../charts/drawn.ts'
import type { LineChart } from '../../charts/lines.ts'
import { drawImportance, drawParallel, type ParallelLine } from '../../charts/parallel.ts'
import { drawScatter, type Scatter } from '../../charts/scatter.ts'
import { sequenceCharts, sequenceHeat } from '../../charts/sequences.ts'
import { sortGroups, summaryColumns } from '../../lib/compare-summary.ts'
import type { VariantStyle } from '../../lib/variants.ts'

export interface FigureSpec {
  drawn: Drawn
  height?: number
  /** What lies in a brushed part of it is kept: the points that the part is chosen from. */
  points?: Scatter['points']
}

export interface FiguresOf {
  comparison: Comparison
  /** Groups on every dataset. */
  all: readonly ComparedGroup[]
  /** Groups on the dataset that is looked at, less the hidden ones. */
  visible: readonly ComparedGroup[]
  looks: ReadonlyMap<string, VariantStyle>
  datasetId: string
  sweep: SweepAnalysis | undefined
  /** Charts of masked adapters, whose curves are read apart. */
  mask: readonly LineChart[]
  /** Confusion matrices at most. */
  matrices: number
}

/** A group as the title of a chart of its own names it: with its model, where another has the same name. */
function titled(group: ComparedGroup, among: readonly ComparedGroup[]): ComparedGroup {
  const isAlone = among.filter(({ name }) => name === group.name).length < 2
  return isAlone ? group : { ...group, name: `${group.name}, ${group.modelName}` }
}

const tall = (rows: number) => Math.max(240, 90 + rows * 26)

export function figuresOf(of: FiguresOf): FigureSpec[] {
  const { comparison, visible, looks } = of
  const look = { metric: comparison.metric, looks }
  const ranked = sortGroups(visible, summaryColumns(comparison.metric), { key: 'score', descending: true })
  const fused = visible.filter(({ fusion }) => fusion !== undefined)
  return [
    ...costFigures(of),
    { drawn: drawBoxes(spreadChart(ranked, look)), height: tall(visible.length) },
    ...datasetFigures(of),
    ...(['quality', 'time'] as const)
      .map((kind) => dropChart(kind, visible, look))
      .filter(({ lines }) => lines.length > 0)
      .map((chart) => ({ drawn: drawLines(chart) })),
    ...fused.map((group) => ({
      drawn: drawHeatmap(fusionHeat(titled(group, visible))),
      height: tall(group.fusion?.weights.length ?? 0),
    })),
    ...(['quality', 'time'] as const)
      .map((kind) => pruningChart(kind, fused, look))
      .filter(({ lines }) => lines.length > 0)
      .map((chart) => ({ drawn: drawLines(chart) })),
    ...contributionFigures(of),
    ...of.mask.map((chart) => ({ drawn: drawLines(chart) })),
    ...(visible.some(({ forgetting }) => forgetting !== undefined)
      ? [{ drawn: drawBoxes(forgettingChart(visible, look)), height: tall(visible.length) }]
      : []),
    ...sequenceFigures(of),
    ...sweepFigures(of),
    ...answerFigures(of),
  ]
}

function costFigures({ comparison, visible, looks, datasetId }: FiguresOf): FigureSpec[] {
  const front = comparison.pareto.find((entry) => entry.datasetId === datasetId)
  return (['parameters', 'seconds'] as const).map((kind) => {
    const chart = costChart(kind, visible, front, { metric: comparison.metric, looks })
    return {
      drawn: drawScatter(chart, 'No run has ended with a score yet.'),
      height: 300,
      points: chart.points,
    }
  })
}

function datasetFigures({ comparison, all, visible }: FiguresOf): FigureSpec[] {
  if (new Set(all.map(({ datasetId }) => datasetId)).size < 2) return []
  const shown = all.filter(({ name }) => visible.some((group) => group.name === name))
  return [
    {
      drawn: drawHeatmap(datasetHeat(shown, comparison.metric)),
      height: tall(new Set(shown.map(({ name }) => name)).size),
    },
  ]
}

/** What the parts of a method add, where there is one of several. */
function contributionFigures({ comparison, all, visible, looks, datasetId }: FiguresOf): FigureSpec[] {
  if (!all.some((group) => group.datasetId === datasetId && group.contributions)) return []
  const hidden = 'The variants of several parts are hidden.'
  const { metric } = comparison
  const heat = ablationHeat(visible, metric)
  return [
    { drawn: drawLines(changeChart(visible, { metric, looks }), hidden) },
    { drawn: drawHeatmap(heat, hidden), height: tall(heat.y.labels.length) },
  ]
}

/**
 * Tasks trained one after the other. They end on another dataset than they began, so those of every dataset are shown
 * but for what is hidden here.
 */
function sequenceFigures({
  comparison: { metric },
  all,
  visible,
  looks,
  datasetId,
}: FiguresOf): FigureSpec[] {
  const shown = all.filter(
    (group) => group.sequence && (group.datasetId !== datasetId || visible.includes(group)),
  )
  const charts = sequenceCharts(shown, { metric, looks })
  const named = shown.map((group) =>
    charts.length > 1
      ? { ...group, name: `${group.name}, ${group.sequence?.stages.join(' → ') ?? ''}` }
      : group,
  )
  return [
    ...charts.map((chart) => ({ drawn: drawLines(chart) })),
    ...named.map((group) => ({
      drawn: drawHeatmap(sequenceHeat(titled(group, named), metric)),
      height: tall(group.sequence?.stages.length ?? 0),
    })),
  ]
}

/** Settings against the score, where enough groups differ in some for it to say anything. */
function sweepFigures({ sweep, visible, looks }: FiguresOf): FigureSpec[] {
  // The method by itself is what every other chart shows.
  if (sweep === undefined || !sweep.settings.some(({ path }) => path !== 'method.name')) return []
  const lines = sweep.lines.flatMap(({ groupId, name, values, score }): ParallelLine[] =>
    visible.some(({ id }) => id === groupId)
      ? [{ id: groupId, name, values, score, color: looks.get(groupId)?.color ?? '--text-muted' }]
      : [],
  )
  return lines.length < 3
    ? []
    : [
        { drawn: drawParallel(sweep, lines), height: 320 },
        { drawn: drawImportance(sweep), height: Math.max(200, 80 + sweep.settings.length * 32) },
      ]
}

/** What is known from the single answers. */
function answerFigures({ comparison, visible, looks, matrices }: FiguresOf): FigureSpec[] {
  const heat = classHeat(visible)
  return [
    ...(visible.some(({ classScores }) => classScores !== undefined)
      ? [{ drawn: drawHeatmap(heat), height: tall(heat.y.labels.length) }]
      : []),
    ...(visible.some(({ calibration }) => calibration !== undefined)
      ? [{ drawn: drawLines(calibrationChart(visible, { metric: comparison.metric, looks })), height: 320 }]
      : []),
    ...visible
      .filter(({ confusion }) => confusion !== undefined)
      .slice(0, matrices)
      .map((group) => ({
        drawn: drawHeatmap(confusionHeat(titled(group, visible))),
        height: tall(group.confusion?.labels.length ?? 0),
      })),
  ]
}
