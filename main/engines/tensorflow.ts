import type { Tensor } from '@tensorflow/tfjs-core'

import { WorkbenchError } from '../../preload/contract.ts'
import { sizeOf, type ElementType, type Graph, type TensorData, type Value } from '../graph/index.ts'
import {
  messageOf,
  passes,
  prepareFailure,
  runFailure,
  type CompiledGraph,
  type CompileOptions,
  type Engine,
  type HostTensor,
} from './engine.ts'
import { planSteps, RunSizes, type Step } from './plan.ts'
import { deviceLoss, openBackend, type TfjsDevice } from './tfjs-backends.ts'
import { dataTypeOf, operations, type Tfjs } from './tfjs-operations.ts'
import { TfjsWeights } from './tfjs-weights.ts'

/**
 * TensorFlow.js, which interprets the graph operation by operation.
 *
 * @throws WorkbenchError `engine` saying why the device cannot be used and what to install
 */
export async function createTensorFlowEngine(options: {
  device: TfjsDevice
  threads?: number
}): Promise<Engine> {
  const { tf, version, threads } = await openBackend(options.device, options.threads ?? 0)
  const { device } = options
  const weights = new TfjsWeights(tf)
  return {
    name: 'tensorflow',
    device,
    version,
    threads,
    async compile(graph, compileOptions = {}) {
      for (const { op } of graph.nodes) {
        if (!Object.hasOwn(operations, op)) {
          throw new WorkbenchError('engine', `tensorflow on ${device} has no operation ${op}`)
        }
      }
      try {
        return new TensorFlowGraph(tf, device, graph, weights, compileOptions)
      } catch (cause) {
        throw prepareFailure('tensorflow', device, messageOf(cause), cause)
      }
    },
  }
}

class TensorFlowGraph implements CompiledGraph {
  private readonly tf: Tfjs
  private readonly device: TfjsDevice
  private readonly graph: Graph
  private readonly stateOutputs: Readonly<Record<string, string | undefined>>
  /** State that a run replaces unless told otherwise. */
  private readonly changing: readonly string[]
  /** Weights, constants and state: what outlives a run. */
  private readonly lasting = new Map<Value, Tensor>()
  private readonly scalars = new Map<number, Tensor>()
  private readonly releaseWeights: () => void
  /** Steps by the outputs that a run is asked for. */
  private readonly plans = new Map<string, readonly Step[]>()

  constructor(
    tf: Tfjs,
    device: TfjsDevice,
    graph: Graph,
    weights: TfjsWeights,
    { weights: file, half, state = {} }: CompileOptions,
  ) {
    this.tf = tf
    this.device = device
    this.graph = graph
    this.stateOutputs = state
    this.changing = Object.keys(state).filter((name) => state[name] !== undefined)
    this.activate()
    const { tensors, release } = weights.take(graph.weights, file, half)
    this.releaseWeights = release
    for (const [value, tensor] of tensors) this.lasting.set(value, tensor)
    for (const { value, data } of graph.constants) {
      this.lasting.set(value, this.upload(value.type, { data, shape: value.shape.map(Number) }))
    }
  }

  setState(name: string, data: Float32Array): void {
    const input = this.stateInput(name)
    const shape = input.shape.map(Number)
    if (sizeOf(shape) !== data.length)
      throw new Error(`state "${name}" has ${sizeOf(shape)} values, not ${data.length}`)
    this.activate()
    try {
      this.replace(input, this.upload('float32', { data: Float32Array.from(data), shape }))
    } catch (cause) {
      throw runFailure('tensorflow', this.device, cause)
    }
  }

  async state(name: string): Promise<Float32Array> {
    const tensor = this.lasting.get(this.stateInput(name))
    if (!tensor) throw new Error(`state "${name}" was never set`)
    this.activate()
    try {
      return Float32Array.from(await tensor.data<'float32'>())
    } catch (cause) {
      throw runFailure('tensorflow', this.device, (await deviceLoss(this.tf, this.device)) ?? cause)
    }
  }

  async run(
    feeds: Readonly<Record<string, HostTensor>>,
    fetch: readonly string[],
    update: readonly string[] = this.changing,
    guard?: string,
  ): Promise<Record<string, HostTensor>> {
    const fetched = fetch.map((name) => this.outputOf(name))
    const { results, next } = this.compute(feeds, fetched, update)
    try {
      const tensors: Record<string, HostTensor> = {}
      for (const [i, name] of fetch.entries()) {
        const [value, tensor] = [fetched[i], results[i]]
        if (value && tensor) tensors[name] = await download(value.type, tensor)
      }
      if (passes(tensors, guard)) {
        for (const { input, tensor } of next.splice(0)) this.replace(input, tensor)
      }
      return tensors
    } catch (cause) {
      throw runFailure('tensorflow', this.device, (await deviceLoss(this.tf, this.device)) ?? cause)
    } finally {
      for (const tensor of results) tensor.dispose()
      for (const { tensor } of next) tensor.dispose()
    }
  }

  /**
   * Runs the steps.
   *
   * @returns a tensor for each of `fetched` and for each state that is to move on, all of which the caller owns
   */
  private compute(
    feeds: Readonly<Record<string, HostTensor>>,
    fetched: readonly Value[],
    update: readonly string[],
  ): { results: Tensor[]; next: { input: Value; tensor: Tensor }[] } {
    this.activate()
    const engine = this.tf.engine()
    engine.startScope()
    try {
      const tensors = new Map<Value, Tensor>(this.lasting)
      const sizes = new RunSizes()
      for (const input of this.graph.inputs) {
        const feed = feeds[input.name]
        if (feed) {
          sizes.bind(input, feed)
          tensors.set(input, this.upload(input.type, feed))
        } else if (!tensors.has(input)) {
          throw new Error(`the graph was run without its input "${input.name}"`)
        }
      }
      const replaced = update.map((name) => this.replacement(name))
      for (const step of this.planFor([...fetched, ...replaced.map(({ output }) => output)])) {
        this.take(step, tensors, sizes)
      }
      // Each reader of a value gets a tensor of its own, which share the memory.
      const handOver = (value: Value): Tensor => this.tf.keep(present(tensors, value).clone())
      return {
        results: fetched.map(handOver),
        next: replaced.map(({ input, output }) => ({ input, tensor: handOver(output) })),
      }
    } catch (cause) {
      throw runFailure('tensorflow', this.device, cause)
    } finally {
      engine.endScope()
    }
  }

  private take({ node, finished }: Step, tensors: Map<Value, Tensor>, sizes: RunSizes): void {
    const inputs = node.inputs.map((input) => present(tensors, input))
    const compute = operations[node.op]
    if (!compute) throw new Error(`there is no operation ${node.op}`)
    const computing = {
      tf: this.tf,
      node,
      inputs,
      sizesOf: (shape: readonly (number | string)[]) => sizes.of(shape),
      scalar: (value: number) => this.scalar(value),
    }
    const results = [this.tf.tidy(() => compute(computing))].flat()
    for (const [i, output] of node.outputs.entries()) {
      const result = results[i]
      if (result) tensors.set(output, result)
    }
    for (const value of finished) {
      tensors.get(value)?.dispose()
      tensors.delete(value)
    }
  }

  async dispose(): Promise<void> {
    this.releaseWeights()
    for (const { value } of this.graph.constants) this.lasting.get(value)?.dispose()
    for (const input of this.graph.inputs) this.lasting.get(input)?.dispose()
    for (const tensor of this.scalars.values()) tensor.dispose()
    this.lasting.clear()
    this.scalars.clear()
  }

  /** Several backends may live in one process, and tfjs computes on the one that was named last. */
  private activate(): void {
    if (this.tf.getBackend() !== this.device) void this.tf.setBackend(this.device)
  }

  private planFor(wanted: readonly Value[]): readonly Step[] {
    const key = wanted.map(({ name }) => name).join('\n')
    const known = this.plans.get(key)
    if (known) return known
    const lasting = new Set(this.lasting.keys())
    const plan = planSteps(this.graph, wanted, lasting)
    this.plans.set(key, plan)
    return plan
  }

  private scalar(value: number): Tensor {
    const known = this.scalars.get(value)
    if (known) return known
    const tensor = this.tf.keep(this.tf.scalar(value))
    this.scalars.set(value, tensor)
    return tensor
  }

  private upload(type: ElementType, { data, shape }: HostTensor): Tensor {
    const values = data instanceof BigInt64Array ? Int32Array.from(data, Number) : data
    return this.tf.tensor(values, [...shape], dataTypeOf(type))
  }

  private replace(input: Value, tensor: Tensor): void {
    this.lasting.get(input)?.dispose()
    this.lasting.set(input, tensor)
  }

  private stateInput(name: string): Value {
    const input = this.graph.inputs.find((candidate) => candidate.name === name)
    if (!input || !(name in this.stateOutputs)) throw new Error(`the graph keeps no state "${name}"`)
    return input
  }

  private replacement(name: string): { input: Value; output: Value } {
    const output = this.stateOutputs[name]
    const input = this.stateInput(name)
    if (output === undefined || !this.lasting.has(input)) {
      throw new Error(`state "${name}" was never set, or no run changes it`)
    }
    return { input, output: this.outputOf(output) }
  }

  private outputOf(name: string): Value {
    const value = this.graph.outputs.get(name)
    if (!value) throw new Error(`the graph has no output "${name}"`)
    return value
  }
}

async function download(type: ElementType, tensor: Tensor): Promise<HostTensor> {
  const values = await tensor.data()
  const data: TensorData =
    type === 'int64' && values instanceof Int32Array ? BigInt64Array.from(values, BigInt) : values.slice()
  return { data, shape: tensor.shape }
}

function present(tensors: ReadonlyMap<Value, Tensor>, value: Value): Tensor {
  const tensor = tensors.get(value)
  if (!tensor) throw new Error(`"${value.name}" was not computed`)
  return tensor
}
