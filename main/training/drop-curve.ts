import type { DropPoint } from '../../preload/contract.ts'
import { places } from '../adapters/parts.ts'
import type { TrainedValues } from './checkpoint.ts'
import { evaluate, evaluationBatchSize, readBatches } from './evaluate.ts'
import { pick, type Examples } from './examples.ts'
import { median } from './metrics.ts'
import { taskOf, type RunContext } from './run-context.ts'
import type { ReadyGraph } from './tuning.ts'

/** How often a batch is timed: enough for a steady median. The evaluation before has warmed the graph up. */
const timings = 7

/**
 * Quality and time on the validation rows with the adapters of the first n layers left out, for every n that differs
 * from the ones before (a specialised AdapterDrop never had its first).
 *
 * @returns undefined for a method that is no bottleneck adapter of one task
 */
export async function measureDropCurve(
  context: RunContext,
  values: TrainedValues,
): Promise<DropPoint[] | undefined> {
  const { job, prepared, tuning, examples } = context
  const { config, method } = prepared.model
  const rows = examples[0]?.validation
  const sits = (layer: number): boolean =>
    places.some((place) => method.parts?.bottleneck?.({ layer, place }))
  const first = Array.from({ length: config.layers }, (_, layer) => layer).find(sits)
  if (examples.length > 1 || !rows || rows.texts.length === 0 || first === undefined) return undefined
  const points: DropPoint[] = []
  for (let droppedLayers = first; droppedLayers <= config.layers; droppedLayers++) {
    context.at('validating')
    const variant = droppedLayers === 0 ? {} : { droppedLayers }
    const graph = await tuning.evaluation([{ task: 0, variant }], values)
    points.push({ droppedLayers, ...(await measure(context, graph, rows, taskOf(job, 0).labels)) })
  }
  return points
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
  const sample = middleBatch(rows)
  const times: number[] = []
  for (let repeat = 0; repeat < timings; repeat++) {
    for await (const { seconds } of readBatches(graph, sample, ['logits'], {
      labels: [labels.length],
      padId,
    })) {
      times.push((seconds * 1000) / sample.texts.length)
    }
    await onBatch()
  }
  return { scores, msPerExample: median(times) }
}

/** The batch of an evaluation whose texts are of middle length: what one example costs in it stands for all. */
function middleBatch(rows: Examples): Examples {
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
