/**
 * `npm run bench`: one training step and one inference batch, ours against PyTorch's, in alternating live processes;
 * and what methods save, against this program without the saving (bench/methods.ts).
 * The tables go to stdout, or with --json one array; progress goes to stderr.
 */
import { mkdirSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { createOnnxRuntimeEngine } from '../main/engines/onnxruntime.ts'
import { processorName } from '../main/training/environment.ts'
import { median } from '../main/training/metrics.ts'
import { benchRobustDrop, benchSharedLayers, benchTaskDrop, printSavings, type SavingRow } from './methods.ts'
import type { LoadRequest } from './ours.ts'
import { findPython } from './python.ts'
import { startSide, type Side } from './side.ts'
import { sizeNames, weightFile, workload, type SizeName, type Workload } from './sizes.ts'
import { warnIfRestless } from './turns.ts'

interface Row {
  kind: 'train' | 'infer'
  size: SizeName
  batch: number
  length: number
  engine: string
  device: string
  /** The last layer computes only what the head reads. */
  cut: boolean
  ms: number
  torchMs: number
  torchBf16Ms: number
  /** torchMs / ms: more than 1 is faster than PyTorch in float32. */
  ratio: number
  peakRssBytes: number
  torchPeakRssBytes: number
  processor: string
  torch: string
}

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string' },
    size: { type: 'string', default: sizeNames.join(',') },
    length: { type: 'string', default: '64,128' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
})

const cache = fileURLToPath(new URL('../.cache/bench/', import.meta.url))
const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const processor = processorName()

const threads = (): number => countOf('threads', flags.threads)

/** Threads of the side that ran last spin on for a while: the rest, and an uncounted first step, keep them apart. */
const restMs = 150

/** Counted steps per turn: enough to measure, few enough that all sides meet the same weather. */
const turn: Record<SizeName, number> = { tiny: 12, mini: 6, small: 3, base: 2 }

async function measure(
  kind: Row['kind'],
  work: Workload,
  python: { command: string; torch: string },
): Promise<Row[]> {
  mkdirSync(cache, { recursive: true })
  const weights = await weightFile(work, cache)
  const entries = Object.fromEntries(weights.entries)
  const { size, batch, length } = work
  const sides: Record<'cut' | 'whole' | 'fp32' | 'bf16', Side> = {
    cut: startSide(process.execPath, [script('ours.ts')]),
    whole: startSide(process.execPath, [script('ours.ts')]),
    fp32: startSide(python.command, [script('torch_reference.py')]),
    bf16: startSide(python.command, [script('torch_reference.py')]),
  }
  try {
    for (const cut of [true, false]) {
      const request: LoadRequest = {
        kind,
        size,
        length,
        cut,
        threads: threads(),
        weights: weights.path,
        entries,
      }
      await (cut ? sides.cut : sides.whole).ask({ load: request })
    }
    for (const precision of ['fp32', 'bf16'] as const) {
      const { config, ids, labels } = work
      await sides[precision].ask({
        load: { threads: threads(), precision, weights: weights.path, entries, config, ids, labels },
      })
    }
    await agree(kind, sides)
    const names = Object.keys(sides) as (keyof typeof sides)[]
    const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<
      keyof typeof sides,
      number[]
    >
    const peaks = { cut: 0, whole: 0, fp32: 0, bf16: 0 }
    for (let round = 0; round < countOf('rounds', flags.rounds); round++) {
      for (const name of names) {
        await setTimeout(restMs)
        const { ms, peakRssBytes } = await sides[name].ask({ [kind]: turn[size] + 1 })
        times[name].push(...ms.slice(1))
        peaks[name] = peakRssBytes
      }
    }
    for (const [name, ms] of Object.entries(times)) warnIfRestless(name, ms)
    const torchMs = median(times.fp32)
    return (['cut', 'whole'] as const).map((name) => {
      const ms = median(times[name])
      return {
        kind,
        size,
        batch,
        length,
        engine: 'onnxruntime',
        device: 'cpu',
        cut: name === 'cut',
        ms,
        torchMs,
        torchBf16Ms: median(times.bf16),
        ratio: torchMs / ms,
        peakRssBytes: peaks[name],
        torchPeakRssBytes: peaks.fp32,
        processor,
        torch: python.torch,
      }
    })
  } finally {
    for (const side of Object.values(sides)) side.end()
  }
}

/** Both sides compute the same first loss, or logit, to 4 digits, or there is nothing to compare. */
async function agree(
  kind: Row['kind'],
  { cut, whole, fp32, bf16 }: Record<'cut' | 'whole' | 'fp32' | 'bf16', Side>,
): Promise<void> {
  const first = async (side: Side): Promise<number> => (await side.ask({ [kind]: 1 })).result ?? Number.NaN
  const expected = await first(fp32)
  await first(bf16)
  for (const side of [cut, whole]) {
    const found = await first(side)
    if (!(Math.abs(found - expected) <= 5e-5 * Math.max(1, Math.abs(expected)))) {
      throw new Error(`the two sides differ: PyTorch computes ${expected}, this program ${found}`)
    }
  }
}

/** A whole number from 1, or a message that names the flag. */
function countOf(flag: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${flag} takes whole numbers from 1, not "${text}"`)
  return value
}

function print(rows: readonly Row[]): void {
  const megabytes = (bytes: number): string => String(Math.round(bytes / 2 ** 20))
  console.log(
    `${processor}, ${threads()} threads, PyTorch ${rows[0]?.torch ?? ''}; medians in ms; ratio = PyTorch fp32 / ours`,
  )
  console.log('kind   size   batch length last layer   ours    torch   bf16    ratio  MB ours  MB torch')
  for (const row of rows) {
    console.log(
      [
        row.kind.padEnd(6),
        row.size.padEnd(6),
        String(row.batch).padStart(5),
        String(row.length).padStart(6),
        (row.cut ? 'cut' : 'whole').padEnd(11),
        row.ms.toFixed(1).padStart(7),
        row.torchMs.toFixed(1).padStart(8),
        row.torchBf16Ms.toFixed(1).padStart(7),
        row.ratio.toFixed(2).padStart(7),
        megabytes(row.peakRssBytes).padStart(8),
        megabytes(row.torchPeakRssBytes).padStart(9),
      ].join(' '),
    )
  }
}

const savings = { drop: benchRobustDrop, shared: benchSharedLayers, 'task-drop': benchTaskDrop }

/** What methods save, at the sizes where that is asked most: two of them unless others are named. */
async function measureSavings(
  names: readonly (keyof typeof savings)[],
  lengths: readonly number[],
): Promise<SavingRow[]> {
  mkdirSync(cache, { recursive: true })
  const engine = createOnnxRuntimeEngine({ threads: threads() })
  const sizes = flags.size === sizeNames.join(',') ? (['mini', 'small'] as const) : chosenSizes()
  const rows: SavingRow[] = []
  for (const name of names) {
    for (const size of sizes) {
      for (const length of lengths) {
        process.stderr.write(`${name} ${size}, length ${length} …\n`)
        const rounds = countOf('rounds', flags.rounds)
        rows.push(...(await savings[name](size, { engine, cache, length, rounds })))
      }
    }
  }
  return rows
}

function chosenSizes(): SizeName[] {
  return flags.size.split(',').map((name) => {
    const size = sizeNames.find((candidate) => candidate === name)
    if (!size) throw new Error(`there is no size "${name}"; sizes are ${sizeNames.join(', ')}`)
    return size
  })
}

/** The kinds that `--only` names; all of them without it. */
function wantedKinds<Kind extends string>(kinds: readonly Kind[]): Kind[] {
  const named = flags.only?.split(',').map((name) => (name === 'step' ? 'train' : name))
  return kinds.filter((kind) => named === undefined || named.includes(kind))
}

try {
  const kinds = wantedKinds(['train', 'infer'])
  const saved = wantedKinds(['drop', 'shared', 'task-drop'])
  if (kinds.length + saved.length === 0) {
    throw new Error(
      `--only takes train (or step), infer, drop, shared and task-drop, not "${flags.only ?? ''}"`,
    )
  }
  const sizes = chosenSizes()
  const lengths = flags.length.split(',').map((text) => countOf('length', text))
  const rows: Row[] = []
  if (kinds.length > 0) {
    const python = findPython()
    for (const kind of kinds) {
      for (const size of sizes) {
        for (const length of lengths) {
          process.stderr.write(`${kind} ${size}, length ${length} …\n`)
          rows.push(...(await measure(kind, workload(size, length), python)))
        }
      }
    }
  }
  const savingRows = await measureSavings(saved, lengths)
  if (flags.json) console.log(JSON.stringify([...rows, ...savingRows], undefined, 1))
  else {
    if (rows.length > 0) print(rows)
    else console.log(`${processor}, ${threads()} threads; medians in ms`)
    printSavings(savingRows)
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
