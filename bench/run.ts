/**
 * `npm run bench`: speed and memory, ours against PyTorch's and against this program without what saves work.
 * docs/performance.md says what each part measures. Tables go to stdout as they come, or with --json one array of all
 * rows; progress goes to stderr.
 */
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { createOnnxRuntimeEngine, onnxRuntimeVersion } from '../main/engines/onnxruntime.ts'
import { processorName } from '../main/training/environment.ts'
import { benchCache, cacheTable } from './cache.ts'
import { readFlags, type BenchFlags, type Part } from './flags.ts'
import { benchGrowth, growthTable } from './growth.ts'
import { benchJob, jobTable, sst2 } from './job.ts'
import { benchRobustDrop, benchSharedLayers, benchTaskDrop } from './methods.ts'
import { findPython } from './python.ts'
import { savingTable, type SavingOptions, type SavingRow } from './savings.ts'
import { benchScaling, scalingTable } from './scaling.ts'
import type { SizeName } from './sizes.ts'
import { benchSteps, stepTable } from './step.ts'
import { markdown, type Table } from './tables.ts'
import { benchProcesses, benchTogether } from './together.ts'

const cache = fileURLToPath(new URL('../.cache/bench/', import.meta.url))

async function main(): Promise<void> {
  const flags = readFlags(process.argv.slice(2))
  mkdirSync(cache, { recursive: true })
  const needsTorch = flags.parts.some((part) => part === 'train' || part === 'infer' || part === 'job')
  const python = needsTorch ? findPython() : { command: '', torch: '' }
  const conditions = {
    processor: processorName(),
    threads: flags.threads,
    clock: flags.clock,
    onnxruntime: onnxRuntimeVersion(),
    ...(needsTorch ? { torch: python.torch } : {}),
  }
  if (!flags.json)
    console.log(
      Object.entries(conditions)
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
    )
  const rows: object[] = []
  for (const part of flags.parts) {
    for (const table of await measure[part](flags, python.command)) {
      rows.push(...table.rows.map((row) => ({ part, ...row, ...conditions })))
      if (!flags.json) console.log(`\n${markdown(table)}`)
    }
  }
  if (flags.json) console.log(JSON.stringify(rows, undefined, 1))
}

const measure: Record<Part, (flags: BenchFlags, python: string) => Promise<Table[]>> = {
  train: (flags, python) => steps('train', flags, python),
  infer: (flags, python) => steps('infer', flags, python),
  async job(flags, python) {
    const { threads, rounds = 1, epochs = 3 } = flags
    const options = { ...{ cache, threads, rounds, epochs, python }, sources: sst2(flags.rows, cache) }
    return [jobTable(await eachModel('job', flags, (model) => benchJob(model, options)))]
  },
  drop: (flags) =>
    savings('Training step of robust AdapterDrop; ratio to n = 0', flags, ['mini', 'small'], benchRobustDrop),
  shared: (flags) =>
    savings(
      'Inference of three tasks in one pass; ratio to three separate passes with the same n',
      flags,
      ['mini', 'small'],
      benchSharedLayers,
    ),
  'task-drop': (flags) =>
    savings(
      'Training step of per-task drop with three tasks, mean over drawn steps; ratio to p = 0',
      flags,
      ['mini', 'small'],
      benchTaskDrop,
    ),
  async cache(flags) {
    const { threads, rounds = 1, epochs = 5 } = flags
    const options = { ...{ cache, threads, rounds, epochs }, sources: sst2(flags.rows, cache) }
    return [cacheTable(await eachModel('cache', flags, (model) => benchCache(model, options)))]
  },
  async scaling(flags) {
    const { threads, rounds = 5 } = flags
    const rows = await eachSize('scaling', flags, ['mini'], [64], (size, length) =>
      benchScaling(size, { cache, length, rounds, threads }),
    )
    return [scalingTable(rows)]
  },
  async growth(flags) {
    const rows = await eachSize('growth', flags, ['tiny'], [64], (size, length) =>
      benchGrowth(size, { ...flags, cache, length }),
    )
    return [growthTable(rows, flags.steps)]
  },
  async together(flags) {
    const sizes = ['tiny', 'mini', 'small'] as const
    const { threads } = flags
    return [
      ...(await savings('Several runs in one graph; ratio to a step of each', flags, sizes, benchTogether)),
      ...(await savings(
        'Several processes of one thread at once; ratio to one after the other with all threads',
        flags,
        sizes,
        (size, options) => benchProcesses(size, { ...options, threads }),
      )),
    ]
  },
}

async function steps(kind: 'train' | 'infer', flags: BenchFlags, python: string): Promise<Table[]> {
  const { rounds = 5 } = flags
  const rows = await eachSize(kind, flags, ['tiny', 'mini', 'small', 'base'], [64, 128], (size, length) =>
    benchSteps(kind, { size, length }, { ...flags, rounds, cache, python }),
  )
  return [stepTable(kind, rows)]
}

async function savings(
  title: string,
  flags: BenchFlags,
  sizes: readonly SizeName[],
  bench: (size: SizeName, options: SavingOptions) => Promise<SavingRow[]>,
): Promise<Table[]> {
  const { rounds = 5, threads } = flags
  const engine = createOnnxRuntimeEngine({ threads })
  const rows = await eachSize(title, flags, sizes, [64], (size, length) =>
    bench(size, { engine, cache, length, rounds }),
  )
  return [savingTable(title, rows)]
}

/** Rows of every size and length: the usual ones unless others are named. */
async function eachSize<Row>(
  name: string,
  flags: BenchFlags,
  usualSizes: readonly SizeName[],
  usualLengths: readonly number[],
  bench: (size: SizeName, length: number) => Promise<Row[]>,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const size of flags.sizes ?? usualSizes) {
    for (const length of flags.lengths ?? usualLengths) {
      process.stderr.write(`${name}: ${size}, length ${length} …\n`)
      rows.push(...(await bench(size, length)))
    }
  }
  return rows
}

async function eachModel<Row>(
  name: string,
  { models }: BenchFlags,
  bench: (model: BenchFlags['models'][number]) => Promise<Row | Row[]>,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const model of models) {
    process.stderr.write(`${name}: ${model} …\n`)
    const measured = await bench(model)
    rows.push(...(Array.isArray(measured) ? measured : [measured]))
  }
  return rows
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
