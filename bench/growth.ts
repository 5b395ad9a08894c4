/** What comes before the first step, and whether memory grows with the steps: one engine after the other. */
import { filesOf, ifThere, isTorch, openOwn, type SideOptions, type SideSpec } from './sides.ts'
import type { SizeName, WeightFiles } from './sizes.ts'
import { megabytes, milliseconds, table, type Table } from './tables.ts'

export interface GrowthOptions extends SideOptions {
  length: number
  /** Numbers of steps after which memory is looked at, rising. */
  steps: readonly number[]
}

export interface GrowthRow extends SideSpec {
  size: SizeName
  length: number
  /** Building the graph, preparing it, and the first step. */
  buildMs: number
  compileMs: number
  firstStepMs: number
  /** From the start of the process to the end of the first step. */
  startMs: number
  /** After the first step and after each number of steps; tensors where TensorFlow.js holds them. */
  memory: { steps: number; rssBytes: number; tensors: number | undefined }[]
}

export async function benchGrowth(size: SizeName, options: GrowthOptions): Promise<GrowthRow[]> {
  const files = await filesOf({ size }, options)
  const rows: GrowthRow[] = []
  for (const spec of options.sides) {
    if (isTorch(spec)) continue
    const row = await ifThere(spec, options, () => measure(spec, size, files, options))
    if (row) rows.push(row)
  }
  return rows
}

async function measure(
  spec: SideSpec,
  size: SizeName,
  files: WeightFiles,
  options: GrowthOptions,
): Promise<GrowthRow> {
  const { length, steps } = options
  const began = performance.now()
  const { side, loaded } = await openOwn('train', spec, { size, length }, files, options)
  try {
    const memory: GrowthRow['memory'] = []
    const run = async (count: number): Promise<number> => {
      const { ms, rssBytes = Number.NaN, tensors } = await side.ask({ train: count })
      memory.push({ steps: (memory.at(-1)?.steps ?? 0) + count, rssBytes, tensors })
      return ms[0] ?? Number.NaN
    }
    const firstStepMs = await run(1)
    const startMs = performance.now() - began
    for (const total of steps) await run(total - (memory.at(-1)?.steps ?? 0))
    const { buildMs = Number.NaN, compileMs = Number.NaN } = loaded
    return { ...spec, size, length, buildMs, compileMs, firstStepMs, startMs, memory }
  } finally {
    side.end()
  }
}

/** @param steps as they were measured */
export function growthTable(rows: readonly GrowthRow[], steps: readonly number[]): Table {
  const after =
    (wanted: number, show: (memory: GrowthRow['memory'][number]) => string) => (row: GrowthRow) => {
      const found = row.memory.find((memory) => memory.steps === wanted)
      return found ? show(found) : ''
    }
  const columns = (unit: string, show: (memory: GrowthRow['memory'][number]) => string) =>
    Object.fromEntries(
      [1, ...steps].map((count) => [`${unit} after ${count.toLocaleString('en')}`, after(count, show)]),
    )
  return table('Time to the first training step, and memory after so many', rows, {
    size: ({ size }) => size,
    length: ({ length }) => length,
    engine: ({ engine, device }) => `${engine} ${device}`,
    precision: ({ precision }) => precision,
    'graph ms': ({ buildMs }) => milliseconds(buildMs),
    'preparing ms': ({ compileMs }) => milliseconds(compileMs),
    'first step ms': ({ firstStepMs }) => milliseconds(firstStepMs),
    'from the start of the process, ms': ({ startMs }) => milliseconds(startMs),
    ...columns('MB', ({ rssBytes }) => megabytes(rssBytes)),
    ...columns('tensors', ({ tensors }) => (tensors === undefined ? '' : String(tensors))),
  })
}
