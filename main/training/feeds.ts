import type { Batch } from '../data/batches.ts'
import { createRandom } from '../data/random.ts'
import type { HostTensor } from '../engines/engine.ts'
import type { DropoutInput } from './graphs.ts'

/** The inputs of the encoder for one batch (models/bert.ts). */
export function encoderFeeds({ ids, typeIds, mask, batch, sequence }: Batch): Record<string, HostTensor> {
  return {
    ids: { data: ids, shape: [sequence, batch] },
    typeIds: { data: typeIds, shape: [sequence, batch] },
    positions: { data: Int32Array.from({ length: sequence }, (_, position) => position), shape: [sequence] },
    mask: { data: mask, shape: [batch, sequence] },
  }
}

/**
 * The inputs of the loss: one-hot targets, and for each row its share of the mean.
 *
 * @param classes class index of each row
 * @param total rows over which the loss is the mean: those of all micro-batches of a step
 */
export function targetFeeds(
  classes: ArrayLike<number>,
  labels: number,
  total: number,
): Record<string, HostTensor> {
  const batch = classes.length
  const targets = new Float32Array(batch * labels)
  for (let row = 0; row < batch; row++) targets[row * labels + (classes[row] ?? 0)] = 1
  return {
    targets: { data: targets, shape: [batch, labels] },
    rowWeights: { data: new Float32Array(batch).fill(1 / total), shape: [batch] },
  }
}

/**
 * Dropout masks: 0 at the site's rate, else 1/(1 − rate). Keyed by seed, step, micro-batch and site, so that
 * every engine and every resumed run draws the same.
 */
export function dropoutFeeds(
  dropouts: readonly DropoutInput[],
  {
    seed,
    step,
    micro,
    batch,
    sequence,
  }: { seed: number; step: number; micro: number; batch: number; sequence: number },
): Record<string, HostTensor> {
  const feeds: Record<string, HostTensor> = {}
  for (const { name, site, rate, shape } of dropouts) {
    const sizes = shape.map((dimension) =>
      dimension === 'batch' ? batch : dimension === 'sequence' ? sequence : Number(dimension),
    )
    const data = new Float32Array(sizes.reduce((product, size) => product * size, 1))
    createRandom(seed, 'dropout', site, step, micro).fillUniform(data)
    const kept = 1 / (1 - rate)
    for (let i = 0; i < data.length; i++) data[i] = (data[i] ?? 0) < rate ? 0 : kept
    feeds[name] = { data, shape: sizes }
  }
  return feeds
}
