import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

import { WorkbenchError } from '../preload/contract.ts'
import type { Situation } from './adapters/method.ts'
import type { Engine, HostTensor, WeightFile } from './engines/engine.ts'
import { openDevice } from './engines/devices.ts'
import { createOnnxRuntimeEngine } from './engines/onnxruntime.ts'
import { writeWeightFile } from './models/weights.ts'
import { evaluationGraph, trainingGraph, type GraphOptions, type TunedGraph } from './training/graphs.ts'
import { partOf, type ParameterLayout } from './training/layout.ts'
import { optimizerFeeds } from './training/optimizer.ts'
import type { TunedModel } from './training/tuned-model.ts'
import { Comparison } from './verify/comparison.ts'
import { readGoldenCase, type GoldenCase } from './verify/golden-case.ts'
import { compareConversions } from './verify/golden-conversions.ts'
import { goldenFeeds } from './verify/golden-feeds.ts'
import { stepOnStates } from './verify/golden-states.ts'

export interface VerifiedCase {
  case: string
  ok: boolean
  engine: string
  device: string
  /** Largest absolute difference from the reference, per tensor of the case. */
  maxAbs: Record<string, number>
  /** What is wrong, where something is. */
  problems: string[]
}

/** As the cases were made: three AdamW steps on one batch, without clipping. */
const recipe = { learningRate: 1e-3, weightDecay: 0.01, steps: 3 }
const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 0 }
/** Where the library does what runs do better. */
const asLibrary: GraphOptions = { gatesReadPadding: true }

/**
 * Computes a golden case and compares every tensor of it: once with every hidden state computed, once with
 * the last layer computing only what the head reads, as a run does, and the first step also on states of its frozen
 * part that were computed before it, as a run with a cache does (`cached.` before the tensors' names). A case of a method that there is not is
 * wrong, with that as its problem.
 *
 * @throws WorkbenchError `bad-input` for a folder that is no case
 */
export async function verifyCase(
  folder: string,
  engine: Engine = createOnnxRuntimeEngine(),
): Promise<VerifiedCase> {
  const golden = await readGoldenCase(folder).catch((error: unknown) => {
    if (error instanceof WorkbenchError && error.code === 'unsupported') return error
    throw error
  })
  if (golden instanceof WorkbenchError) {
    return {
      case: basename(folder),
      ok: false,
      engine: engine.name,
      device: engine.device,
      maxAbs: {},
      problems: [golden.message],
    }
  }
  const scratch = await mkdtemp(join(tmpdir(), 'workbench-verify-'))
  try {
    const weights = await writeWeightFile(
      {
        hash: golden.name,
        tensors: new Map(
          Array.from(golden.weights, ([name, { shape, data }]) => [
            name,
            { shape, read: async () => Float32Array.from(data) },
          ]),
        ),
      },
      scratch,
    )
    const comparison = new Comparison(golden)
    const work: Work = { golden, engine, weights, comparison }
    for (const cutLastLayer of [false, true]) {
      await compareTraining(work, { cutLastLayer, inspect: true, readings: readingsOf(golden.model) })
    }
    await compareCached(work, join(scratch, 'states'))
    await compareRegularised(work)
    await compareExtras(work)
    await compareConversions(golden, engine, comparison, (model, parameters) =>
      evaluateWith(work, model, parameters),
    )
    return { case: golden.name, ...comparison.outcome(), engine: engine.name, device: engine.device }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/**
 * The same on an engine and device by name.
 *
 * @throws WorkbenchError also where these cannot be had
 */
export async function verifyOn(folder: string, engine: string, device: string): Promise<VerifiedCase> {
  return verifyCase(folder, await openDevice({ engine, device }, 0))
}

/** A Parallel block's branches each have a head and see the same rows. */
function readingsOf({ tasks }: TunedModel): Situation[] {
  return tasks.map((_, task) => ({ task, variant: {} }))
}

/** A case that is being verified: where it is computed, and where the differences are collected. */
interface Work {
  golden: GoldenCase
  engine: Engine
  weights: WeightFile
  comparison: Comparison
}

async function compareTraining(work: Work, options: GraphOptions): Promise<void> {
  const { golden, comparison } = work
  const trained = await threeSteps(work, [golden.model], options)
  const { tuned, first } = trained
  comparison.sameNames('trained parameters', [...tuned.layout.entries.keys()], golden.trainable)
  compareFirstStep(work, tuned, first, options)
  await compareAfter(work, '', trained, options)
}

/**
 * The case's two ways of regularising a fusion's value matrix: as part of each step's loss, and as the library does
 * it, whose term is added behind the step and so is missing in the first.
 */
async function compareRegularised(work: Work): Promise<void> {
  const { golden, comparison } = work
  const { expected, model } = golden
  const regularised = golden.regularised(0.01)
  const options = { inspect: true }
  if (expected.has('reg_added.after3.logits')) {
    const trained = await threeSteps(work, [regularised], options)
    const { tuned, first } = trained
    const term = values(first, 'loss.fusionRegularisation').map((value) => 0.01 * value)
    comparison.compare('reg_added.reg_loss', term)
    comparison.compare('reg_added.loss_with_reg', values(first, 'loss'))
    const gradient = values(first, 'gradient')
    for (const [name, entry] of tuned.layout.entries) {
      const key = `reg_added.grad.${name}`
      if (expected.has(key)) comparison.compare(key, partOf(gradient, entry))
    }
    await compareAfter(work, 'reg_added.', trained)
  }
  if (expected.has('reg_trainer.after3.logits')) {
    const models = [model, regularised, regularised]
    await compareAfter(work, 'reg_trainer.', await threeSteps(work, models, options))
  }
}

interface ThreeSteps {
  tuned: TunedGraph
  /** Outputs of the first step. */
  first: Record<string, HostTensor>
  /** The tasks' loss before each step. */
  losses: number[]
  /** The parameters after the last. */
  after: Float32Array
}

/** @param models what each step trains; the last one serves the steps that are left */
async function threeSteps(
  { golden, engine, weights }: Work,
  models: readonly TunedModel[],
  options: GraphOptions,
): Promise<ThreeSteps> {
  let state: Record<'parameters' | 'moment1' | 'moment2', Float32Array> = {
    parameters: parameterVector(golden, golden.model.layout),
    moment1: new Float32Array(golden.model.layout.size),
    moment2: new Float32Array(golden.model.layout.size),
  }
  const losses: number[] = []
  let first: { tuned: TunedGraph; outputs: Record<string, HostTensor> } | undefined
  for (let step = 1; step <= recipe.steps; step++) {
    const tuned = trainingGraph(models[Math.min(step, models.length) - 1] ?? golden.model, optimizer, {
      ...options,
      ...asLibrary,
    })
    const compiled = await engine.compile(tuned.graph, { weights, state: tuned.state })
    try {
      for (const [name, data] of Object.entries(state)) compiled.setState(name, data)
      const outputs = await compiled.run(
        {
          ...goldenFeeds(golden, tuned, step - 1),
          ...optimizerFeeds(step, recipe.learningRate, recipe.weightDecay, optimizer),
        },
        [...tuned.graph.outputs.keys()].filter((name) => !name.startsWith('next.')),
      )
      losses.push(taskLoss(tuned, outputs))
      first ??= { tuned, outputs }
      state = {
        parameters: await compiled.state('parameters'),
        moment1: await compiled.state('moment1'),
        moment2: await compiled.state('moment2'),
      }
    } finally {
      await compiled.dispose()
    }
  }
  if (!first) throw new Error('no step was made')
  return { tuned: first.tuned, first: first.outputs, losses, after: state.parameters }
}

/** @param variant what the names of the case's tensors begin with */
async function compareAfter(
  work: Work,
  variant: string,
  { tuned, losses, after }: ThreeSteps,
  options?: GraphOptions,
): Promise<void> {
  const { golden, comparison } = work
  // The library lowers a fusion's temperature at every forward pass.
  const { loss, logits } = await evaluateWith(work, golden.model, after, options, losses.length)
  comparison.compare(`${variant}after3.losses`, [...losses, loss])
  comparison.compare(`${variant}after3.logits`, logits)
  for (const [name, entry] of tuned.layout.entries) {
    comparison.compare(`${variant}after3.param.${name}`, partOf(after, entry))
  }
}

function compareFirstStep(
  { golden, comparison }: Work,
  tuned: TunedGraph,
  outputs: Record<string, HostTensor>,
  { cutLastLayer }: GraphOptions,
): void {
  const { expected } = golden
  comparison.compare('loss', values(outputs, 'loss'))
  comparison.compare('logits', allLogits(golden.model, outputs))
  const severalTasks = golden.model.tasks.length > 1
  golden.model.tasks.forEach((_, task) => {
    if (!severalTasks) return
    const suffix = task === 0 ? '' : `.${task}`
    comparison.compare(`head.${task}.loss`, values(outputs, `taskLoss${suffix}`))
    comparison.compare(`head.${task}.logits`, values(outputs, `logits${suffix}`))
  })
  for (const name of tuned.graph.outputs.keys()) {
    // With the last layer cut, one position of its hidden state and its fusion's attention is left.
    if (cutLastLayer || severalTasks) continue
    if (/^hidden\.\d+$/.test(name)) {
      const key = name.replace('hidden.', 'hidden_states.')
      comparison.compare(key, batchMajor(outputs[name]))
    } else if (name.startsWith('revealed.fusion.')) {
      const [, , layer, place] = name.split('.')
      const location = place === 'attention' ? 'mh_adapter' : 'output_adapter'
      const key = [...expected.keys()].find(
        (key) => key.startsWith('fusion_attn.') && key.endsWith(`.layer.${layer}.${location}`),
      )
      if (key) comparison.compare(key, batchMajor(outputs[name]))
    }
  }
  compareGradient({ golden, comparison }, '', tuned.layout, values(outputs, 'gradient'))
}

/** @param prefix what is put before the names of what is compared */
function compareGradient(
  { golden: { expected }, comparison }: Pick<Work, 'golden' | 'comparison'>,
  prefix: string,
  layout: ParameterLayout,
  gradient: Float32Array,
): void {
  for (const [name, entry] of layout.entries) {
    // A parameter that the loss does not depend on has no gradient in the reference.
    const reference = expected.get(`grad.${name}`) ?? new Float32Array(entry.size)
    comparison.compare(`${prefix}grad.${name}`, partOf(gradient, entry), reference)
  }
}

/** The first step on states of the frozen part, where a run would keep them. */
async function compareCached(work: Work, folder: string): Promise<void> {
  const { golden, engine, weights, comparison } = work
  const { model, expected } = golden
  const tuned = trainingGraph(model, optimizer, { readings: readingsOf(model), ...asLibrary })
  const step = await stepOnStates(golden, tuned, { engine, weights, folder })
  if (!step) return
  const { graph, states } = step
  const compiled = await engine.compile(graph, { weights, state: tuned.state })
  try {
    compiled.setState('parameters', parameterVector(golden, model.layout))
    compiled.setState('moment1', new Float32Array(model.layout.size))
    compiled.setState('moment2', new Float32Array(model.layout.size))
    const outputs = await compiled.run(
      {
        ...goldenFeeds(golden, { graph, scheduled: tuned.scheduled }, 0),
        ...states,
        ...optimizerFeeds(1, recipe.learningRate, recipe.weightDecay, optimizer),
      },
      [...graph.outputs.keys()].filter((name) => !name.startsWith('next.')),
    )
    comparison.compare('cached.loss', values(outputs, 'loss'), expected.get('loss'))
    comparison.compare('cached.logits', allLogits(model, outputs), expected.get('logits'))
    // A run's step gives no gradient out; its first moment is a known share of it.
    const moment = await compiled.state('moment1')
    const gradient = moment.map((value) => value / (1 - optimizer.beta1))
    compareGradient(work, 'cached.', model.layout, gradient)
  } finally {
    await compiled.dispose()
  }
}

/** What the case has of other adapters or layers than those that were trained. */
async function compareExtras(work: Work): Promise<void> {
  const { golden, comparison } = work
  // The library computed these one after the other with one model, whose fusions' temperature went down.
  let passes = 0
  for (const key of golden.extras.keys()) {
    const adapter = /^logits_single_(.+)$/.exec(key)?.[1]
    const layers = /^logits_skip_layers_(\d+(?:_\d+)*)$/.exec(key)?.[1]
    if (adapter === undefined && layers === undefined) continue
    const model =
      adapter === undefined ? golden.skipping(layers?.split('_').map(Number) ?? []) : golden.single(adapter)
    const parameters = parameterVector(golden, model.layout)
    const { loss, logits } = await evaluateWith(work, model, parameters, {}, passes)
    comparison.compareExtra(key, logits)
    const lossKey = key.replace('logits', 'loss')
    if (golden.extras.has(lossKey)) comparison.compareExtra(lossKey, [loss])
    if (layers !== undefined) passes += 1
  }
}

async function evaluateWith(
  { golden, engine, weights }: Work,
  model: TunedModel,
  parameters: Float32Array,
  { cutLastLayer = true }: GraphOptions = {},
  step = 0,
): Promise<{ loss: number; logits: Float32Array }> {
  const tuned = evaluationGraph(model, { cutLastLayer, readings: readingsOf(model), ...asLibrary })
  const compiled = await engine.compile(tuned.graph, { weights, state: tuned.state })
  try {
    compiled.setState('parameters', parameters)
    const names = [...tuned.graph.outputs.keys()].filter((name) => /^(?:loss$|logits|taskLoss)/.test(name))
    const outputs = await compiled.run(goldenFeeds(golden, tuned, step), names)
    return { loss: taskLoss(tuned, outputs), logits: allLogits(model, outputs) }
  } finally {
    await compiled.dispose()
  }
}

/** The sum of the heads' losses, without what a method adds. */
function taskLoss({ graph }: TunedGraph, outputs: Record<string, HostTensor>): number {
  return [...graph.outputs.keys()]
    .filter((name) => name.startsWith('taskLoss'))
    .reduce((sum, name) => sum + (values(outputs, name)[0] ?? Number.NaN), 0)
}

/** The heads' logits one below the other, as the library stacks them. */
function allLogits({ tasks }: TunedModel, outputs: Record<string, HostTensor>): Float32Array {
  return Float32Array.from(
    tasks.flatMap((_, task) => Array.from(values(outputs, task === 0 ? 'logits' : `logits.${task}`))),
  )
}

function parameterVector({ weights, name: caseName }: GoldenCase, layout: ParameterLayout): Float32Array {
  const vector = new Float32Array(layout.size)
  for (const [name, entry] of layout.entries) {
    const weight = weights.get(name)
    if (!weight) throw new Error(`${caseName}: weights.safetensors lacks "${name}"`)
    vector.set(weight.data, entry.offset)
  }
  return vector
}

/** `[sequence, batch, hidden]` → `[batch, sequence, hidden]`, flat. */
function batchMajor(tensor: HostTensor | undefined): Float32Array {
  const [sequence = 0, batch = 0, hidden = 0] = tensor?.shape ?? []
  const result = new Float32Array(sequence * batch * hidden)
  for (let s = 0; s < sequence; s++) {
    for (let b = 0; b < batch; b++) {
      const from = (s * batch + b) * hidden
      const row = tensor?.data.slice(from, from + hidden)
      if (row instanceof Float32Array) result.set(row, (b * sequence + s) * hidden)
    }
  }
  return result
}

function values(outputs: Record<string, HostTensor>, name: string): Float32Array {
  const data = outputs[name]?.data
  if (!(data instanceof Float32Array)) throw new Error(`output "${name}" is missing`)
  return data
}
