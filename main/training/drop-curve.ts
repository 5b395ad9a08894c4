import type { DropPoint } from '../../preload/contract.ts'
import type { TrainedValues } from './checkpoint.ts'
import { floats, placeRows, readBatches } from './evaluate.ts'
import type { Examples } from './examples.ts'
import { argmax, confusionCounts, median, scoresOf } from './metrics.ts'
import { taskOf, type RunContext } from './run-context.ts'
import type { ReadyGraph } from './tuning.ts'

/** Rows whose time is taken: enough for a steady median. */
const timedRows = 1000

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
    (['attention', 'output'] as const).some((place) => method.parts?.bottleneck?.({ layer, place }))
  const first = Array.from({ length: config.layers }, (_, layer) => layer).find(sits)
  if (examples.length > 1 || !rows || rows.texts.length === 0 || first === undefined) return undefined
  const points: DropPoint[] = []
  for (let droppedLayers = first; droppedLayers <= config.layers; droppedLayers++) {
    context.at('validating')
    const variant = droppedLayers === 0 ? {} : { droppedLayers }
    const graph = await tuning.evaluation([{ task: 0, variant }], values)
    points.push({ droppedLayers, ...(await measure(context, graph, rows, taskOf(job, 0).labels.length)) })
  }
  return points
}

async function measure(
  context: RunContext,
  graph: ReadyGraph,
  rows: Examples,
  labels: number,
): Promise<Pick<DropPoint, 'scores' | 'msPerExample'>> {
  const logits = new Float32Array(rows.texts.length * labels)
  let loss = 0
  const times: number[] = []
  let timed = 0
  const options = {
    labels: [labels],
    padId: context.prepared.tokenizer.padTokenId,
    onBatch: () => context.breathe('validating'),
  }
  let warm = false
  for await (const { indices, outputs, seconds } of readBatches(graph, rows, ['logits', 'loss'], options)) {
    placeRows(logits, floats(outputs, 'logits'), indices, labels)
    loss += Number(outputs['loss']?.data[0])
    // The first run of a graph also makes room for its values.
    if ((warm || rows.texts.length === indices.length) && timed < timedRows) {
      times.push((seconds * 1000) / indices.length)
      timed += indices.length
    }
    warm = true
  }
  const predicted = Array.from(rows.classes, (_, row) => argmax(logits, labels, row))
  return {
    scores: scoresOf(confusionCounts(rows.classes, predicted, labels), loss),
    msPerExample: median(times),
  }
}
