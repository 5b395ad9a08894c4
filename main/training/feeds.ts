import type { Batch } from '../data/batches.ts'
import { createRandom } from '../data/random.ts'
import type { HostTensor } from '../engines/engine.ts'
import type { DrawnInput, ScheduledInput } from './graphs.ts'

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
 * @param reading which of the graph's readings they are for
 */
export function targetFeeds(
  classes: ArrayLike<number>,
  labels: number,
  total: number,
  reading = 0,
): Record<string, HostTensor> {
  const batch = classes.length
  const targets = new Float32Array(batch * labels)
  for (let row = 0; row < batch; row++) targets[row * labels + (classes[row] ?? 0)] = 1
  return {
    [reading === 0 ? 'targets' : `targets.${reading}`]: { data: targets, shape: [batch, labels] },
    rowWeights: { data: new Float32Array(batch).fill(1 / total), shape: [batch] },
  }
}

/**
 * The inputs that a step draws. Keyed by seed, step, micro-batch and name, so that every engine and every resumed
 * run draws the same.
 */
export function drawnFeeds(
  inputs: readonly DrawnInput[],
  {
    seed,
    step,
    micro,
    batch,
    sequence,
  }: { seed: number; step: number; micro: number; batch: number; sequence: number },
): Record<string, HostTensor> {
  const feeds: Record<string, HostTensor> = {}
  for (const { name, draw, shape } of inputs) {
    const sizes = shape.map((dimension) =>
      dimension === 'batch' ? batch : dimension === 'sequence' ? sequence : Number(dimension),
    )
    const data = new Float32Array(sizes.reduce((product, size) => product * size, 1))
    createRandom(seed, 'draw', name, step, micro).fillUniform(data)
    const [below, above] = draw.kind === 'dropout' ? [0, 1 / (1 - draw.rate)] : [1, 0]
    const bound = draw.kind === 'dropout' ? draw.rate : draw.probability
    for (let i = 0; i < data.length; i++) data[i] = (data[i] ?? 0) < bound ? below : above
    feeds[name] = { data, shape: sizes }
  }
  return feeds
}

/** Rows of inputs that hold one row for each example of a batch. */
export function rowsOf(
  feeds: Readonly<Record<string, { data: Float32Array; shape: readonly number[] }>>,
  start: number,
  count: number,
): Record<string, HostTensor> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { data, shape }]) => {
      const width = shape.slice(1).reduce((product, size) => product * size, 1)
      const rows = data.subarray(start * width, (start + count) * width)
      return [name, { data: rows, shape: [count, ...shape.slice(1)] }]
    }),
  )
}

/** The inputs that follow the step. @param step steps done so far */
export function scheduledFeeds(inputs: readonly ScheduledInput[], step: number): Record<string, HostTensor> {
  return Object.fromEntries(
    inputs.map(({ name, at }) => [name, { data: Float32Array.of(at(step)), shape: [] }]),
  )
}
