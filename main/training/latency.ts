import type { Latency } from '../../preload/contract.ts'
import type { TrainedValues } from './checkpoint.ts'
import { readBatches } from './evaluate.ts'
import { pick } from './examples.ts'
import { taskOf, type RunContext } from './run-context.ts'

/** Examples timed, spread over the lengths: enough for a 95th percentile. */
const timed = 60
/** The first executions of a graph prepare it. */
const warmUp = 3

/** How long one example by itself takes, on the first task's validation rows; undefined where there are none. */
export async function measureLatency(
  { job, prepared, tuning, examples, breathe }: RunContext,
  values: TrainedValues,
): Promise<Latency | undefined> {
  const rows = examples[0]?.validation
  if (!rows || rows.texts.length === 0) return undefined
  const graph = await tuning.evaluation([{ task: 0, variant: {} }], values)
  const count = Math.min(timed, rows.texts.length)
  const chosen = Array.from({ length: count }, (_, i) => Math.floor((i * rows.texts.length) / count))
  const options = { labels: [taskOf(job, 0).labels.length], padId: prepared.tokenizer.padTokenId }
  const milliseconds: number[] = []
  for (const row of [...chosen.slice(0, warmUp), ...chosen]) {
    const { examples: texts, classes } = pick(rows, Uint32Array.of(row))
    const one = { texts, classes, lengths: rows.lengths.slice(row, row + 1) }
    for await (const { seconds } of readBatches(graph, one, ['logits'], options)) {
      milliseconds.push(seconds * 1000)
    }
    await breathe('validating')
  }
  const sorted = milliseconds.slice(-count).sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(count - 1, Math.ceil(share * count) - 1)] ?? 0
  return { p50: at(0.5), p95: at(0.95), examples: count }
}
