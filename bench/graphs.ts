import { wholeMethod, type Situation, type StepDraw } from '../main/adapters/method.ts'
import { collate } from '../main/data/batches.ts'
import type { Engine } from '../main/engines/engine.ts'
import { countOperations, nodesFor, type Graph } from '../main/graph/index.ts'
import { encoderFeeds, scheduledFeeds, targetFeeds } from '../main/training/feeds.ts'
import { evaluationGraph, trainingGraph } from '../main/training/graphs.ts'
import { packsWeights } from '../main/training/packing.ts'
import { optimizerFeeds, ownStepFeeds } from '../main/training/optimizer.ts'
import { labelCount, randomParameters, type WeightFiles, type Workload } from './sizes.ts'

export type Kind = 'train' | 'infer'

/** A graph of a run, ready to be timed on its batch: `dispose` it. */
export interface OpenGraph {
  /** Floating-point operations of one run. */
  operations: number
  buildMs: number
  compileMs: number
  /** Runs once. @param step counted from 0 @returns the loss, or the first logit */
  run(step: number): Promise<number>
  dispose(): Promise<void>
}

export interface OpenOptions {
  /** What is read from the batch in one pass; default: the first task, with the whole method. */
  readings?: readonly Situation[]
  /** The last layer computes only what the head reads. */
  cut?: boolean
  /** What the method gave the step. */
  drawn?: StepDraw['feeds']
}

const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 1 }
const [learningRate, weightDecay] = [1e-3, 0.01]

/** Builds the graph that a run of this workload has, and compiles it as a run does. */
export async function openGraph(
  kind: Kind,
  { model, ids, labels, batch, length }: Workload,
  engine: Engine,
  { weights, quantised }: WeightFiles,
  { readings = [wholeMethod], cut = true, drawn = {} }: OpenOptions = {},
): Promise<OpenGraph> {
  const ownSteps = model.tasks.length > 1 || model.method.draw !== undefined
  const began = performance.now()
  const tuned =
    kind === 'train'
      ? trainingGraph(model, optimizer, { readings, ownSteps, cutLastLayer: cut })
      : evaluationGraph(model, { readings, cutLastLayer: cut })
  const built = performance.now()
  const compiled = await engine.compile(tuned.graph, {
    weights,
    state: tuned.state,
    // As runs do: evaluations read the weights where they lie.
    prepack: kind === 'train' && packsWeights(model.config, 1, quantised ? 'int8' : 'float32'),
    ...(quantised ? { quantised } : {}),
  })
  const compileMs = performance.now() - built
  compiled.setState('parameters', randomParameters(model))
  if (kind === 'train') {
    compiled.setState('moment1', new Float32Array(model.layout.size))
    compiled.setState('moment2', new Float32Array(model.layout.size))
  }
  const texts = ids.map((row) => ({ ids: row, typeIds: row.map(() => 0) }))
  const feeds = Object.assign(
    encoderFeeds(collate(texts, 0)),
    drawn,
    scheduledFeeds(tuned.scheduled, 0),
    ...readings.map((_, reading) => targetFeeds(labels, labelCount, batch, reading)),
  )
  const optimizerInputs = (step: number) =>
    ownSteps
      ? ownStepFeeds(
          model.layout,
          Array.from(model.layout.entries, () => step + 1),
          learningRate,
          weightDecay,
          optimizer,
        )
      : optimizerFeeds(step + 1, learningRate, weightDecay, optimizer)
  const logits = readings.map((_, reading) => (reading === 0 ? 'logits' : `logits.${reading}`))
  const outputs = kind === 'train' ? ['loss'] : logits
  return {
    operations: operationsOf(tuned.graph, batch, length),
    buildMs: built - began,
    compileMs,
    async run(step) {
      const results = await compiled.run(
        kind === 'train' ? { ...feeds, ...optimizerInputs(step) } : feeds,
        outputs,
      )
      return Number(results[outputs[0] ?? '']?.data[0])
    },
    dispose: () => compiled.dispose(),
  }
}

function operationsOf(graph: Graph, batch: number, sequence: number): number {
  return countOperations(nodesFor(graph, graph.outputs.values()), { batch, sequence })
}
