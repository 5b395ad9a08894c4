import { WorkbenchError } from '../../preload/contract.ts'
import type { Graph, HalfLocations, QuantisedLocations, TensorData } from '../graph/index.ts'

/** A tensor in host memory. */
export interface HostTensor {
  data: TensorData
  shape: readonly number[]
}

/** A weight file of a backbone (models/weights.ts): raw float32 values, shared by all graphs. */
export interface WeightFile {
  path: string
  entries: ReadonlyMap<string, { offset: number; byteLength: number }>
}

/**
 * A file of quantised weights (models/quantised-weights.ts): each as the right factor of a product as it is, and
 * transposed.
 */
export interface QuantisedFile {
  path: string
  entries: QuantisedLocations['entries']
}

/** A file of half-precision weights (models/half-weights.ts), and whether products with them are computed so too. */
export interface HalfFile extends Pick<HalfLocations, 'entries' | 'compute'> {
  path: string
}

export interface CompileOptions {
  /** Needed where the graph has frozen weights. */
  weights?: WeightFile
  /** Products with these weights are rounded to 8 bits; only for engines that say how (`largestInt8`). */
  quantised?: QuantisedFile
  /** Weights that lie here are read in half precision; `compute` only where the engine says so (`computesHalf`). */
  half?: HalfFile
  /**
   * Float32 inputs that the engine keeps between runs, each with the output that may replace it (undefined: none):
   * parameters and optimizer moments. TensorFlow.js keeps them on the device; onnxruntime keeps them in the system's
   * memory, so that on any device but cpu they cross the bus twice a step.
   */
  state?: Readonly<Record<string, string | undefined>>
  /**
   * Whether the engine may keep the weights a second time in the layout its kernels like best: faster, and
   * worth the memory in a graph that runs often.
   */
  prepack?: boolean
}

/** A graph ready to run. It owns a session and the state's tensors: `dispose` it. */
export interface CompiledGraph {
  /**
   * Runs the graph once.
   *
   * @param feeds every input that is not state
   * @param fetch names of the outputs to return
   * @param update state inputs that take the value of their output; default: all. The others stay as they are.
   * @param guard name of a fetched output: where it is not finite, the state stays as it is
   */
  run(
    feeds: Readonly<Record<string, HostTensor>>,
    fetch: readonly string[],
    update?: readonly string[],
    guard?: string,
  ): Promise<Record<string, HostTensor>>
  /** Sets a state input; before the first run every one must be set. */
  setState(name: string, data: Float32Array): void
  /** A copy of a state input as it stands. */
  state(name: string): Promise<Float32Array>
  dispose(): Promise<void>
}

/** Something that runs graphs on one device. */
export interface Engine {
  readonly name: string
  readonly device: string
  readonly version: string
  readonly threads: number
  /** Why this engine and device, for the user; where something chose. */
  readonly reason?: string
  /** Name of the card that it computes with; left out where that is the processor. */
  readonly hardware?: string
  /**
   * The largest whole number that a quantised weight may be for the device's products to be right; left out: it has
   * no such products.
   */
  largestInt8?(): Promise<number>
  /** Whether the device computes products in half precision, and rightly; left out: it never does. */
  computesHalf?(): Promise<boolean>
  /** @throws WorkbenchError `engine`, naming the operation, where the engine lacks one */
  compile(graph: Graph, options?: CompileOptions): Promise<CompiledGraph>
}

/** A failure of the device or its driver: on another device the same may go well. */
export class DeviceFailure extends WorkbenchError {
  constructor(message: string, cause: unknown) {
    super('engine', message, { cause })
  }
}

/** What to do about a failure, by what its message says: in the words of CUDA, WebGPU, TensorFlow and onnxruntime. */
const advices: readonly [RegExp, string][] = [
  [
    /out of memory|\bOOM\b|resource exhausted|failed to allocate|bad_alloc|allocation failed|not enough memory/i,
    'There was not enough memory: lower the batch size, the micro-batch size or the maximum length, or let the run go on on cpu',
  ],
  [
    /device (?:is |was )?lost|device removed|device hung|CUDA_ERROR_(?:LAUNCH|ILLEGAL|ECC)|CUDA failure/i,
    'The driver gave the device up, as it does when one step takes too long: resume the run, on cpu if it happens again, or start it with a lower batch size or maximum length',
  ],
]

/** The error of a run that failed on the device, with what to do where that is known. */
export function runFailure(engine: string, device: string, cause: unknown): DeviceFailure {
  return failure(`${engine} on ${device} failed in a run`, messageOf(cause), cause)
}

/** The error of a graph that a device could not be made ready for. */
export function prepareFailure(
  engine: string,
  device: string,
  reason: string,
  cause: unknown,
): DeviceFailure {
  return failure(`${engine} on ${device} could not prepare the graph`, reason, cause)
}

function failure(what: string, reason: string, cause: unknown): DeviceFailure {
  const advice = advices.find(([pattern]) => pattern.test(reason))?.[1]
  return new DeviceFailure(`${what}: ${reason}${advice === undefined ? '' : `. ${advice}`}`, cause)
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message || cause.name : String(cause)
}

/** Whether an output that guards a run's state lets it move on. */
export function passes(outputs: Readonly<Record<string, HostTensor>>, guard: string | undefined): boolean {
  return guard === undefined || Number.isFinite(Number(outputs[guard]?.data[0]))
}
