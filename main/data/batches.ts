import { createRandom } from './random.ts'

/** Batches per chunk inside which examples are sorted by length: enough for little padding, few enough to stay random. */
const chunkBatches = 50

/** How large training batches are. */
export interface BatchLimit {
  /** Examples of a batch. */
  batchSize: number
  /** Tokens of a batch, padding included; where it is given, a batch has as many examples as fit. */
  batchTokens?: number | undefined
  /** Whether examples of like length come together, so that little padding is computed; by tokens they always do. */
  sortByLength?: boolean
}

/**
 * The batches of one epoch, as indices of examples: shuffled by (seed, epoch), sorted by length inside chunks
 * of about 50 batches, then the batches' order shuffled. Pure: a resumed run asks again and goes on at its step.
 * Every example is in one batch; one batch of a chunk may be smaller. An example that is longer than all tokens of a
 * batch is one of its own.
 *
 * @param lengths tokens of each example
 * @param epoch from whatever number the caller counts from
 * @param stream what tells these batches from others of the same seed and epoch
 */
export function trainingBatches(
  lengths: ArrayLike<number>,
  limit: BatchLimit,
  seed: number,
  epoch: number,
  ...stream: number[]
): Uint32Array[] {
  const { batchSize, batchTokens, sortByLength = true } = limit
  requireBatchSize(batchTokens ?? batchSize)
  const random = createRandom(seed, 'batches', epoch, ...stream)
  const order = random.permutation(lengths.length)
  if (!sortByLength && batchTokens === undefined) return slices(order, batchSize)
  const chunk = chunkBatches * (batchTokens === undefined ? batchSize : usualRows(lengths, batchTokens))
  const batches: Uint32Array[] = []
  for (let start = 0; start < order.length; start += chunk) {
    const sorted = sortedByLength(order.subarray(start, start + chunk), lengths)
    batches.push(
      ...(batchTokens === undefined
        ? slices(sorted, batchSize)
        : slicesOfTokens(sorted, lengths, batchTokens)),
    )
  }
  return Array.from(random.permutation(batches.length), (index) => batches[index] ?? new Uint32Array())
}

/** Tokens, padding included, that a batch of evaluation holds at most: more would be a long silence of a large model. */
const evaluationTokens = 8192

/** All examples once, sorted by length (equal lengths in the given order), for evaluation and prediction. */
export function evaluationBatches(lengths: ArrayLike<number>, batchSize: number): Uint32Array[] {
  requireBatchSize(batchSize)
  const order = Uint32Array.from({ length: lengths.length }, (_, index) => index)
  return slices(sortedByLength(order, lengths), batchSize).flatMap((batch) =>
    slicesOfTokens(batch, lengths, evaluationTokens).toReversed(),
  )
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

/** Examples of mean length that fit into so many tokens. */
function usualRows(lengths: ArrayLike<number>, tokens: number): number {
  let sum = 0
  for (let example = 0; example < lengths.length; example++) sum += positions(lengths[example])
  return Math.max(1, Math.floor((tokens * lengths.length) / Math.max(1, sum)))
}

/** @param sorted examples by length, the shortest first; what is left over in the end are short ones */
function slicesOfTokens(sorted: Uint32Array, lengths: ArrayLike<number>, tokens: number): Uint32Array[] {
  const parts: Uint32Array[] = []
  for (let end = sorted.length; end > 0;) {
    const longest = positions(lengths[sorted[end - 1] ?? 0])
    const start = Math.max(0, end - Math.max(1, Math.floor(tokens / longest)))
    parts.push(sorted.slice(start, end))
    end = start
  }
  return parts
}

/** A text without tokens takes a position of padding. */
function positions(length: number | undefined): number {
  return Math.max(1, length ?? 1)
}

function requireBatchSize(batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`a batch holds a whole number of examples or tokens from 1, not ${batchSize}`)
  }
}
