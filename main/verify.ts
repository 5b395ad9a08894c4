import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

import { WorkbenchError } from '../preload/contract.ts'
import type { Engine, HostTensor, WeightFile } from './engines/engine.ts'
import { createOnnxRuntimeEngine } from './engines/onnxruntime.ts'
import { collate } from './data/batches.ts'
import { writeWeightFile } from './models/weights.ts'
import { encoderFeeds, targetFeeds } from './training/feeds.ts'
import { evaluationGraph, trainingGraph, type GraphOptions, type TunedGraph } from './training/graphs.ts'
import { partOf, type ParameterLayout } from './training/layout.ts'
import { optimizerFeeds } from './training/optimizer.ts'
import type { TunedModel } from './training/tuned-model.ts'
import { readGoldenCase, type GoldenCase } from './verify/golden-case.ts'

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

/**
 * Computes a golden case and compares every tensor of it: once with every hidden state computed, once with
 * the last layer computing only what the head reads, as a run does. A case of a method that there is not is
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
    for (const cutLastLayer of [false, true]) {
      await compareTraining(golden, engine, weights, { cutLastLayer, inspect: true }, comparison)
    }
    for (const { layers, logits } of golden.skipped) {
      const computed = await evaluate(golden, golden.skipping(layers), engine, weights)
      comparison.compare(`logits_skip_layers_${layers.join('_')}`, logits, computed)
    }
    return { case: golden.name, ...comparison.outcome(), engine: engine.name, device: engine.device }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function compareTraining(
  golden: GoldenCase,
  engine: Engine,
  weights: WeightFile,
  options: GraphOptions,
  comparison: Comparison,
): Promise<void> {
  const tuned = trainingGraph(golden.model, optimizer, options)
  comparison.sameNames('trained parameters', [...tuned.layout.entries.keys()], golden.trainable)
  const compiled = await engine.compile(tuned.graph, { weights, state: tuned.state })
  try {
    compiled.setState('parameters', parameterVector(golden, tuned.layout))
    compiled.setState('moment1', new Float32Array(tuned.layout.size))
    compiled.setState('moment2', new Float32Array(tuned.layout.size))
    const hidden = options.cutLastLayer
      ? []
      : [...tuned.graph.outputs.keys()].filter((name) => name.startsWith('hidden.'))
    const losses: number[] = []
    for (let step = 1; step <= recipe.steps; step++) {
      const fetch = step === 1 ? ['loss', 'logits', 'gradient', ...hidden] : ['loss']
      const outputs = await compiled.run(
        { ...feeds(golden), ...optimizerFeeds(step, recipe.learningRate, recipe.weightDecay, optimizer) },
        fetch,
      )
      losses.push(values(outputs, 'loss')[0] ?? Number.NaN)
      if (step === 1) compareFirstStep(golden, tuned, outputs, hidden, comparison)
    }
    const after = await compiled.state('parameters')
    const [loss, logits] = await evaluateWith(golden, golden.model, engine, weights, after, options)
    comparison.compare('after3.losses', golden.expected.get('after3.losses'), [...losses, ...loss])
    comparison.compare('after3.logits', golden.expected.get('after3.logits'), logits)
    for (const [name, entry] of tuned.layout.entries) {
      comparison.compare(
        `after3.param.${name}`,
        golden.expected.get(`after3.param.${name}`),
        partOf(after, entry),
      )
    }
  } finally {
    await compiled.dispose()
  }
}

function compareFirstStep(
  golden: GoldenCase,
  tuned: TunedGraph,
  outputs: Record<string, HostTensor>,
  hidden: readonly string[],
  comparison: Comparison,
): void {
  const { expected } = golden
  comparison.compare('loss', expected.get('loss'), values(outputs, 'loss'))
  comparison.compare('logits', expected.get('logits'), values(outputs, 'logits'))
  for (const name of hidden) {
    const key = name.replace('hidden.', 'hidden_states.')
    comparison.compare(key, expected.get(key), batchMajor(outputs[name]))
  }
  const gradient = values(outputs, 'gradient')
  for (const [name, entry] of tuned.layout.entries) {
    // A parameter that the loss does not depend on has no gradient in the reference.
    const reference = expected.get(`grad.${name}`) ?? new Float32Array(entry.size)
    comparison.compare(`grad.${name}`, reference, partOf(gradient, entry))
  }
}

async function evaluate(
  golden: GoldenCase,
  model: TunedModel,
  engine: Engine,
  weights: WeightFile,
): Promise<Float32Array> {
  const { layout } = evaluationGraph(model)
  const [, logits] = await evaluateWith(golden, model, engine, weights, parameterVector(golden, layout), {})
  return logits
}

async function evaluateWith(
  golden: GoldenCase,
  model: TunedModel,
  engine: Engine,
  weights: WeightFile,
  parameters: Float32Array,
  { cutLastLayer = true }: GraphOptions,
): Promise<[loss: Float32Array, logits: Float32Array]> {
  const tuned = evaluationGraph(model, { cutLastLayer })
  const compiled = await engine.compile(tuned.graph, { weights, state: tuned.state })
  try {
    compiled.setState('parameters', parameters)
    const outputs = await compiled.run(feeds(golden), ['loss', 'logits'])
    return [values(outputs, 'loss'), values(outputs, 'logits')]
  } finally {
    await compiled.dispose()
  }
}

/** The case's batch. Its mask is fed as given: it may be 0 in places where a batch of ours never is. */
function feeds({ inputs, model }: GoldenCase): Record<string, HostTensor> {
  const batch = collate(
    inputs.ids.map((ids, row) => ({ ids, typeIds: inputs.typeIds[row] ?? [] })),
    model.config.padTokenId,
  )
  return {
    ...encoderFeeds({ ...batch, mask: Float32Array.from(inputs.mask.flat()) }),
    ...targetFeeds(inputs.labels, model.tasks[0]?.labels ?? 0, inputs.labels.length),
  }
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

/** Collects differences. A case is right when every tensor is within tolerance and none of the reference is left over. */
class Comparison {
  private readonly maxAbs: Record<string, number> = {}
  private readonly problems = new Set<string>()
  private readonly golden: GoldenCase

  constructor(golden: GoldenCase) {
    this.golden = golden
  }

  compare(name: string, reference: ArrayLike<number> | undefined, computed: ArrayLike<number>): void {
    // Softmax does not see a shift of all keys, so this gradient is 0 but for rounding, which AdamW blows up.
    if (/^after3\.param\..*key\.bias$/.test(name)) return
    if (!reference) return void this.problems.add(`${name}: the case has no such tensor`)
    if (reference.length !== computed.length) {
      return void this.problems.add(`${name}: ${computed.length} values, the case has ${reference.length}`)
    }
    let largest = 0
    let scale = 0
    for (let i = 0; i < reference.length; i++) {
      const difference = Math.abs((reference[i] ?? 0) - (computed[i] ?? 0))
      if (!(difference <= largest)) largest = difference
      scale = Math.max(scale, Math.abs(reference[i] ?? 0))
    }
    this.maxAbs[name] = Math.max(this.maxAbs[name] ?? 0, largest)
    const tolerance = name.startsWith('after3.param.') ? 1e-4 : 1e-5 + 1e-5 * scale
    if (!(largest <= tolerance)) {
      this.problems.add(
        `${name}: differs by ${largest.toExponential(2)}, allowed ${tolerance.toExponential(2)}`,
      )
    }
  }

  sameNames(what: string, computed: readonly string[], reference: readonly string[]): void {
    const missing = reference.filter((name) => !computed.includes(name))
    // Parameters that the library calls trainable though nothing depends on them have no gradient to compare.
    const unexplained = missing.filter((name) => this.golden.expected.has(`grad.${name}`))
    const extra = computed.filter((name) => !reference.includes(name))
    if (unexplained.length > 0) this.problems.add(`${what}: lacks ${unexplained.join(', ')}`)
    if (extra.length > 0) this.problems.add(`${what}: ${extra.join(', ')} should be frozen`)
  }

  outcome(): { ok: boolean; maxAbs: Record<string, number>; problems: string[] } {
    for (const name of this.golden.expected.keys()) {
      const unchanged =
        name.startsWith('after3.param.') && !this.golden.expected.has(name.replace('after3.param.', 'grad.'))
      if (!(name in this.maxAbs) && !unchanged && !/^after3\.param\..*key\.bias$/.test(name)) {
        this.problems.add(`${name}: not computed`)
      }
    }
    const problems = [...this.problems]
    return { ok: problems.length === 0, maxAbs: this.maxAbs, problems }
  }
}
