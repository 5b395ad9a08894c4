import type { TaskSampling } from '../../preload/contract.ts'
import { trainingBatches, type BatchLimit } from './batches.ts'
import { createRandom } from './random.ts'

/** A batch of one of several tasks. */
export interface TaskBatch {
  task: number
  indices: Uint32Array
}

export interface BatchPlanOptions extends BatchLimit {
  sampling: TaskSampling
  seed: number
}

/**
 * The batches of a run, epoch by epoch. Each depends on (lengths, options, epoch) alone, so that a resumed run goes on
 * with the same. One task gets `trainingBatches`. Of several, each gets its share of an epoch, in mixed order: a task's
 * rows come in passes, each row once in every pass, and a pass that an epoch does not finish goes on in the next.
 */
export class BatchPlan {
  private readonly lengths: readonly ArrayLike<number>[]
  private readonly options: BatchPlanOptions
  /** Batches of each task in every epoch, where there are several tasks. */
  private readonly shares: readonly number[]
  /** By task: the position of each pass's first batch among all of the task's, as far as passes were looked at. */
  private readonly passStarts: number[][]

  /** @param lengths tokens of each example of each task */
  constructor(lengths: readonly ArrayLike<number>[], options: BatchPlanOptions) {
    this.lengths = lengths
    this.options = options
    this.passStarts = lengths.map(() => [0])
    this.shares = lengths.length > 1 ? this.divide() : []
  }

  /** The batches of an epoch, from 1. */
  epoch(epoch: number): TaskBatch[] {
    if (this.lengths.length === 1) return this.pass(0, epoch).map((indices) => ({ task: 0, indices }))
    const batches = this.shares.flatMap((share, task): TaskBatch[] => {
      const passes = new Map<number, Uint32Array[]>()
      return Array.from({ length: share }, (_, i) => {
        const position = share * (epoch - 1) + i
        const pass = this.passAt(task, position)
        const found = passes.get(pass) ?? this.pass(task, pass)
        passes.set(pass, found)
        return {
          task,
          indices: found[position - (this.passStarts[task]?.[pass - 1] ?? 0)] ?? new Uint32Array(),
        }
      })
    })
    const order = createRandom(this.options.seed, 'tasks', epoch).permutation(batches.length)
    return Array.from(order, (index) => batches[index] ?? { task: 0, indices: new Uint32Array() })
  }

  /** Batches of all epochs before this one. */
  before(epoch: number): number {
    const perEpoch = this.shares.reduce((total, share) => total + share, 0)
    return this.lengths.length === 1 ? this.passStart(0, epoch) : perEpoch * (epoch - 1)
  }

  private pass(task: number, pass: number): Uint32Array[] {
    const own = this.lengths[task] ?? []
    const { seed } = this.options
    const stream = this.lengths.length > 1 ? [task] : []
    return trainingBatches(own, this.options, seed, pass, ...stream)
  }

  private batchesIn(task: number, pass: number): number {
    const { batchSize, batchTokens } = this.options
    // A pass's number of batches depends on who meets whom only where tokens are counted.
    return batchTokens === undefined
      ? Math.ceil((this.lengths[task]?.length ?? 0) / batchSize)
      : this.pass(task, pass).length
  }

  /** Batches of a task in all passes before this one, from 1. */
  private passStart(task: number, pass: number): number {
    const starts = this.passStarts[task] ?? []
    for (let next = starts.length; next < pass; next++) {
      starts.push((starts[next - 1] ?? 0) + this.batchesIn(task, next))
    }
    return starts[pass - 1] ?? 0
  }

  private passAt(task: number, position: number): number {
    let pass = 1
    while (this.passStart(task, pass + 1) <= position) pass += 1
    return pass
  }

  /** What each task gets in an epoch; together as many batches as all tasks have. */
  private divide(): number[] {
    const { sampling } = this.options
    const own = this.lengths.map((_, task) => this.batchesIn(task, 1))
    if (sampling === 'size') return own
    const weights = this.lengths.map(({ length }) =>
      length === 0 ? 0 : sampling === 'even' ? 1 : Math.sqrt(length),
    )
    const sum = weights.reduce((total, weight) => total + weight, 0)
    const total = own.reduce((batches, count) => batches + count, 0)
    const exact = weights.map((weight) => (weight / sum) * total)
    const shares = exact.map(Math.floor)
    const left = total - shares.reduce((given, share) => given + share, 0)
    const byRemainder = exact
      .map((share, task) => ({ task, remainder: share % 1 }))
      .sort((a, b) => b.remainder - a.remainder)
    for (const { task } of byRemainder.slice(0, left)) shares[task] = (shares[task] ?? 0) + 1
    return shares
  }
}
