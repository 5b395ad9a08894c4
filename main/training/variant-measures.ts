import type { DropPoint, Scores } from '../../preload/contract.ts'
import type { Variant } from '../adapters/method.ts'
import type { TrainedValues } from './checkpoint.ts'
import { evaluate, evaluationBatchSize, readBatches } from './evaluate.ts'
import { pick, type Examples } from './examples.ts'
import { meanScores, median } from './metrics.ts'
import { taskOf, type RunContext } from './run-context.ts'
import type { ReadyGraph } from './tuning.ts'

/** How often a batch is timed: enough for a steady median. The evaluation before has warmed the graph up. */
const timings = 7

/** Quality and time of a part of the method. */
export type VariantMeasures = Pick<DropPoint, 'scores' | 'msPerExample' | 'tasks'>

/** What one part of the method gives on the validation rows of each task through its own head, and how fast. */
export async function measureVariant(
  context: RunContext,
  values: TrainedValues,
  variant: Variant,
): Promise<VariantMeasures> {
  const { job, tuning, examples } = context
  const tasks: { task: string; scores: Scores }[] = []
  let milliseconds = 0
  for (const [task, { validation }] of examples.entries()) {
    const { name, labels } = taskOf(job, task)
    const graph = await tuning.evaluation([{ task, variant }], values)
    const { scores, msPerExample } = await measure(context, graph, validation, labels)
    tasks.push({ task: name, scores })
    milliseconds += msPerExample / examples.length
  }
  const [only, ...others] = tasks
  return only && others.length === 0
    ? { scores: only.scores, msPerExample: milliseconds }
    : { scores: meanScores(tasks.map(({ scores }) => scores)), msPerExample: milliseconds, tasks }
}

async function measure(
  context: RunContext,
  graph: ReadyGraph,
  rows: Examples,
  labels: readonly string[],
): Promise<Pick<DropPoint, 'scores' | 'msPerExample'>> {
  const { padTokenId: padId } = context.prepared.tokenizer
  const onBatch = (): Promise<void> => context.breathe('validating')
  const { scores } = await evaluate(graph, 'validation', rows, labels, { padId, onBatch })
  const sample = middleTexts(rows)
  const times: number[] = []
  for (let repeat = 0; repeat < timings; repeat++) {
    let milliseconds = 0
    // Long texts come in several batches.
    for await (const { seconds } of readBatches(graph, sample, ['logits'], {
      labels: [labels.length],
      padId,
    })) {
      milliseconds += seconds * 1000
    }
    times.push(milliseconds / sample.texts.length)
    await onBatch()
  }
  return { scores, msPerExample: median(times) }
}

/** The texts of an evaluation that are of middle length: what one of them costs stands for all. */
function middleTexts(rows: Examples): Examples {
  const byLength = Array.from(rows.lengths, (length, row) => ({ length, row })).sort(
    (a, b) => a.length - b.length || a.row - b.row,
  )
  const start = Math.max(0, (byLength.length - evaluationBatchSize) >> 1)
  const chosen = byLength.slice(start, start + evaluationBatchSize)
  const { examples: texts, classes } = pick(
    rows,
    Uint32Array.from(chosen, ({ row }) => row),
  )
  return { texts, classes, lengths: Int32Array.from(chosen, ({ length }) => length) }
}
