import type { TaskSampling } from '../../preload/contract.ts'
import { createRandom } from './random.ts'

/** Batches per chunk inside which examples are sorted by length: enough for little padding, few enough to stay random. */
const chunkBatches = 50

/**
 * The batches of one epoch, as indices of examples: shuffled by (seed, epoch), sorted by length inside chunks
 * of 50 batches, then the batches' order shuffled. Pure: a resumed run asks again and goes on at its step.
 * Every example is in one batch; one batch may be smaller.
 *
 * @param lengths tokens of each example
 * @param epoch from whatever number the caller counts from
 * @param stream what tells these batches from others of the same seed and epoch
 */
export function trainingBatches(
  lengths: ArrayLike<number>,
  batchSize: number,
  seed: number,
  epoch: number,
  ...stream: number[]
): Uint32Array[] {
  requireBatchSize(batchSize)
  const random = createRandom(seed, 'batches', epoch, ...stream)
  const order = random.permutation(lengths.length)
  const chunk = batchSize * chunkBatches
  const batches: Uint32Array[] = []
  for (let start = 0; start < order.length; start += chunk) {
    batches.push(...slices(sortedByLength(order.subarray(start, start + chunk), lengths), batchSize))
  }
  return Array.from(random.permutation(batches.length), (index) => batches[index] ?? new Uint32Array())
}

/** A batch of one of several tasks. */
export interface TaskBatch {
  task: number
  indices: Uint32Array
}

/** Batches of an epoch of tasks with so many rows each, however they are divided among them. */
export function batchesPerEpoch(rows: readonly number[], batchSize: number): number {
  return rows.reduce((total, count) => total + Math.ceil(count / batchSize), 0)
}

/**
 * The batches of one epoch of several tasks: each task gets its share, in mixed order. A task's rows come in passes,
 * each row once in every pass; a pass that an epoch does not finish goes on in the next. Pure, as `trainingBatches`,
 * which it equals for one task.
 *
 * @param lengths tokens of each example of each task
 * @param epoch from 1
 */
export function taskBatches(
  lengths: readonly ArrayLike<number>[],
  { batchSize, sampling, seed }: { batchSize: number; sampling: TaskSampling; seed: number },
  epoch: number,
): TaskBatch[] {
  const [only] = lengths
  if (only && lengths.length === 1) {
    return trainingBatches(only, batchSize, seed, epoch).map((indices) => ({ task: 0, indices }))
  }
  const shares = taskShares(
    lengths.map(({ length }) => length),
    batchSize,
    sampling,
  )
  const batches = lengths.flatMap((own, task): TaskBatch[] => {
    const share = shares[task] ?? 0
    const perPass = Math.ceil(own.length / batchSize)
    const passes = new Map<number, Uint32Array[]>()
    return Array.from({ length: share }, (_, i) => {
      const position = share * (epoch - 1) + i
      const pass = Math.floor(position / perPass)
      const found = passes.get(pass) ?? trainingBatches(own, batchSize, seed, pass + 1, task)
      passes.set(pass, found)
      return { task, indices: found[position % perPass] ?? new Uint32Array() }
    })
  })
  const order = createRandom(seed, 'tasks', epoch).permutation(batches.length)
  return Array.from(order, (index) => batches[index] ?? { task: 0, indices: new Uint32Array() })
}

/** Batches that each task gets in an epoch; together as many as all tasks have. */
function taskShares(rows: readonly number[], batchSize: number, sampling: TaskSampling): number[] {
  requireBatchSize(batchSize)
  const own = rows.map((count) => Math.ceil(count / batchSize))
  if (sampling === 'size') return own
  const weights = rows.map((count) => (count === 0 ? 0 : sampling === 'even' ? 1 : Math.sqrt(count)))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const total = batchesPerEpoch(rows, batchSize)
  const exact = weights.map((weight) => (weight / sum) * total)
  const shares = exact.map(Math.floor)
  const left = total - shares.reduce((given, share) => given + share, 0)
  const byRemainder = exact
    .map((share, task) => ({ task, remainder: share % 1 }))
    .sort((a, b) => b.remainder - a.remainder)
  for (const { task } of byRemainder.slice(0, left)) shares[task] = (shares[task] ?? 0) + 1
  return shares
}

/** All examples once, sorted by length (equal lengths in the given order), for evaluation and prediction. */
export function evaluationBatches(lengths: ArrayLike<number>, batchSize: number): Uint32Array[] {
  requireBatchSize(batchSize)
  const order = Uint32Array.from({ length: lengths.length }, (_, index) => index)
  return slices(sortedByLength(order, lengths), batchSize)
}

export interface Example {
  ids: ArrayLike<number>
  typeIds: ArrayLike<number>
}

export interface Batch {
  /** Token ids, time-major: [sequence, batch]. */
  ids: Int32Array
  /** Segment ids, time-major: [sequence, batch]. */
  typeIds: Int32Array
  /** 1 for a token, 0 for padding; batch-major: [batch, sequence]. */
  mask: Float32Array
  batch: number
  sequence: number
}

/** Puts examples together, padded to the longest of them. */
export function collate(examples: readonly Example[], padId: number): Batch {
  const batch = examples.length
  // A text may have no token at all (GPT-2 puts none around it); no batch is without a position.
  const sequence = examples.reduce((longest, example) => Math.max(longest, example.ids.length), 1)
  const ids = new Int32Array(sequence * batch).fill(padId)
  const typeIds = new Int32Array(sequence * batch)
  const mask = new Float32Array(batch * sequence)
  for (const [row, example] of examples.entries()) {
    for (let position = 0; position < example.ids.length; position++) {
      ids[position * batch + row] = example.ids[position] ?? padId
      typeIds[position * batch + row] = example.typeIds[position] ?? 0
    }
    mask.fill(1, row * sequence, row * sequence + example.ids.length)
  }
  return { ids, typeIds, mask, batch, sequence }
}

function sortedByLength(order: Uint32Array, lengths: ArrayLike<number>): Uint32Array {
  // The position in the key keeps equal lengths in their order; a sort of plain numbers is many times faster.
  const keys = Float64Array.from(
    order,
    (example, position) => (lengths[example] ?? 0) * order.length + position,
  )
  keys.sort()
  return Uint32Array.from(keys, (key) => order[key % order.length] ?? 0)
}

function slices(order: Uint32Array, size: number): Uint32Array[] {
  const parts: Uint32Array[] = []
  for (let start = 0; start < order.length; start += size) parts.push(order.slice(start, start + size))
  return parts
}

function requireBatchSize(batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`a batch holds a whole number of examples from 1, not ${batchSize}`)
  }
}
