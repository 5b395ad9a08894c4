import { wholeMethod, type Situation } from '../adapters/method.ts'
import {
  add,
  concatenate,
  divide,
  Graph,
  gradients,
  logSoftmax,
  multiply,
  negate,
  reduceSum,
  reshape,
  sameShape,
  slice,
  type Shape,
  type Value,
} from '../graph/index.ts'
import { architectureOf, encoderInputs } from '../models/architecture.ts'
import type { Build, Draw } from '../models/sites.ts'
import { revealContributions } from './contribution-graph.ts'
import { segmentsOf, type ParameterLayout } from './layout.ts'
import { adamW, optimizerState, type OptimizerSettings } from './optimizer.ts'
import type { TunedModel } from './tuned-model.ts'

/** An input that each training step fills anew. */
export interface DrawnInput {
  name: string
  draw: Draw
  shape: Shape
}

/** An input that follows the step. */
export interface ScheduledInput {
  name: string
  /** Its value after so many steps. */
  at: (step: number) => number
}

export interface TunedGraph {
  graph: Graph
  /** The trained parameters, in the order of the state vector `parameters`. */
  layout: ParameterLayout
  drawn: readonly DrawnInput[]
  scheduled: readonly ScheduledInput[]
  /** Additions to the loss, each with an output `loss.<name>` that holds its unweighted value. */
  addedLosses: readonly string[]
  /** Values that the method let be seen, each with an output `revealed.<name>`. */
  revealed: readonly string[]
  /** Names of the trained parameters that the loss depends on; of an evaluation graph none. */
  reached: ReadonlySet<string>
  /** State inputs and what replaces them (engines/engine.ts). */
  state: Readonly<Record<string, string | undefined>>
}

export interface GraphOptions {
  /**
   * What is read from one batch: by default the whole method and the first task. Several readings share what they
   * have in common. Reading 0 has the input `targets` and the output `logits`; reading i adds `.i` to the names, also
   * to those of revealed values.
   */
  readings?: readonly Situation[]
  /** The last layer computes only what the head reads. Exact; off to see every hidden state. */
  cutLastLayer?: boolean
  /** Outputs `hidden.<i>` and, in a training graph, the flat `gradient`, for looking inside. */
  inspect?: boolean
  /** Gates take padding for tokens: the adapters library's way, for comparing with it. */
  gatesReadPadding?: boolean
  /** Reveals what each part of a united method changes in each layer (`revealContributions`). */
  contributions?: boolean
}

export interface TrainingGraphOptions extends GraphOptions {
  /** Gradients of several runs are added up (`keepGradient` 0 starts anew) and all of them applied by the last. */
  accumulate?: boolean
  /** Each parameter counts its own steps (`ownStepFeeds`), for runs in which not every step trains all of them. */
  ownSteps?: boolean
  /** The backward pass begins with the loss times the input `lossScale`; gradients are divided by it in the end. */
  scaleLoss?: boolean
}

/**
 * Outputs for each reading `logits [batch, labels]` and `taskLoss [1]`, and the `loss [1]` of all with the
 * method's additions.
 */
export function evaluationGraph(model: TunedModel, options: GraphOptions = {}): TunedGraph {
  return { ...forward(model, options, false).tuned, reached: new Set(), state: { parameters: undefined } }
}

/**
 * One training step as one graph: forward, backward, clipping and AdamW. Outputs as an evaluation graph, and
 * `gradientNorm [1]`; the state moves on by itself. Parameters that the loss does not depend on stay as they are,
 * without decay, as in PyTorch.
 */
export function trainingGraph(
  model: TunedModel,
  optimizer: OptimizerSettings,
  options: TrainingGraphOptions = {},
): TunedGraph {
  const { parameters, trained, loss, tuned } = forward(model, options, true)
  const { graph, layout } = tuned
  const order = [...layout.entries.values()]
  const values = order.map(({ name }) => trained.get(name))
  const used = values.filter((value) => value !== undefined)
  const scale = options.scaleLoss ? graph.input('lossScale', 'float32', []) : undefined
  const scaled = scale ? multiply(loss, scale) : loss
  const found = new Map(gradients(scaled, used).map((gradient, i) => [used[i], gradient]))
  const reached = new Set<string>()
  const flat = values.map((value, i) => {
    const gradient = value && found.get(value)
    const { size = 0, name = '' } = order[i] ?? {}
    if (gradient) reached.add(name)
    return gradient ? reshape(gradient, [size]) : graph.constant(new Float32Array(size), [size])
  })
  let gradient = concatenate(flat, 0)
  if (scale) gradient = divide(gradient, scale)
  let state: Record<string, string | undefined> = optimizerState
  if (options.accumulate) {
    const earlier = graph.input('gradients', 'float32', gradient.shape)
    gradient = add(gradient, multiply(earlier, graph.input('keepGradient', 'float32', [])))
    graph.output('next.gradients', gradient)
    state = { ...state, gradients: 'next.gradients' }
  }
  if (options.inspect) graph.output('gradient', gradient)
  const norm = adamW(graph, parameters, gradient, optimizer, segmentsOf(order, reached), options.ownSteps)
  graph.output('gradientNorm', norm)
  return { ...tuned, reached, state }
}

interface Forward {
  tuned: Omit<TunedGraph, 'state' | 'reached'>
  loss: Value
  /** The state vector. */
  parameters: Value
  /** Each trained parameter that the model uses, as cut out of the vector. */
  trained: ReadonlyMap<string, Value>
}

function forward(
  model: TunedModel,
  {
    readings = [wholeMethod],
    cutLastLayer = true,
    inspect = false,
    gatesReadPadding = false,
    contributions = false,
  }: GraphOptions,
  training: boolean,
): Forward {
  const graph = new Graph()
  const inputs = encoderInputs(graph)
  const { config, method, tasks, layout } = model
  const architecture = architectureOf(config)
  const parameters = graph.input('parameters', 'float32', [layout.size])
  const rowWeights = graph.input('rowWeights', 'float32', ['batch'])
  const parts = new Map<string, Value>()
  const trained = new Map<string, Value>()
  const drawn = new Map<string, DrawnInput & { value: Value }>()
  const scheduled = new Map<string, ScheduledInput & { value: Value }>()
  const given = new Map<string, Value>()
  const added = new Map<string, { value: Value; weighted: Value }>()
  const revealed: string[] = []
  let suffix = ''
  const build: Build = {
    graph,
    training,
    tokenMask: inputs.mask,
    gatesReadPadding,
    parameter(name, shape) {
      const known = parts.get(name)
      if (known) return known
      const entry = layout.entries.get(name)
      const constant = model.constants.get(name)
      let value: Value
      if (entry) {
        value = reshape(slice(parameters, 0, entry.offset, entry.offset + entry.size), shape)
        trained.set(name, value)
      } else value = constant ? graph.constant(constant.data, shape) : graph.weight(name, shape)
      parts.set(name, value)
      return value
    },
    dropout(x, rate, site) {
      if (!training || rate === 0) return x
      return multiply(x, build.draw(`dropout:${site}`, x.shape, { kind: 'dropout', rate }))
    },
    draw(name, shape, draw) {
      const known = drawn.get(name)
      if (known) return known.value
      const value = graph.input(name, 'float32', shape)
      drawn.set(name, { name, draw, shape, value })
      return value
    },
    given(name, shape) {
      const value = given.get(name) ?? graph.input(name, 'float32', shape)
      given.set(name, value)
      return value
    },
    scheduled(name, at) {
      const known = scheduled.get(name)
      if (known) return known.value
      const value = graph.input(name, 'float32', [])
      scheduled.set(name, { name, at, value })
      return value
    },
    reveal(name, value) {
      revealed.push(`${name}${suffix}`)
      graph.output(`revealed.${name}${suffix}`, value)
    },
    loss(name, value, weight) {
      if (!training) return
      const mean = sameShape(value.shape, ['batch'])
        ? reduceSum(multiply(value, rowWeights), [0], true)
        : multiply(reshape(value, [1]), reduceSum(rowWeights, [0], true))
      const known = added.get(name)
      added.set(name, {
        value: known ? add(known.value, mean) : mean,
        weighted: known ? add(known.weighted, multiply(mean, weight)) : multiply(mean, weight),
      })
    },
  }

  let loss: Value | undefined
  readings.forEach((situation, i) => {
    suffix = i === 0 ? '' : `.${i}`
    const task = tasks[situation.task]
    if (!task) throw new Error(`there is no task ${situation.task}`)
    const { head, labels } = task
    const states = architecture.encode(build, config, inputs, {
      sites: method.sites(build, situation),
      ...(cutLastLayer && head.only ? { only: head.only } : {}),
      ...(contributions ? { onLayer: revealContributions(build, method, situation) } : {}),
    })
    const last = states.at(-1)
    if (last === undefined) throw new Error('a backbone without layers')
    if (inspect) states.forEach((state, layer) => graph.output(`hidden.${layer}${suffix}`, state))
    const logits = head.logits(build, last, inputs)
    const taskLoss = crossEntropy(
      logits,
      graph.input(`targets${suffix}`, 'float32', ['batch', labels]),
      rowWeights,
    )
    graph.output(`logits${suffix}`, logits)
    graph.output(`taskLoss${suffix}`, taskLoss)
    loss = loss ? add(loss, taskLoss) : taskLoss
  })
  for (const [name, { value, weighted }] of added) {
    graph.output(`loss.${name}`, value)
    loss = loss && add(loss, weighted)
  }
  if (!loss) throw new Error('a graph without a reading')
  graph.output('loss', loss)
  const tuned = {
    graph,
    layout,
    drawn: [...drawn.values()],
    scheduled: [...scheduled.values()],
    addedLosses: [...added.keys()],
    revealed,
  }
  return { tuned, loss, parameters, trained }
}

/**
 * Cross-entropy against `targets [batch, labels]` (one-hot), each row weighted by `rowWeights [batch]`: with
 * 1/batch it is the mean, and micro-batches of one batch add up to its mean.
 */
function crossEntropy(logits: Value, targets: Value, rowWeights: Value): Value {
  const likelihood = reduceSum(multiply(targets, logSoftmax(logits)), [1])
  return negate(reduceSum(multiply(likelihood, rowWeights), [0], true))
}
