import { knownDevices } from '../main/engines/devices.ts'
import { createOnnxRuntimeEngine } from '../main/engines/onnxruntime.ts'
import { openOurs, type OpenSide } from './side.ts'
import { weightFiles, type WeightFiles, type WorkloadSpec } from './sizes.ts'
import type { Kind } from './graphs.ts'

/** What is held against eager PyTorch: this program on an engine's device, or PyTorch compiled. */
export interface SideSpec {
  name: string
  engine: string
  device: string
  precision: 'float32' | 'int8' | 'bf16'
  /** `cut`: the last layer computes only what the head reads. */
  lastLayer: 'cut' | 'whole'
}

const short: Readonly<Record<string, Omit<SideSpec, 'name'>>> = {
  cut: { engine: 'onnxruntime', device: 'cpu', precision: 'float32', lastLayer: 'cut' },
  whole: { engine: 'onnxruntime', device: 'cpu', precision: 'float32', lastLayer: 'whole' },
  int8: { engine: 'onnxruntime', device: 'cpu', precision: 'int8', lastLayer: 'cut' },
  tensorflow: { engine: 'tensorflow', device: 'tensorflow', precision: 'float32', lastLayer: 'cut' },
  'torch-compiled': { engine: 'torch.compile', device: '', precision: 'float32', lastLayer: 'whole' },
  'torch-compiled-bf16': { engine: 'torch.compile', device: '', precision: 'bf16', lastLayer: 'whole' },
}

/** Those that make sense on a machine without a graphics card. */
const usual = ['cut', 'int8', 'tensorflow']

/**
 * The sides that `--sides` names: short names, `engine:device`, or `all` for every engine and device of this program.
 *
 * @returns whether a side that is not installed may be left out: where none was named by itself
 * @throws Error naming what there is not
 */
export function chooseSides(text: string | undefined): { sides: SideSpec[]; optional: boolean } {
  const devices = knownDevices().map(({ engine, device }) => `${engine}:${device}`)
  const all = ['cut', 'whole', 'int8', ...devices.filter((name) => name !== 'onnxruntime:cpu')]
  const names = text === undefined ? usual : text === 'all' ? all : text.split(',')
  const sides = names.map((name): SideSpec => {
    const known = short[name]
    if (known) return { name, ...known }
    const [engine = '', device = ''] = name.split(':')
    if (!devices.includes(name)) {
      throw new Error(
        `there is no side "${name}"; there are all, ${[...Object.keys(short), ...devices].join(', ')}`,
      )
    }
    return { name, engine, device, precision: 'float32', lastLayer: 'cut' }
  })
  return { sides, optional: text === undefined || text === 'all' }
}

/** Sides that were asked for, and what they are started with. */
export interface SideOptions {
  sides: readonly SideSpec[]
  /** Sides that cannot be had are left out, with a line that says why. */
  optional: boolean
  threads: number
  /** Where weight files are kept; it exists. */
  cache: string
}

/** The weight files of these sides. Quantised ones are made here: a side that made them would have both in memory. */
export async function filesOf(
  spec: Pick<WorkloadSpec, 'size' | 'layers'>,
  { sides, threads, cache }: SideOptions,
): Promise<WeightFiles> {
  const needed = sides.some(({ precision }) => precision === 'int8')
  const largest = needed ? await createOnnxRuntimeEngine({ threads }).largestInt8?.() : undefined
  return weightFiles(spec, cache, largest)
}

export function isTorch({ engine }: SideSpec): boolean {
  return engine === 'PyTorch' || engine === 'torch.compile'
}

/** Opens a side that is this program's. */
export function openOwn(
  kind: Kind,
  { engine, device, precision, lastLayer }: SideSpec,
  work: WorkloadSpec,
  files: WeightFiles,
  { threads }: Pick<SideOptions, 'threads'>,
): Promise<OpenSide> {
  const cut = lastLayer === 'cut'
  return openOurs({ kind, work, engine, device, threads, cut }, files, precision === 'int8')
}

/** What `open` gives; undefined where the side may be left out and cannot be had. */
export async function ifThere<Opened>(
  { name }: SideSpec,
  { optional }: Pick<SideOptions, 'optional'>,
  open: () => Promise<Opened>,
): Promise<Opened | undefined> {
  try {
    return await open()
  } catch (error) {
    if (!optional || !(error instanceof Error)) throw error
    process.stderr.write(`  left out: ${name}, since ${error.message}\n`)
    return undefined
  }
}

/** How far a first loss or logit may be from PyTorch's in float32, of 1 or of its size where that is more. */
export function toleranceOf({ device, precision }: SideSpec): number {
  if (precision !== 'float32') return 2e-2
  // Graphics cards may round factors to ten bits.
  return ['cpu', 'wasm', 'tensorflow'].includes(device) ? 5e-5 : 2e-3
}
