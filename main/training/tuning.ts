import type { TrainingConfig } from '../../preload/contract.ts'
import { collate } from '../data/batches.ts'
import type { CompiledGraph } from '../engines/engine.ts'
import type { OptimizerVectors } from './checkpoint.ts'
import { pick, type Examples } from './examples.ts'
import { drawnFeeds, encoderFeeds, targetFeeds } from './feeds.ts'
import { evaluationGraph, trainingGraph, type TunedGraph } from './graphs.ts'
import type { ParameterLayout } from './layout.ts'
import { optimizerFeeds } from './optimizer.ts'
import type { Prepared } from './prepare.ts'

export interface StepResult {
  loss: number
  /** Before clipping. */
  gradientNorm: number
}

/** A run's compiled graphs and the state that they train: owns both sessions, so `dispose` it. */
export class Tuning {
  readonly layout: ParameterLayout
  private readonly step: CompiledGraph
  private readonly evaluation: CompiledGraph
  private readonly tuned: TunedGraph
  private readonly prepared: Prepared
  private readonly config: TrainingConfig

  private constructor(
    prepared: Prepared,
    config: TrainingConfig,
    tuned: TunedGraph,
    step: CompiledGraph,
    evaluation: CompiledGraph,
  ) {
    this.prepared = prepared
    this.config = config
    this.tuned = tuned
    this.layout = tuned.layout
    this.step = step
    this.evaluation = evaluation
  }

  static async compile(prepared: Prepared, config: TrainingConfig): Promise<Tuning> {
    const { engine, model, weights } = prepared
    const tuned = trainingGraph(model, config, { accumulate: accumulates(config) })
    const step = await engine.compile(tuned.graph, { weights, state: tuned.state })
    // Evaluation runs seldom: it reads the weights where they lie instead of keeping them once more.
    const plain = evaluationGraph(model)
    const evaluation = await engine.compile(plain.graph, { weights, state: plain.state, prepack: false })
    return new Tuning(prepared, config, tuned, step, evaluation)
  }

  start({ parameters, moment1, moment2 }: OptimizerVectors): void {
    this.step.setState('parameters', parameters)
    this.step.setState('moment1', moment1)
    this.step.setState('moment2', moment2)
    if (accumulates(this.config)) this.step.setState('gradients', new Float32Array(this.layout.size))
  }

  async vectors(): Promise<OptimizerVectors> {
    return {
      parameters: await this.step.state('parameters'),
      moment1: await this.step.state('moment1'),
      moment2: await this.step.state('moment2'),
    }
  }

  /**
   * One optimizer step on a batch, in as many micro-batches as it takes.
   *
   * @param number the step's, from 1
   */
  async train(
    number: number,
    learningRate: number,
    examples: Examples,
    indices: Uint32Array,
  ): Promise<StepResult> {
    const { model, tokenizer } = this.prepared
    const size = this.config.microBatchSize ?? indices.length
    const optimizer = optimizerFeeds(number, learningRate, this.config.weightDecay, this.config)
    let loss = 0
    for (let start = 0, micro = 0; ; start += size, micro++) {
      const batch = pick(examples, indices.subarray(start, start + size))
      const collated = collate(batch.examples, tokenizer.padTokenId)
      const last = start + size >= indices.length
      const outputs = await this.step.run(
        {
          ...encoderFeeds(collated),
          ...targetFeeds(batch.classes, model.tasks[0]?.labels ?? 0, indices.length),
          ...drawnFeeds(this.tuned.drawn, {
            seed: this.config.seed,
            step: number,
            micro,
            batch: collated.batch,
            sequence: collated.sequence,
          }),
          ...optimizer,
          ...(accumulates(this.config)
            ? { keepGradient: { data: Float32Array.of(start === 0 ? 0 : 1), shape: [] } }
            : {}),
        },
        last ? ['loss', 'gradientNorm'] : ['loss'],
        last ? undefined : ['gradients'],
      )
      loss += Number(outputs['loss']?.data[0])
      if (last) return { loss, gradientNorm: Number(outputs['gradientNorm']?.data[0]) }
    }
  }

  /** The evaluation graph with these parameters. */
  withParameters(parameters: Float32Array): CompiledGraph {
    this.evaluation.setState('parameters', parameters)
    return this.evaluation
  }

  async dispose(): Promise<void> {
    await this.step.dispose()
    await this.evaluation.dispose()
  }
}

function accumulates({ microBatchSize, batchSize }: TrainingConfig): boolean {
  return microBatchSize !== undefined && microBatchSize < batchSize
}
