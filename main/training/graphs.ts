import type { Head } from '../adapters/head.ts'
import type { PreparedMethod } from '../adapters/method.ts'
import {
  add,
  concatenate,
  Graph,
  gradients,
  logSoftmax,
  multiply,
  negate,
  reduceSum,
  reshape,
  slice,
  type Shape,
  type Value,
} from '../graph/index.ts'
import { encode, encoderInputs } from '../models/bert.ts'
import type { BackboneConfig } from '../models/config.ts'
import type { Build } from '../models/sites.ts'
import { layOut, type ParameterLayout } from './layout.ts'
import { adamW, optimizerState, type OptimizerSettings } from './optimizer.ts'

/** A backbone with a method and a head: what a run tunes. */
export interface TunedModel {
  config: BackboneConfig
  method: PreparedMethod
  head: Head
  labels: number
}

/** An input of random zeros and scaled ones that each training step is given. */
export interface DropoutInput {
  name: string
  site: string
  rate: number
  shape: Shape
}

export interface TunedGraph {
  graph: Graph
  /** The trained parameters, in the order of the state vector `parameters`. */
  layout: ParameterLayout
  dropouts: readonly DropoutInput[]
  /** State inputs and what replaces them (engines/engine.ts). */
  state: Readonly<Record<string, string | undefined>>
}

export interface GraphOptions {
  /** The last layer computes only what the head reads. Exact; off to see every hidden state. */
  cutLastLayer?: boolean
  /** Outputs `hidden.<i>` and, in a training graph, the flat `gradient`, for looking inside. */
  inspect?: boolean
}

export interface TrainingGraphOptions extends GraphOptions {
  /** Gradients of several runs are added up (`keepGradient` 0 starts anew) and all of them applied by the last. */
  accumulate?: boolean
}

/** Outputs `logits [batch, labels]` and `loss [1]`. */
export function evaluationGraph(model: TunedModel, options: GraphOptions = {}): TunedGraph {
  const { graph, layout, dropouts } = forward(model, options, false)
  return { graph, layout, dropouts, state: { parameters: undefined } }
}

/**
 * One training step as one graph: forward, backward, clipping and AdamW. Outputs `loss [1]` and
 * `gradientNorm [1]`; the state moves on by itself.
 */
export function trainingGraph(
  model: TunedModel,
  optimizer: OptimizerSettings,
  options: TrainingGraphOptions = {},
): TunedGraph {
  const { graph, layout, dropouts, loss, parameters, trained } = forward(model, options, true)
  const order = [...layout.entries.values()]
  const values = order.map(({ name }) => trained.get(name))
  const used = values.filter((value) => value !== undefined)
  const found = new Map(gradients(loss, used).map((gradient, i) => [used[i], gradient]))
  const flat = values.map((value, i) => {
    const gradient = value && found.get(value)
    const size = order[i]?.size ?? 0
    return gradient ? reshape(gradient, [size]) : graph.constant(new Float32Array(size), [size])
  })
  let gradient = concatenate(flat, 0)
  let state: Record<string, string | undefined> = optimizerState
  if (options.accumulate) {
    const earlier = graph.input('gradients', 'float32', gradient.shape)
    gradient = add(gradient, multiply(earlier, graph.input('keepGradient', 'float32', [])))
    graph.output('next.gradients', gradient)
    state = { ...state, gradients: 'next.gradients' }
  }
  if (options.inspect) graph.output('gradient', gradient)
  graph.output('gradientNorm', adamW(graph, parameters, gradient, optimizer))
  return { graph, layout, dropouts, state }
}

interface Forward {
  graph: Graph
  layout: ParameterLayout
  dropouts: DropoutInput[]
  loss: Value
  /** The state vector. */
  parameters: Value
  /** Each trained parameter that the model uses, as cut out of the vector. */
  trained: ReadonlyMap<string, Value>
}

function forward(
  model: TunedModel,
  { cutLastLayer = true, inspect = false }: GraphOptions,
  training: boolean,
): Forward {
  const graph = new Graph()
  const { config, method, head, labels } = model
  const layout = layOut([...method.parameters, ...head.parameters])
  const parameters = graph.input('parameters', 'float32', [layout.size])
  const trained = new Map<string, Value>()
  const dropouts: DropoutInput[] = []
  const build: Build = {
    parameter(name, shape) {
      const entry = layout.entries.get(name)
      if (!entry) return graph.weight(name, shape)
      const known = trained.get(name)
      if (known) return known
      const value = reshape(slice(parameters, 0, entry.offset, entry.offset + entry.size), shape)
      trained.set(name, value)
      return value
    },
    dropout(x, rate, site) {
      if (!training || rate === 0) return x
      const name = `dropout:${site}`
      dropouts.push({ name, site, rate, shape: x.shape })
      return multiply(x, graph.input(name, 'float32', x.shape))
    },
  }

  const inputs = encoderInputs(graph)
  const states = encode(build, config, inputs, {
    sites: method.sites(build),
    firstOnly: head.firstOnly && cutLastLayer,
  })
  const last = states.at(-1)
  if (last === undefined) throw new Error('a backbone without layers')
  if (inspect) states.forEach((state, i) => graph.output(`hidden.${i}`, state))
  const logits = head.logits(build, last, inputs.mask)
  const loss = crossEntropy(graph, logits, labels)
  graph.output('logits', logits)
  graph.output('loss', loss)
  return { graph, layout, dropouts, loss, parameters, trained }
}

/**
 * Cross-entropy against `targets [batch, labels]` (one-hot), each row weighted by `rowWeights [batch]`: with
 * 1/batch it is the mean, and micro-batches of one batch add up to its mean.
 */
function crossEntropy(graph: Graph, logits: Value, labels: number): Value {
  const targets = graph.input('targets', 'float32', ['batch', labels])
  const rowWeights = graph.input('rowWeights', 'float32', ['batch'])
  const likelihood = reduceSum(multiply(targets, logSoftmax(logits)), [1])
  return negate(reduceSum(multiply(likelihood, rowWeights), [0], true))
}
