import { PrefixCache } from '../training/prefix-cache.ts'
import type { Engine, HostTensor, WeightFile } from '../engines/engine.ts'
import type { Graph } from '../graph/index.ts'
import type { TunedGraph } from '../training/graphs.ts'
import type { GoldenCase } from './golden-case.ts'
import { goldenBatch } from './golden-feeds.ts'

/** A step whose frozen part was computed before it. */
export interface StepOnStates {
  graph: Graph
  /** The states of the case's batch, which the graph reads. */
  states: Record<string, HostTensor>
}

/**
 * The case's step as a run makes it that keeps the states of its frozen part: they are computed of each text alone,
 * without padding, written and put together again.
 *
 * @param folder for the states' file
 * @returns undefined where a run would keep no states, or where the case reads what a run does not: a mask with holes,
 *   or padding
 */
export async function stepOnStates(
  golden: GoldenCase,
  { graph }: TunedGraph,
  { engine, weights, folder }: { engine: Engine; weights: WeightFile; folder: string },
): Promise<StepOnStates | undefined> {
  const { inputs, model } = golden
  const tokens = tokensOf(golden)
  if (!tokens) return undefined
  const batch = goldenBatch(golden)
  const cache = PrefixCache.of(graph, {
    engine,
    backboneHash: golden.name,
    weights: { weights },
    padId: model.config.padTokenId,
    folder,
    budget: Number.MAX_SAFE_INTEGER,
    maximumLength: batch.sequence,
    log: () => undefined,
  })
  const rest = cache?.apply(graph)
  if (!cache || !rest) return undefined
  try {
    const texts = inputs.ids.map((ids, row) => ({
      ids: Int32Array.from(ids.slice(0, tokens[row])),
      typeIds: Int32Array.from(inputs.typeIds[row]?.slice(0, tokens[row]) ?? []),
    }))
    const lengths = Int32Array.from(tokens)
    await cache.ensure({ texts, lengths, classes: Int32Array.from(inputs.labels) }, () => Promise.resolve())
    return { graph: rest, states: await cache.feeds(texts, batch) }
  } finally {
    await cache.dispose()
  }
}

/** Tokens of each text, where the mask shows a text and then padding, and the head reads no further. */
function tokensOf({ inputs: { mask, counted }, model }: GoldenCase): number[] | undefined {
  const tokens = mask.map((row) => row.filter((seen) => seen === 1).length)
  const sequence = mask[0]?.length ?? 0
  // Such a head finds the last token by ids (golden-heads.ts), not by the mask.
  const counts = model.tasks.some(({ head }) => head.only === undefined)
  const fits = mask.every((row, r) => {
    const count = tokens[r] ?? 0
    const read = counted.subarray(r * sequence, (r + 1) * sequence).reduce((sum, one) => sum + one, 0)
    return count > 0 && row.slice(0, count).every((seen) => seen === 1) && !(counts && read > count)
  })
  return fits ? tokens : undefined
}
