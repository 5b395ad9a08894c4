import type { Engine } from '../main/engines/engine.ts'
import { median } from '../main/training/metrics.ts'
import type { OpenGraph } from './graphs.ts'
import type { SizeName, Workload } from './sizes.ts'
import { milliseconds, table, times, type Table } from './tables.ts'
import { runsInTurn, takeTurns, warnIfRestless, type Timed } from './turns.ts'

export interface SavingOptions {
  engine: Engine
  /** Where weight files are kept; it exists. */
  cache: string
  length: number
  rounds: number
}

/** What was measured at which setting, and how many times as fast as what it is held against. */
export interface SavingRow {
  kind: string
  size: SizeName
  batch: number
  length: number
  setting: string
  ms: number
  /** Milliseconds of what it is held against. */
  againstMs: number
  /** againstMs / ms */
  ratio: number
  /** The same ratio of the floating-point operations in the graphs, which is what a quiet machine should come near. */
  counted: number
}

/** Something timed, with the operations that one run of it takes. */
export interface Side extends Timed {
  operations: number
  dispose(): Promise<void>
}

/** Graphs as one side: a run is one of each, one after the other. @param repeat runs of all of them that count as one */
export function sideOf(name: string, graphs: readonly OpenGraph[], repeat = 1): Side {
  return {
    name,
    operations: repeat * graphs.reduce((total, { operations }) => total + operations, 0),
    async run(step) {
      for (let i = 0; i < repeat; i++) for (const graph of graphs) await graph.run(step)
    },
    async dispose() {
      for (const graph of graphs) await graph.dispose()
    },
  }
}

/** Half of what comparisons in processes of their own take: many settings are timed. */
export const turnOf = (size: SizeName): number => Math.ceil(runsInTurn[size] / 2)

/** Times the sides in turns, and disposes of them. @param against the side that all are held against, by its name */
export async function measureSides(
  kind: string,
  { size, batch, length }: Workload,
  sides: readonly Side[],
  against: string,
  { rounds }: Pick<SavingOptions, 'rounds'>,
): Promise<SavingRow[]> {
  try {
    const measured = await takeTurns(sides, { rounds, turn: turnOf(size) })
    for (const [name, ms] of measured) warnIfRestless(name, ms)
    const againstMs = median(measured.get(against) ?? [])
    const most = sides.find(({ name }) => name === against)?.operations ?? Number.NaN
    return sides.map(({ name, operations }) => {
      const ms = median(measured.get(name) ?? [])
      const counted = most / operations
      return { kind, size, batch, length, setting: name, ms, againstMs, ratio: againstMs / ms, counted }
    })
  } finally {
    for (const side of sides) await side.dispose()
  }
}

export function savingTable(title: string, rows: readonly SavingRow[]): Table {
  return table(title, rows, {
    size: ({ size }) => size,
    batch: ({ batch }) => batch,
    length: ({ length }) => length,
    setting: ({ setting }) => setting,
    ms: ({ ms }) => milliseconds(ms),
    'against ms': ({ againstMs }) => milliseconds(againstMs),
    ratio: ({ ratio }) => times(ratio),
    'by operations': ({ counted }) => times(counted),
  })
}
