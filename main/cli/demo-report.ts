import type { DropPoint, MethodFamily } from '../../preload/contract.ts'
import { count, duration, percent, table } from './format.ts'

export interface DemoRow {
  task: string
  method: string
  family: MethodFamily
  metric: string
  /** On the test split; a fraction. */
  score: number | undefined
  trainableParameters: number | undefined
  examplesPerSecond: number | undefined
  seconds: number | undefined
  runId: string
  /** Of bottleneck adapters: quality without the adapters of the first layers, on the validation split. */
  dropCurve?: DropPoint[]
  /** Of a fusion: how much it gives each task's adapter, the mean over layers, in the order of the tasks. */
  fusionWeights?: number[]
}

const titles: Record<MethodFamily, string> = {
  baseline: 'Baselines: what adapters must beat, and what they try to reach',
  adapter: 'Adapter',
  fusion: 'AdapterFusion over the adapters of all tasks',
  drop: 'AdapterDrop, trained to do without the adapters of the first layers',
  mam: 'MAM: Mix-And-Match (mam) and masked adapters (masked)',
}

/** A table of test scores for each family, with the curve of AdapterDrop and the weights of the fusions. */
export function describeDemo(rows: readonly DemoRow[]): string {
  const tasks = [...new Set(rows.map(({ task }) => task))]
  return (Object.keys(titles) as MethodFamily[])
    .flatMap((family) => {
      const own = rows.filter((row) => row.family === family)
      if (own.length === 0) return []
      const more = family === 'fusion' ? weightTable(own, tasks) : family === 'drop' ? curveTable(rows) : ''
      return [`${titles[family]}\n\n${scoreTable(own, tasks)}${more}`]
    })
    .join('\n\n\n')
}

function scoreTable(rows: readonly DemoRow[], tasks: readonly string[]): string {
  const methods = [...new Set(rows.map(({ method }) => method))]
  return table(
    ['method', ...tasks.map((task) => `${task}, test accuracy`), 'trained parameters', 'time'],
    methods.map((method) => {
      const own = rows.filter((row) => row.method === method)
      const seconds = own.reduce((total, row) => total + (row.seconds ?? 0), 0)
      return [
        method,
        ...tasks.map((task) => percent(own.find((row) => row.task === task)?.score)),
        count(own[0]?.trainableParameters),
        duration(seconds),
      ]
    }),
  )
}

function weightTable(rows: readonly DemoRow[], tasks: readonly string[]): string {
  const weighed = rows.filter((row) => row.fusionWeights !== undefined)
  if (weighed.length === 0) return ''
  const lines = weighed.map(({ task, fusionWeights = [] }) => [task, ...fusionWeights.map(percent)])
  return `\n\nMean weight that each fusion gives the tasks' adapters:\n\n${table(['fusion for', ...tasks], lines)}`
}

/** The adapters that were trained for it beside a plain one, which was not. */
function curveTable(rows: readonly DemoRow[]): string {
  const curves = rows.filter(
    ({ family, dropCurve }) => dropCurve && (family === 'drop' || family === 'adapter'),
  )
  const ns = [
    ...new Set(curves.flatMap(({ dropCurve = [] }) => dropCurve.map((point) => point.droppedLayers))),
  ]
  ns.sort((a, b) => a - b)
  if (ns.length === 0) return ''
  const lines = curves
    .sort((a, b) => a.task.localeCompare(b.task))
    .map(({ task, method, dropCurve = [] }) => [
      task,
      method,
      ...ns.map((n) => percent(dropCurve.find((point) => point.droppedLayers === n)?.scores.accuracy)),
    ])
  const header = ['task', 'method', ...ns.map((n) => `n = ${String(n)}`)]
  return `\n\nValidation accuracy with the adapters of the first n layers left out:\n\n${table(header, lines)}`
}
