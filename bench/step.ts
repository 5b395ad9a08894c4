/** Training steps and inference of one batch against eager PyTorch, each side a live process, in turns. */
import { median } from '../main/training/metrics.ts'
import type { Kind } from './graphs.ts'
import { openTorch } from './side.ts'
import { filesOf, ifThere, isTorch, openOwn, toleranceOf, type SideOptions, type SideSpec } from './sides.ts'
import { workload, type SizeName, type WeightFiles, type Workload } from './sizes.ts'
import { megabytes, milliseconds, table, times, type Table } from './tables.ts'
import { askInTurns, runsInTurn, type Clock, type LiveSide } from './turns.ts'

export interface StepOptions extends SideOptions {
  rounds: number
  clock?: Clock
  /** The Python that has PyTorch, and the device that PyTorch computes on. */
  python: string
  torchDevice: string
}

export interface StepRow extends SideSpec {
  kind: Kind
  size: SizeName
  batch: number
  length: number
  ms: number
  /** Of eager PyTorch in float32, and with its bfloat16 autocast. */
  torchMs: number
  torchBf16Ms: number
  /** torchMs / ms and torchBf16Ms / ms: more than 1 is faster than PyTorch. */
  ratio: number
  ratioBf16: number
  peakRssBytes: number
  torchPeakRssBytes: number
}

interface Live extends LiveSide {
  /** Of the first run. */
  result: number
}

const eager = { engine: 'PyTorch', device: '', lastLayer: 'whole' } as const
const float32: SideSpec = { ...eager, name: 'PyTorch fp32', precision: 'float32' }
const bf16: SideSpec = { ...eager, name: 'PyTorch bf16', precision: 'bf16' }

/** @throws Error where a side computes something else than PyTorch, or a side that was asked for is not there */
export async function benchSteps(
  kind: Kind,
  { size, length }: { size: SizeName; length: number },
  options: StepOptions,
): Promise<StepRow[]> {
  const work = workload({ size, length })
  const files = await filesOf({ size }, options)
  const live = new Map<SideSpec, Live>()
  try {
    for (const spec of [float32, bf16]) live.set(spec, await open(kind, spec, work, files, options))
    for (const spec of options.sides) {
      const opened = await ifThere(spec, options, () => open(kind, spec, work, files, options))
      if (!opened) continue
      live.set(spec, opened)
      requireAgreement(spec, opened.result, live.get(float32)?.result ?? Number.NaN)
    }
    const { rounds, clock = 'wall' } = options
    await askInTurns([...live.values()], { rounds, turn: runsInTurn[size], clock })
    const [torchMs, torchBf16Ms] = [float32, bf16].map((spec) => median(live.get(spec)?.ms ?? []))
    if (torchMs === undefined || torchBf16Ms === undefined) throw new Error('PyTorch was not measured')
    const torchPeakRssBytes = live.get(float32)?.peakRssBytes ?? 0
    return options.sides.flatMap((spec): StepRow[] => {
      const found = live.get(spec)
      if (!found) return []
      const ms = median(found.ms)
      const ratios = { ratio: torchMs / ms, ratioBf16: torchBf16Ms / ms }
      const { peakRssBytes } = found
      return [
        {
          ...{ kind, size, batch: work.batch, length, ...spec },
          ...{ ms, torchMs, torchBf16Ms, ...ratios, peakRssBytes, torchPeakRssBytes },
        },
      ]
    })
  } finally {
    for (const { side } of live.values()) side.end()
  }
}

async function open(
  kind: Kind,
  spec: SideSpec,
  { size, length, config, ids, labels }: Workload,
  files: WeightFiles,
  options: StepOptions,
): Promise<Live> {
  const { name, engine, precision } = spec
  const { threads, python, torchDevice: device } = options
  const compiled = engine !== eager.engine
  const { side } = isTorch(spec)
    ? await openTorch(python, { config, ids, labels, threads, precision, device, compiled }, files)
    : await openOwn(kind, spec, { size, length }, files, options)
  try {
    const { result = Number.NaN, peakRssBytes } = await side.ask({ [kind]: 1 })
    return { name, kind, side, result, ms: [], peakRssBytes }
  } catch (error) {
    side.end()
    throw error
  }
}

/** All sides compute the same first loss, or logit, or there is nothing to compare. */
function requireAgreement(spec: SideSpec, found: number, expected: number): void {
  if (Math.abs(found - expected) <= toleranceOf(spec) * Math.max(1, Math.abs(expected))) return
  throw new Error(`the two sides differ: PyTorch computes ${expected}, ${spec.name} ${found}`)
}

export function stepTable(kind: Kind, rows: readonly StepRow[]): Table {
  const title = kind === 'train' ? 'Training step' : 'Inference'
  return table(title, rows, {
    size: ({ size }) => size,
    batch: ({ batch }) => batch,
    length: ({ length }) => length,
    engine: ({ engine, device }) => (device === '' ? engine : `${engine} ${device}`),
    precision: ({ precision }) => precision,
    'last layer': ({ lastLayer }) => lastLayer,
    'ours ms': ({ ms }) => milliseconds(ms),
    'PyTorch fp32 ms': ({ torchMs }) => milliseconds(torchMs),
    'PyTorch bf16 ms': ({ torchBf16Ms }) => milliseconds(torchBf16Ms),
    'ratio to fp32': ({ ratio }) => times(ratio),
    'ratio to bf16': ({ ratioBf16 }) => times(ratioBf16),
    'peak MB, ours': ({ peakRssBytes }) => megabytes(peakRssBytes),
    'peak MB, PyTorch': ({ torchPeakRssBytes }) => megabytes(torchPeakRssBytes),
  })
}
