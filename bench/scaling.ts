/** How step time and memory grow with adapters, tasks and layers: each setting a process of its own, in turns. */
import { median } from '../main/training/metrics.ts'
import type { Kind } from './graphs.ts'
import { openOurs } from './side.ts'
import { weightFiles, workload, type SizeName, type WorkloadSpec } from './sizes.ts'
import { megabytes, milliseconds, table, times, type Table } from './tables.ts'
import { askInTurns, runsInTurn, type LiveSide } from './turns.ts'

export interface ScalingOptions {
  cache: string
  length: number
  rounds: number
  threads: number
}

interface Setting extends Omit<WorkloadSpec, 'size' | 'length'> {
  setting: string
  kind: Kind
  allTasks?: boolean
}

export interface ScalingRow {
  size: SizeName
  batch: number
  length: number
  setting: string
  kind: Kind
  ms: number
  /** Times as long as the first setting of its group takes, and times as many operations as it has. */
  growth: number
  counted: number
  peakRssBytes: number
}

/** Settings, each held against the first of its group. */
export const scalingGroups: readonly (readonly Setting[])[] = [
  [2, 4, 8].map((adapters) => ({
    setting: `fusion of ${adapters} adapters`,
    kind: 'train',
    method: 'fusion',
    adapters,
  })),
  [1, 2, 3, 4].map((tasks) => ({
    setting: `one of ${tasks} tasks`,
    kind: 'train',
    method: 'parallel',
    tasks,
  })),
  [1, 2, 3, 4].map((tasks) => ({
    setting: `all of ${tasks} tasks in one pass`,
    kind: 'infer',
    method: 'parallel',
    tasks,
    allTasks: true,
  })),
  [2, 4, 8, 12].map((layers) => ({ setting: `${layers} layers`, kind: 'train', layers })),
]

export async function benchScaling(
  size: SizeName,
  options: ScalingOptions,
  groups = scalingGroups,
): Promise<ScalingRow[]> {
  const rows: ScalingRow[] = []
  for (const group of groups) rows.push(...(await benchGroup(size, group, options)))
  return rows
}

async function benchGroup(
  size: SizeName,
  group: readonly Setting[],
  { cache, length, rounds, threads }: ScalingOptions,
): Promise<ScalingRow[]> {
  const live: (LiveSide & { operations: number })[] = []
  try {
    for (const { setting, kind, allTasks = false, ...spec } of group) {
      const work = { ...spec, size, length }
      const on = { engine: 'onnxruntime', device: 'cpu', threads, cut: true }
      const { side, loaded } = await openOurs({ kind, work, allTasks, ...on }, await weightFiles(work, cache))
      const { operations = 0, peakRssBytes } = loaded
      live.push({ name: setting, kind, side, operations, ms: [], peakRssBytes })
    }
    await askInTurns(live, { rounds, turn: runsInTurn[size] })
  } finally {
    for (const { side } of live) side.end()
  }
  const [first] = live
  const { batch } = workload({ size, length })
  return live.map(({ name: setting, kind, operations, ms, peakRssBytes }) => ({
    ...{ size, batch, length, setting, kind },
    ms: median(ms),
    growth: median(ms) / median(first?.ms ?? []),
    counted: operations / (first?.operations ?? Number.NaN),
    peakRssBytes,
  }))
}

export function scalingTable(rows: readonly ScalingRow[]): Table {
  return table('Adapters, tasks and layers', rows, {
    size: ({ size }) => size,
    batch: ({ batch }) => batch,
    length: ({ length }) => length,
    setting: ({ setting }) => setting,
    of: ({ kind }) => (kind === 'train' ? 'training step' : 'inference'),
    ms: ({ ms }) => milliseconds(ms),
    'times the first': ({ growth }) => times(growth),
    'by operations': ({ counted }) => times(counted),
    'peak MB': ({ peakRssBytes }) => megabytes(peakRssBytes),
  })
}
