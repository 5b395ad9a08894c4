import type { CacheUse, TrainingConfig } from '../../preload/contract.ts'
import type { Situation, StepDraw } from '../adapters/method.ts'
import type { TaskBatch } from '../data/batch-plan.ts'
import { collate } from '../data/batches.ts'
import { createRandom } from '../data/random.ts'
import type { CompiledGraph, CompileOptions, HostTensor } from '../engines/engine.ts'
import type { OptimizerVectors, Position, TrainedValues } from './checkpoint.ts'
import { pick, type Examples } from './examples.ts'
import { drawnFeeds, encoderFeeds, rowsOf, scheduledFeeds, targetFeeds } from './feeds.ts'
import { GraphCache } from './graph-cache.ts'
import { evaluationGraph, trainingGraph, type TunedGraph } from './graphs.ts'
import type { ParameterLayout } from './layout.ts'
import { afterStep, firstScaling, isExhausted, needsScaling, type LossScaling } from './loss-scale.ts'
import { optimizerFeeds, ownStepFeeds } from './optimizer.ts'
import { keptStepGraphs, packsWeights } from './packing.ts'
import { PrefixCache, type StateSource } from './prefix-cache.ts'
import type { Prepared } from './prepare.ts'

export interface StepResult {
  loss: number
  /** Before clipping. */
  gradientNorm: number
  /** What the method adds to the loss, unweighted, by name; undefined where it adds nothing. */
  added: { taskLoss: number; losses: Record<string, number> } | undefined
  /** Revealed values that the method counts over an epoch, summed over the batch. */
  tallied: Record<string, number[]>
  /** Seconds of the step itself: not of preparing a graph that it is the first to need. */
  seconds: number
  /** The loss's scale in this step, where it is scaled. */
  lossScale: number | undefined
  /** Nothing was learned, since the gradient was not finite at this scale; the next step has a smaller one. */
  skipped: boolean
}

/** A compiled graph with its parameters set, and the inputs that are the same for every batch. */
export interface ReadyGraph {
  tuned: TunedGraph
  compiled: CompiledGraph
  feeds: Record<string, HostTensor>
  /** Where it takes states of a batch's texts from, if it reads any. */
  states?: StateSource
}

interface Compiled {
  tuned: TunedGraph
  compiled: CompiledGraph
  /** It reads states in place of computing them. */
  onStates: boolean
}

/** Where states of the frozen part are kept. */
export interface StateKeeping {
  folder: string
  /** Bytes of all files in the folder. */
  budget: number
  log(text: string): void
}

/** Evaluation graphs kept: one for every task, or a few more. */
const fewestEvaluationGraphs = 4

/** A run's compiled graphs and the state that they train: owns their sessions, so `dispose` it. */
export class Tuning {
  readonly layout: ParameterLayout
  private readonly steps: GraphCache<Compiled>
  private readonly evaluations: GraphCache<Compiled>
  private readonly prepared: Prepared
  private readonly config: TrainingConfig
  /** Whether steps differ in what they train. */
  private readonly varies: boolean
  /** Steps in which each entry of the layout was trained, where steps differ in that. */
  private ownSteps: number[] = []
  /** The graph that holds the state, and the state as long as none does. */
  private holder: { key: string; compiled: CompiledGraph } | undefined
  private begun: OptimizerVectors | undefined
  /** Whether gradients run through half precision, so that the loss is scaled. */
  private readonly scales: boolean
  private scaling: LossScaling | undefined
  /** What is computed once for each text, where anything is. */
  private readonly prefix: PrefixCache | undefined

  /** @param keeping left out: every step computes all that it needs */
  constructor(prepared: Prepared, config: TrainingConfig, keeping?: StateKeeping) {
    this.prepared = prepared
    this.config = config
    this.layout = prepared.model.layout
    this.steps = new GraphCache(keptStepGraphs(prepared.engine, prepared.backbone.parameters))
    this.evaluations = new GraphCache(Math.max(fewestEvaluationGraphs, prepared.model.tasks.length))
    this.varies = prepared.model.tasks.length > 1 || prepared.model.method.draw !== undefined
    const { half } = prepared
    const widest = { task: 0, variant: prepared.model.method.widest ?? {} }
    const graph =
      keeping || half?.compute
        ? trainingGraph(prepared.model, config, { readings: [widest] }).graph
        : undefined
    this.scales = graph !== undefined && half !== undefined && needsScaling(graph, half)
    this.prefix =
      graph &&
      keeping &&
      PrefixCache.of(graph, {
        ...keeping,
        engine: prepared.engine,
        backboneHash: prepared.backbone.hash,
        weights: this.frozenWeights,
        padId: prepared.tokenizer.padTokenId,
        maximumLength: config.maximumLength,
      })
  }

  /** Whether evaluations of the whole method read what is kept; steps that leave parts out may alone. */
  get evaluatesOnStates(): boolean {
    return this.prefix?.apply(evaluationGraph(this.prepared.model).graph) !== undefined
  }

  /** What states of the frozen part save, and take for these examples; undefined where none are kept. */
  cacheUse(examples: readonly Examples[]): CacheUse | undefined {
    return this.prefix && { bytes: this.prefix.bytesOf(examples), savedShare: this.prefix.savedShare }
  }

  /** Computes the states of these examples, unless that was done. @param breathe called after each batch */
  async keepStates(examples: Examples, breathe: () => Promise<void>): Promise<void> {
    await this.prefix?.ensure(examples, breathe)
  }

  /** @param position as it stood where the training goes on; left out: it begins */
  start(
    vectors: OptimizerVectors,
    { parameterSteps = [], lossScaling }: Partial<Pick<Position, 'parameterSteps' | 'lossScaling'>> = {},
  ): void {
    this.begun = vectors
    this.holder = undefined
    this.scaling = lossScaling ?? (this.scales ? firstScaling : undefined)
    this.ownSteps = this.varies
      ? Array.from({ length: this.layout.entries.size }, (_, entry) => parameterSteps[entry] ?? 0)
      : []
  }

  /** Steps in which each parameter was trained, in the layout's order; empty where all are in every step. */
  get parameterSteps(): readonly number[] {
    return this.ownSteps
  }

  /** How the loss is scaled, or was before the run came to a device where it is not. */
  get lossScaling(): LossScaling | undefined {
    return this.scaling
  }

  async vectors(): Promise<OptimizerVectors> {
    if (this.holder) {
      const { compiled } = this.holder
      return {
        parameters: await compiled.state('parameters'),
        moment1: await compiled.state('moment1'),
        moment2: await compiled.state('moment2'),
      }
    }
    if (!this.begun) throw new Error('the training was not started')
    return this.begun
  }

  /**
   * One optimizer step on a batch, in as many micro-batches as it takes.
   *
   * @param number the step's, from 1
   * @param examples those of the batch's task
   */
  async train(
    number: number,
    learningRate: number,
    examples: Examples,
    { task, indices }: TaskBatch,
  ): Promise<StepResult> {
    const { model, tokenizer } = this.prepared
    const draw = this.draw(number, indices.length)
    const graph = await this.stepGraph({ task, variant: draw.variant })
    const { tuned, compiled, onStates } = graph
    const tallied = model.method.tally?.revealed.filter((name) => tuned.revealed.includes(name)) ?? []
    const losses = tuned.addedLosses
    const fetch = [
      'loss',
      ...(losses.length > 0 ? ['taskLoss', ...losses.map((name) => `loss.${name}`)] : []),
      ...tallied.map((name) => `revealed.${name}`),
    ]
    const sums = new Map<string, number[]>()
    const began = performance.now()
    const size = this.config.microBatchSize ?? indices.length
    const scaling = this.scales ? this.scaling : undefined
    // A step that was left out is none of the optimizer's.
    const optimizer = this.optimizerFeeds(number - (this.scaling?.skipped ?? 0), learningRate, tuned)
    for (let start = 0, micro = 0; ; start += size, micro++) {
      const batch = pick(examples, indices.subarray(start, start + size))
      const collated = collate(batch.examples, tokenizer.padTokenId)
      const last = start + size >= indices.length
      const outputs = await compiled.run(
        {
          ...encoderFeeds(collated),
          ...(onStates ? await this.prefix?.feeds(batch.examples, collated) : {}),
          ...targetFeeds(batch.classes, model.tasks[task]?.labels ?? 0, indices.length),
          ...drawnFeeds(tuned.drawn, {
            seed: this.config.seed,
            step: number,
            micro,
            batch: collated.batch,
            sequence: collated.sequence,
          }),
          ...rowsOf(draw.feeds ?? {}, start, collated.batch),
          ...scheduledFeeds(tuned.scheduled, number - 1),
          ...optimizer,
          ...(scaling ? { lossScale: { data: Float32Array.of(scaling.scale), shape: [] } } : {}),
          ...(accumulates(this.config)
            ? { keepGradient: { data: Float32Array.of(start === 0 ? 0 : 1), shape: [] } }
            : {}),
        },
        last ? [...fetch, 'gradientNorm'] : fetch,
        last ? undefined : ['gradients'],
        last && scaling ? 'gradientNorm' : undefined,
      )
      for (const name of fetch) addTo(sums, name, outputs[name])
      if (!last) continue
      const seconds = (performance.now() - began) / 1000
      const one = (name: string): number => sums.get(name)?.[0] ?? Number.NaN
      const gradientNorm = Number(outputs['gradientNorm']?.data[0])
      const next = scaling && afterStep(scaling, Number.isFinite(gradientNorm))
      const skipped = next !== undefined && next.skipped > (scaling?.skipped ?? 0)
      if (next) this.scaling = next
      if (skipped) this.forgetStep(graph)
      return {
        loss: one('loss'),
        gradientNorm,
        lossScale: scaling?.scale,
        skipped: skipped && !isExhausted(next),
        added:
          losses.length > 0
            ? {
                taskLoss: one('taskLoss'),
                losses: Object.fromEntries(losses.map((name) => [name, one(`loss.${name}`)])),
              }
            : undefined,
        tallied: Object.fromEntries(tallied.map((name) => [name, sums.get(`revealed.${name}`) ?? []])),
        seconds,
      }
    }
  }

  /**
   * The graph that reads these situations from one batch, with these parameters. It is good until the next is asked
   * for.
   *
   * @param whole whether it computes all that it needs instead of reading what is kept of a text
   * @param contributions whether it reveals what each part of a united method changes in every layer
   */
  async evaluation(
    readings: readonly Situation[],
    values: TrainedValues,
    { whole = true, contributions = false }: { whole?: boolean; contributions?: boolean } = {},
  ): Promise<ReadyGraph> {
    const { engine, model } = this.prepared
    const key = JSON.stringify([readings, whole, contributions])
    const { tuned, compiled, onStates } = await this.evaluations.get(key, async () => {
      const options = { readings, ...(contributions ? { contributions, cutLastLayer: false } : {}) }
      const { tuned: plain, onStates: reads } = this.onStates(evaluationGraph(model, options), whole)
      // Evaluation runs seldom: it reads the weights where they lie instead of keeping them once more.
      const compiling = { ...this.frozenWeights, state: plain.state, prepack: false }
      return { tuned: plain, compiled: await engine.compile(plain.graph, compiling), onStates: reads }
    })
    compiled.setState('parameters', values.parameters)
    return {
      tuned,
      compiled,
      feeds: scheduledFeeds(tuned.scheduled, values.step),
      ...(onStates && this.prefix ? { states: this.prefix } : {}),
    }
  }

  async dispose(): Promise<void> {
    this.holder = undefined
    await this.steps.dispose()
    await this.evaluations.dispose()
    await this.prefix?.dispose()
  }

  /** The graph as it reads what is kept, where it can. */
  private onStates(tuned: TunedGraph, whole = false): { tuned: TunedGraph; onStates: boolean } {
    const upper = whole ? undefined : this.prefix?.apply(tuned.graph)
    return { tuned: upper ? { ...tuned, graph: upper } : tuned, onStates: upper !== undefined }
  }

  private get frozenWeights(): Pick<CompileOptions, 'weights' | 'quantised' | 'half'> {
    const { weights, quantised, half } = this.prepared
    return { weights, ...(quantised ? { quantised } : {}), ...(half ? { half } : {}) }
  }

  /** Undoes what a step that was left out has counted and added up. */
  private forgetStep({ tuned: { reached }, compiled }: Compiled): void {
    let entry = 0
    for (const name of this.varies ? this.layout.entries.keys() : []) {
      if (reached.has(name)) this.ownSteps[entry] = (this.ownSteps[entry] ?? 0) - 1
      entry += 1
    }
    if (accumulates(this.config)) compiled.setState('gradients', new Float32Array(this.layout.size))
  }

  private optimizerFeeds(
    step: number,
    learningRate: number,
    { reached }: TunedGraph,
  ): Record<string, HostTensor> {
    const { weightDecay } = this.config
    if (!this.varies) return optimizerFeeds(step, learningRate, weightDecay, this.config)
    let entry = 0
    for (const name of this.layout.entries.keys()) {
      if (reached.has(name)) this.ownSteps[entry] = (this.ownSteps[entry] ?? 0) + 1
      entry += 1
    }
    return ownStepFeeds(this.layout, this.ownSteps, learningRate, weightDecay, this.config)
  }

  /** The method's choices for a step, which do not depend on what was drawn before. */
  private draw(step: number, batch: number): StepDraw {
    const uniform = (purpose: string, count: number): Float32Array => {
      const numbers = new Float32Array(count)
      createRandom(this.config.seed, 'method', purpose, step).fillUniform(numbers)
      return numbers
    }
    return this.prepared.model.method.draw?.(uniform, batch) ?? { variant: {} }
  }

  private packs(): boolean {
    const { engine, model, backbone } = this.prepared
    const { tasks, method, config } = model
    // A drawn variant is in most cases a number of layers.
    const variants = tasks.length * (method.draw === undefined ? 1 : config.layers + 1)
    const kept = Math.min(variants, keptStepGraphs(engine, backbone.parameters))
    return packsWeights(config, kept, this.config.backbonePrecision)
  }

  /** The training graph of a situation, holding the state. */
  private async stepGraph(situation: Situation): Promise<Compiled> {
    const { engine, model } = this.prepared
    const key = JSON.stringify(situation)
    const moved = this.holder?.key === key ? undefined : await this.vectors()
    const graph = await this.steps.get(key, async () => {
      const whole = trainingGraph(model, this.config, {
        accumulate: accumulates(this.config),
        readings: [situation],
        ownSteps: this.varies,
        scaleLoss: this.scales,
      })
      const { tuned, onStates } = this.onStates(whole)
      const options = { ...this.frozenWeights, state: tuned.state, prepack: this.packs() }
      return { tuned, compiled: await engine.compile(tuned.graph, options), onStates }
    })
    if (moved) {
      graph.compiled.setState('parameters', moved.parameters)
      graph.compiled.setState('moment1', moved.moment1)
      graph.compiled.setState('moment2', moved.moment2)
      if (accumulates(this.config)) {
        graph.compiled.setState('gradients', new Float32Array(this.layout.size))
      }
    }
    this.holder = { key, compiled: graph.compiled }
    this.begun = undefined
    return graph
  }
}

function addTo(sums: Map<string, number[]>, name: string, tensor: HostTensor | undefined): void {
  const values = Array.from(tensor?.data ?? [], Number)
  const known = sums.get(name)
  sums.set(name, known ? known.map((sum, i) => sum + (values[i] ?? 0)) : values)
}

function accumulates({ microBatchSize, batchSize, batchTokens }: TrainingConfig): boolean {
  return microBatchSize !== undefined && (batchTokens !== undefined || microBatchSize < batchSize)
}
