/** Tasks trained one after the other: the score of each after each stage. */
import type { ComparedGroup, ComparedSequence, ScoreName, TaskSequence } from '../../preload/contract.ts'
import { lookOf, type ComparedLook } from './compared.ts'
import type { Heatmap } from './heatmap.ts'
import type { Line, LineChart } from './lines.ts'
import { scoreLabels } from './run-curves.ts'

const sequenceTitle = 'Each task’s score from its training on'

interface Cell {
  stage: number
  task: number
  value: number
}

/** Of one run that goes on from others. */
export function sequenceHeatmap({ stages, tasks, scores }: TaskSequence, metric: ScoreName): Heatmap {
  const names = stages.map((_, stage) => trainedAt(tasks, stage))
  const cells = scores.map((cell) => ({ ...cell, value: cell.scores[metric] }))
  return heat('Score of each task after each stage', { stages: names, tasks, cells, metric })
}

/** Of one compared variant: tasks across, stages from the top down. */
export function sequenceHeat({ name, sequence }: ComparedGroup, metric: ScoreName): Heatmap {
  const { stages = [], tasks = [], scores = [] } = sequence ?? {}
  const cells = scores.map((cell) => ({ ...cell, value: cell.score.mean }))
  return heat(`Score of each task after each stage · ${name}`, { stages, tasks, cells, metric })
}

function heat(
  title: string,
  {
    stages,
    tasks,
    cells,
    metric,
  }: { stages: readonly string[]; tasks: TaskSequence['tasks']; cells: readonly Cell[]; metric: ScoreName },
): Heatmap {
  const [first] = tasks
  const isAlike = tasks.every(({ split }) => split === first?.split)
  return {
    title,
    x: isAlike
      ? { name: `Task, on its ${first?.split ?? ''} rows`, labels: tasks.map(({ name }) => name) }
      : { name: 'Task and rows', labels: tasks.map(({ name, split }) => `${name}, ${split}`) },
    y: { name: 'After training on', labels: stages.map(numbered) },
    value: { name: scoreLabels[metric], percent: true, min: 0, max: 1 },
    cells: cells.map(({ stage, task, value }) => ({ x: task, y: stage, value })),
  }
}

/**
 * Every variant's score on each of its tasks along the stages: a line begins where its task is trained. One chart for
 * each order of tasks; its title tells it where there are several.
 */
export function sequenceCharts(groups: readonly ComparedGroup[], look: ComparedLook): LineChart[] {
  const known = groups.flatMap((group) => (group.sequence ? [{ group, sequence: group.sequence }] : []))
  const orders = Map.groupBy(known, ({ sequence: { stages } }) => stages.join(' → '))
  return [...orders].map(([order, alike]) => ({
    title: orders.size > 1 ? `${sequenceTitle} · ${order}` : sequenceTitle,
    x: {
      name: 'After training on',
      labels: alike[0]?.sequence.stages.map(numbered) ?? [],
    },
    y: { name: scoreLabels[look.metric], percent: true },
    lines: alike.flatMap(({ group, sequence }) => linesOf(group, sequence, look)),
  }))
}

function linesOf(
  { id, name }: ComparedGroup,
  { tasks, scores }: ComparedSequence,
  look: ComparedLook,
): Line[] {
  const { color, dash, symbol } = lookOf(look, id)
  return tasks.map((task, index) => ({
    id: `${id}|${index}`,
    name: `${name}: ${task.name}`,
    ...{ color, dash, symbol, width: 2 },
    points: scores
      .filter((cell) => cell.task === index)
      .map(({ stage, score }) => [stage, score.mean] as const)
      .sort(([a], [b]) => a - b),
  }))
}

function trainedAt(tasks: TaskSequence['tasks'], stage: number): string {
  return tasks
    .filter((task) => task.stage === stage)
    .map(({ name }) => name)
    .join(' + ')
}

function numbered(name: string, stage: number): string {
  return `${stage + 1} ${name}`
}
