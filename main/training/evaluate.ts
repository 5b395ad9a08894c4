import type { ConfusionMatrix, Scores, SplitName } from '../../preload/contract.ts'
import { collate, evaluationBatches, type Batch } from '../data/batches.ts'
import type { HostTensor } from '../engines/engine.ts'
import { pick, type Examples } from './examples.ts'
import { encoderFeeds, targetFeeds } from './feeds.ts'
import { argmax, confusionCounts, scoresOf } from './metrics.ts'
import type { ReadyGraph } from './tuning.ts'

export interface Evaluation {
  scores: Scores
  confusion: ConfusionMatrix
  /** Class scores of every example, [examples, labels]. */
  logits: Float32Array
}

/** Batches of evaluation may be larger than those of training: nothing is kept for a backward pass. */
export const evaluationBatchSize = 64

export interface ReadOptions {
  /** Classes of each of the graph's readings, in order. */
  labels: readonly number[]
  padId: number
  /** Which reading the examples' classes are for; the others' losses mean nothing. */
  own?: number
  /** Called after each batch; may throw to end the evaluation. */
  onBatch?: (() => Promise<void>) | undefined
}

/** What one batch gave. */
export interface BatchOutputs {
  indices: Uint32Array
  batch: Batch
  outputs: Record<string, HostTensor>
  seconds: number
}

/**
 * Runs a graph on all examples, batch by batch.
 *
 * @param fetch names of the outputs to hand on
 */
export async function* readBatches(
  { compiled, feeds, states }: ReadyGraph,
  examples: Examples,
  fetch: readonly string[],
  { labels, padId, own = 0, onBatch }: ReadOptions,
): AsyncGenerator<BatchOutputs> {
  for (const indices of evaluationBatches(examples.lengths, evaluationBatchSize)) {
    const { examples: texts, classes } = pick(examples, indices)
    const batch = collate(texts, padId)
    const targets = labels.map((count, reading) =>
      targetFeeds(
        reading === own ? classes : new Int32Array(indices.length),
        count,
        examples.texts.length,
        reading,
      ),
    )
    const began = performance.now()
    const kept = await states?.feeds(texts, batch)
    const outputs = await compiled.run(Object.assign({}, feeds, encoderFeeds(batch), kept, ...targets), fetch)
    yield { indices, batch, outputs, seconds: (performance.now() - began) / 1000 }
    await onBatch?.()
  }
}

/**
 * Class scores of every example by one reading, `[examples, labels]`, and the mean cross-entropy with what the method
 * adds to it.
 */
export async function computeLogits(
  graph: ReadyGraph,
  examples: Examples,
  labels: number,
  options: Omit<ReadOptions, 'labels'>,
): Promise<{ logits: Float32Array; loss: number }> {
  const logits = new Float32Array(examples.texts.length * labels)
  let loss = 0
  const batches = readBatches(graph, examples, ['logits', 'loss'], { ...options, labels: [labels] })
  for await (const { indices, outputs } of batches) {
    placeRows(logits, floats(outputs, 'logits'), indices, labels)
    loss += Number(outputs['loss']?.data[0])
  }
  return { logits, loss }
}

/** Puts the rows of a batch `[batch, width]` where they belong in `[examples, width]`. */
export function placeRows(all: Float32Array, rows: Float32Array, indices: Uint32Array, width: number): void {
  indices.forEach((index, row) => all.set(rows.subarray(row * width, (row + 1) * width), index * width))
}

export function floats(outputs: Readonly<Record<string, HostTensor>>, name: string): Float32Array {
  const data = outputs[name]?.data
  if (!(data instanceof Float32Array)) throw new Error(`the evaluation graph gave no ${name}`)
  return data
}

/** Scores and confusion matrix of one split of one task. */
export async function evaluate(
  graph: ReadyGraph,
  split: SplitName,
  examples: Examples,
  labels: readonly string[],
  options: Omit<ReadOptions, 'labels'>,
): Promise<Evaluation> {
  const { logits, loss } = await computeLogits(graph, examples, labels.length, options)
  const predicted = Array.from(examples.classes, (_, row) => argmax(logits, labels.length, row))
  const counts = confusionCounts(examples.classes, predicted, labels.length)
  return { scores: scoresOf(counts, loss), confusion: { split, labels: [...labels], counts }, logits }
}
