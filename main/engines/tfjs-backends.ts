import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { setImmediate } from 'node:timers/promises'

import { WorkbenchError } from '../../preload/contract.ts'
import { messageOf } from './engine.ts'
import { loadTfjsNode } from './tfjs-node.ts'
import type { Tfjs } from './tfjs-operations.ts'

const load = createRequire(import.meta.url)

export const tfjsDevices = ['tensorflow', 'webgpu', 'wasm', 'cpu'] as const
/** `tensorflow` is libtensorflow (on a GPU where its build has CUDA); the others need nothing but this program. */
export type TfjsDevice = (typeof tfjsDevices)[number]

export interface OpenBackend {
  tf: Tfjs
  version: string
  threads: number
}

/** What brings each device, for one who lacks it. */
const advice: Readonly<Record<TfjsDevice, string>> = {
  tensorflow: 'Install its native part: npm run setup:tensorflow',
  webgpu:
    'It needs the package webgpu (npm ci --include=optional) and a graphics driver with Vulkan, Metal or Direct3D 12',
  wasm: 'Install the packages again: npm ci',
  cpu: 'Install the packages again: npm ci',
}

/** How each backend registers itself with tfjs. */
const registrations: Readonly<Record<TfjsDevice, () => void | Promise<void>>> = {
  tensorflow: loadTfjsNode,
  webgpu: registerWebgpu,
  wasm: () => void load('@tensorflow/tfjs-backend-wasm'),
  cpu: () => void load('@tensorflow/tfjs-backend-cpu'),
}

/**
 * Loads a backend of TensorFlow.js and makes it the one that computes.
 *
 * @param threads for `tensorflow`, before its first use in this process; 0: as many as there are cores
 * @throws WorkbenchError `engine` saying why it cannot be used and what to install
 */
export async function openBackend(device: TfjsDevice, threads: number): Promise<OpenBackend> {
  if (device === 'tensorflow') configureTensorflow(threads)
  try {
    const tf = load('@tensorflow/tfjs-core') as Tfjs
    tf.enableProdMode()
    if (!tf.findBackendFactory(device)) await registrations[device]()
    const isReady = await tf.setBackend(device)
    if (!isReady) throw new Error('its start failed')
    await tf.ready()
    return { tf, version: versionOf(tf, device), threads: threadsOf(device) }
  } catch (cause) {
    throw new WorkbenchError(
      'engine',
      `tensorflow on ${device} cannot be used: ${firstLine(messageOf(cause))}. ${advice[device]}`,
      { cause },
    )
  }
}

/** libtensorflow reads its number of threads when it starts; its own log is for its developers. */
function configureTensorflow(threads: number): void {
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2'
  process.env['TF_NUM_INTRAOP_THREADS'] ??= String(threads > 0 ? threads : availableParallelism())
}

/** What this program uses of tfjs-node-gpu's backend. */
interface NodeBackend {
  isUsingGpuDevice: boolean
  binding: { TF_Version: string }
}

function nodeBackend(tf: Tfjs): NodeBackend {
  return tf.engine().findBackend('tensorflow') as unknown as NodeBackend
}

function versionOf(tf: Tfjs, device: TfjsDevice): string {
  const version = tf.version_core
  return device === 'tensorflow' ? `${version} (TensorFlow ${nodeBackend(tf).binding.TF_Version})` : version
}

/** Version of the installed package, read without loading it. */
export function tfjsVersion(): string {
  const manifest = load('@tensorflow/tfjs-core/package.json') as { version: string }
  return manifest.version
}

/** Whether the device `tensorflow`, which must be open, computes on a GPU. */
export function isTensorflowOnGpu(): boolean {
  return nodeBackend(load('@tensorflow/tfjs-core') as Tfjs).isUsingGpuDevice
}

function threadsOf(device: TfjsDevice): number {
  return device === 'tensorflow' ? Number(process.env['TF_NUM_INTRAOP_THREADS']) : 1
}

/** What this program uses of WebGPU itself. */
interface Dawn {
  create: (flags: string[]) => { requestAdapter: () => Promise<GraphicsAdapter | null> }
  globals: object
}
interface GraphicsAdapter {
  info: { vendor: string; architecture: string; device: string; description: string }
}

let graphicsAdapter: Promise<GraphicsAdapter | null> | undefined

/** tfjs asks the page's `navigator` for the GPU: here that is Dawn, from the package webgpu. */
async function registerWebgpu(): Promise<void> {
  if ((await findGraphicsAdapter()) === null) throw new Error('no graphics adapter was found')
  load('@tensorflow/tfjs-backend-webgpu')
}

function findGraphicsAdapter(): Promise<GraphicsAdapter | null> {
  graphicsAdapter ??= (async () => {
    const { create, globals } = load('webgpu') as Dawn
    Object.assign(globalThis, globals)
    const gpu = create([])
    Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true })
    return gpu.requestAdapter()
  })()
  return graphicsAdapter
}

/** What this program uses of tfjs's WebGPU backend. */
interface WebgpuBackend {
  device: { lost: Promise<{ message: string }> }
}

/** Of a device that computes no more: why. What it is asked after that fails without a reason of its own. */
export async function deviceLoss(tf: Tfjs, device: TfjsDevice): Promise<Error | undefined> {
  if (device !== 'webgpu') return undefined
  const backend = tf.engine().findBackend('webgpu') as unknown as WebgpuBackend
  // Whichever is settled already: of a device that works, `lost` never is.
  const loss = await Promise.race([backend.device.lost, setImmediate(undefined)])
  return loss && new Error(`the device was lost${loss.message ? ` (${firstLine(loss.message)})` : ''}`)
}

/** The graphics adapter in its driver's words; undefined where there is none. */
export async function graphicsAdapterName(): Promise<string | undefined> {
  const adapter = await findGraphicsAdapter().catch(() => null)
  if (!adapter) return undefined
  const { description, device, architecture, vendor } = adapter.info
  return (
    description || device || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed graphics adapter'
  )
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0]?.trim().replace(/\.$/, '') ?? text
}
