import type { ConfusionMatrix, Scores, SplitName } from '../../preload/contract.ts'
import { collate, evaluationBatches } from '../data/batches.ts'
import type { CompiledGraph } from '../engines/engine.ts'
import { pick, type Examples } from './examples.ts'
import { encoderFeeds, targetFeeds } from './feeds.ts'
import { argmax, confusionCounts, scoresOf } from './metrics.ts'

export interface Evaluation {
  scores: Scores
  confusion: ConfusionMatrix
}

/** Batches of evaluation may be larger than those of training: nothing is kept for a backward pass. */
const evaluationBatchSize = 64

/**
 * Class scores of every example, `[examples, labels]`, and the mean cross-entropy.
 *
 * @param evaluation a compiled `evaluationGraph` with its parameters set
 * @param onBatch called after each batch; may throw to end the evaluation
 */
export async function computeLogits(
  evaluation: CompiledGraph,
  examples: Examples,
  labels: number,
  padId: number,
  onBatch?: () => Promise<void>,
): Promise<{ logits: Float32Array; loss: number }> {
  const total = examples.texts.length
  const logits = new Float32Array(total * labels)
  let loss = 0
  for (const indices of evaluationBatches(examples.lengths, evaluationBatchSize)) {
    const batch = pick(examples, indices)
    const outputs = await evaluation.run(
      { ...encoderFeeds(collate(batch.examples, padId)), ...targetFeeds(batch.classes, labels, total) },
      ['logits', 'loss'],
    )
    const rows = outputs['logits']?.data
    if (!(rows instanceof Float32Array)) throw new Error('the evaluation graph gave no logits')
    indices.forEach((index, row) =>
      logits.set(rows.subarray(row * labels, (row + 1) * labels), index * labels),
    )
    loss += Number(outputs['loss']?.data[0])
    await onBatch?.()
  }
  return { logits, loss }
}

/** Scores and confusion matrix of one split. */
export async function evaluate(
  evaluation: CompiledGraph,
  split: SplitName,
  examples: Examples,
  labels: readonly string[],
  padId: number,
  onBatch?: () => Promise<void>,
): Promise<Evaluation> {
  const { logits, loss } = await computeLogits(evaluation, examples, labels.length, padId, onBatch)
  const predicted = Array.from(examples.classes, (_, row) => argmax(logits, labels.length, row))
  const counts = confusionCounts(examples.classes, predicted, labels.length)
  return { scores: scoresOf(counts, loss), confusion: { split, labels: [...labels], counts } }
}
