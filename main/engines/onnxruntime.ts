import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { basename, dirname } from 'node:path'

import type { InferenceSession, OnnxValue, Tensor } from 'onnxruntime-node'

import { sizeOf, toOnnx, type ElementType, type Graph, type TensorData } from '../graph/index.ts'
import { messageOf, passes, prepareFailure, runFailure } from './engine.ts'
import { computesHalf } from './half-products.ts'
import { largestInt8 } from './int8-range.ts'
import type { CompiledGraph, CompileOptions, Engine, HostTensor } from './engine.ts'

const load = createRequire(import.meta.url)

type OnnxRuntime = typeof import('onnxruntime-node')

export const onnxRuntimeDevices = ['cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const
export type OnnxRuntimeDevice = (typeof onnxRuntimeDevices)[number]

/**
 * onnxruntime on the processor or another device of this system (`onnxRuntimeDevicesHere`). Loading the native module
 * takes a moment, so it is left until it is needed; a device is first touched by the first graph.
 */
export function createOnnxRuntimeEngine(
  options: { threads?: number; device?: OnnxRuntimeDevice } = {},
): Engine {
  const runtime = load('onnxruntime-node') as OnnxRuntime
  const { device = 'cpu' } = options
  const threads = options.threads && options.threads > 0 ? options.threads : availableParallelism()
  return {
    name: 'onnxruntime',
    device,
    version: onnxRuntimeVersion(),
    threads,
    ...(device === 'cpu' ? { largestInt8: () => (int8Range ??= largestInt8(runtime)) } : {}),
    ...(mayComputeHalf.has(device) ? { computesHalf: () => computesHalf(runtime, device) } : {}),
    compile: (graph, compileOptions = {}) => compile(runtime, graph, device, threads, compileOptions),
  }
}

/** Of this processor, once it was asked for. */
let int8Range: Promise<number> | undefined

/** The devices that the installed build of onnxruntime was made for; whether there is hardware is another question. */
export function onnxRuntimeDevicesHere(): OnnxRuntimeDevice[] {
  const runtime = load('onnxruntime-node') as OnnxRuntime
  const built = new Set(runtime.listSupportedBackends().map(({ name }) => name))
  return onnxRuntimeDevices.filter((device) => built.has(device))
}

/** Version of the installed package, read without loading its native part. */
export function onnxRuntimeVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(load.resolve('onnxruntime-node/package.json'), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}

/**
 * onnxruntime's fusions that cost more than they save: its fused layer norm takes several times as long per
 * element as a sum and a plain one (measured: a training step of the smallest BERT is 1.15 times as fast without).
 */
const slowFusions = 'SkipLayerNormFusion;BiasGeluFusion'

/** Where onnxruntime has its matrix product with transpositions and a factor inside. */
const hasFusedProducts: ReadonlySet<OnnxRuntimeDevice> = new Set(['cpu', 'cuda'])

/** Where half precision is the hardware's own; on others onnxruntime converts there and back around each product. */
const mayComputeHalf: ReadonlySet<OnnxRuntimeDevice> = new Set(['webgpu', 'cuda', 'dml'])

async function compile(
  runtime: OnnxRuntime,
  graph: Graph,
  device: OnnxRuntimeDevice,
  threads: number,
  { weights, quantised, half, state = {}, prepack = true }: CompileOptions,
): Promise<CompiledGraph> {
  for (const copy of [quantised, half]) {
    if (copy && dirname(copy.path) !== dirname(weights?.path ?? '')) {
      throw new Error('copies of weights lie in the folder of the weight file')
    }
  }
  const model = toOnnx(graph, {
    fusedProducts: hasFusedProducts.has(device),
    ...(weights ? { weights: { file: basename(weights.path), entries: weights.entries } } : {}),
    ...(quantised ? { quantised: { file: basename(quantised.path), entries: quantised.entries } } : {}),
    ...(half ? { half: { ...half, file: basename(half.path) } } : {}),
  })
  const sessionOptions: InferenceSession.SessionOptions = {
    executionProviders: [device],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    // Patterns are kept for every shape ever seen, and batches come in many.
    enableMemPattern: false,
    logSeverityLevel: 3,
    extra: {
      optimization: { disable_specified_optimizers: slowFusions },
      session: {
        ...(weights ? { model_external_initializers_file_folder_path: dirname(weights.path) } : {}),
        ...(prepack ? {} : { disable_prepacking: '1' }),
        // Threads that wait by spinning gain a few per cent alone on the machine, and halve the speed of a run
        // that shares it with anything else, this program's own windows included.
        intra_op: { allow_spinning: '0' },
      },
    },
  }
  let session: InferenceSession
  try {
    session = await runtime.InferenceSession.create(model, sessionOptions)
  } catch (cause) {
    throw prepareFailure('onnxruntime', device, withoutSource(messageOf(cause)), cause)
  }
  return new OnnxRuntimeGraph(runtime, session, device, graph, state)
}

/** State tensors exist twice: a run reads one and writes the other, since an output may not be its own input. */
interface StateBuffers {
  current: Tensor
  /** Where the next value goes, and which output it is; undefined for state that no run changes. */
  next: { output: string; tensor: Tensor } | undefined
}

class OnnxRuntimeGraph implements CompiledGraph {
  private readonly buffers = new Map<string, StateBuffers>()
  private readonly runtime: OnnxRuntime
  private readonly session: InferenceSession
  private readonly device: OnnxRuntimeDevice
  private readonly graph: Graph
  private readonly stateOutputs: Readonly<Record<string, string | undefined>>
  /** State that a run replaces unless told otherwise. */
  private readonly changing: readonly string[]

  constructor(
    runtime: OnnxRuntime,
    session: InferenceSession,
    device: OnnxRuntimeDevice,
    graph: Graph,
    state: Readonly<Record<string, string | undefined>>,
  ) {
    this.runtime = runtime
    this.session = session
    this.device = device
    this.graph = graph
    this.stateOutputs = state
    this.changing = Object.keys(state).filter((name) => state[name] !== undefined)
  }

  setState(name: string, data: Float32Array): void {
    const input = this.graph.inputs.find((candidate) => candidate.name === name)
    if (!input || !(name in this.stateOutputs)) throw new Error(`the graph keeps no state "${name}"`)
    const output = this.stateOutputs[name]
    const shape = input.shape.map(Number)
    if (sizeOf(shape) !== data.length)
      throw new Error(`state "${name}" has ${sizeOf(shape)} values, not ${data.length}`)
    this.buffers.set(name, {
      current: new this.runtime.Tensor('float32', Float32Array.from(data), shape),
      next:
        output === undefined
          ? undefined
          : { output, tensor: new this.runtime.Tensor('float32', new Float32Array(data.length), shape) },
    })
  }

  async state(name: string): Promise<Float32Array> {
    const data = this.buffers.get(name)?.current.data
    if (!(data instanceof Float32Array)) throw new Error(`state "${name}" was never set`)
    return Float32Array.from(data)
  }

  async run(
    feeds: Readonly<Record<string, HostTensor>>,
    fetch: readonly string[],
    update: readonly string[] = this.changing,
    guard?: string,
  ): Promise<Record<string, HostTensor>> {
    const inputs: Record<string, OnnxValue> = {}
    for (const { name, type } of this.graph.inputs) {
      const feed = feeds[name]
      const buffers = this.buffers.get(name)
      if (feed) inputs[name] = toTensor(this.runtime, type, feed)
      else if (buffers) inputs[name] = buffers.current
      else throw new Error(`the graph was run without its input "${name}"`)
    }
    const outputs: Record<string, OnnxValue | null> = {}
    for (const name of fetch) outputs[name] = null
    const updated = update.map((name) => {
      const buffers = this.buffers.get(name)
      if (!buffers?.next) throw new Error(`state "${name}" was never set, or no run changes it`)
      outputs[buffers.next.output] = buffers.next.tensor
      return { buffers, next: buffers.next }
    })
    let results: InferenceSession.OnnxValueMapType
    try {
      results = await this.session.run(inputs, outputs)
    } catch (cause) {
      throw runFailure('onnxruntime', this.device, cause)
    }
    const fetched = Object.fromEntries(fetch.map((name) => [name, fromTensor(name, results[name])]))
    if (passes(fetched, guard)) {
      for (const { buffers, next } of updated) [buffers.current, next.tensor] = [next.tensor, buffers.current]
    }
    return fetched
  }

  async dispose(): Promise<void> {
    this.buffers.clear()
    await this.session.release()
  }
}

function toTensor(runtime: OnnxRuntime, type: ElementType, { data, shape }: HostTensor): Tensor {
  return new runtime.Tensor(type, data as Float32Array, shape)
}

function fromTensor(name: string, value: OnnxValue | undefined): HostTensor {
  if (value === undefined || !('dims' in value)) throw new Error(`the graph has no output "${name}"`)
  return { data: value.data as TensorData, shape: value.dims }
}

/** Without the place in onnxruntime's source and the condition that failed there. */
function withoutSource(message: string): string {
  return message.replace(/^\S+\.(?:cc|h|cpp):\d+ .* was false\. /s, '')
}
