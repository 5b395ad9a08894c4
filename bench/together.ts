/**
 * What training several runs at once brings: one graph that trains adapters of several seeds on the same batch, the
 * frozen part below the lowest adapter computed once for all, against a step of each, one after the other; and
 * processes of one thread each, all at once, against one after the other with all threads.
 */
import { setTimeout } from 'node:timers/promises'

import { median } from '../main/training/metrics.ts'
import { openGraph } from './graphs.ts'
import { measureSides, sideOf, turnOf, type SavingOptions, type SavingRow } from './savings.ts'
import { openOurs, type Side } from './side.ts'
import { weightFiles, workload, type SizeName } from './sizes.ts'
import { restMs, warnIfRestless } from './turns.ts'

const runCounts = [2, 4]

/** One step of k runs as one graph, with adapters in all layers and in the upper half, against k steps. */
export async function benchTogether(size: SizeName, options: SavingOptions): Promise<SavingRow[]> {
  const { engine, cache, length } = options
  const files = await weightFiles({ size }, cache)
  const { layers } = workload({ size, length }).config
  const rows: SavingRow[] = []
  for (const runs of runCounts) {
    for (const n of [0, layers / 2]) {
      const work = workload({ size, length, method: 'parallel', tasks: runs })
      const readings = Array.from({ length: runs }, (_, task) => ({ task, variant: { droppedLayers: n } }))
      const single = workload({ size, length, method: 'adapter_drop', options: { dropped_layers: n } })
      const sides = [
        sideOf(`${runs} runs in one graph, n = ${n}`, [
          await openGraph('train', work, engine, files, { readings }),
        ]),
        sideOf('apart', [await openGraph('train', single, engine, files)], runs),
      ]
      const measured = await measureSides('together', work, sides, 'apart', options)
      rows.push(...measured.filter(({ setting }) => setting !== 'apart'))
    }
  }
  return rows
}

/** A step of k processes with a thread each at once, against k steps of one process with all threads. */
export async function benchProcesses(
  size: SizeName,
  { cache, length, rounds, threads }: Omit<SavingOptions, 'engine'> & { threads: number },
  counts = runCounts,
): Promise<SavingRow[]> {
  const files = await weightFiles({ size }, cache)
  const { batch } = workload({ size, length })
  const open = (count: number) =>
    openOurs(
      {
        ...{ kind: 'train', work: { size, length }, cut: true, threads: count },
        ...{ engine: 'onnxruntime', device: 'cpu' },
      },
      files,
    )
  const rows: SavingRow[] = []
  for (const runs of counts) {
    const sides: Side[] = []
    const [aloneMs, togetherMs]: [number[], number[]] = [[], []]
    try {
      for (const count of [threads, ...Array.from({ length: runs }, () => 1)]) {
        sides.push((await open(count)).side)
      }
      const [alone, together] = [sides.slice(0, 1), sides.slice(1)]
      for (let round = 0; round < rounds; round++) {
        aloneMs.push(...(await stepsOf(alone, turnOf(size))))
        togetherMs.push(...(await stepsOf(together, turnOf(size))))
      }
    } finally {
      for (const side of sides) side.end()
    }
    const setting = `${runs} processes of one thread`
    warnIfRestless(setting, togetherMs)
    const [ms, againstMs] = [median(togetherMs), runs * median(aloneMs)]
    const ratio = againstMs / ms
    rows.push({ kind: 'processes', size, batch, length, setting, ms, againstMs, ratio, counted: 1 })
  }
  return rows
}

/** Milliseconds of the steps of processes that run at once, without the first of each. */
async function stepsOf(sides: readonly Side[], count: number): Promise<number[]> {
  await setTimeout(restMs)
  const answers = await Promise.all(sides.map((side) => side.ask({ train: count + 1 })))
  return answers.flatMap(({ ms }) => ms.slice(1))
}
