import type { FusionWeights, PrunedFusion, SplitName } from '../../preload/contract.ts'
import type { NamedAdapter, Variant } from '../adapters/method.ts'
import type { HostTensor } from '../engines/engine.ts'
import type { TrainedValues } from './checkpoint.ts'
import { forwardOperations } from './cost.ts'
import { floats, readBatches } from './evaluate.ts'
import type { RunContext } from './run-context.ts'
import { strongestAdapters, type FusionAnalysis } from './selection.ts'
import type { ReadyGraph } from './tuning.ts'
import { measureVariant, type VariantMeasures } from './variant-measures.ts'

/** Weights that a graph reveals at one place, summed over tokens. */
interface Sum {
  weights: number[]
  tokens: number
}

/**
 * What a fusion listens to, place by place, over the validation rows; and what is left of its quality where each layer
 * keeps only the adapters that it listens to most over the training rows (AdapterDrop's pruning; Rücklé et al. 2021).
 *
 * @param whole what the method gives with all adapters; undefined where there are no rows to measure it on
 * @returns undefined for a method that fuses nothing
 */
export async function measureFusion(
  context: RunContext,
  values: TrainedValues,
  whole: VariantMeasures | undefined,
): Promise<FusionAnalysis | undefined> {
  const { job, prepared, tuning } = context
  const { model } = prepared
  const graph = await tuning.evaluation([{ task: 0, variant: {} }], values)
  if (revealedWeights(graph).length === 0) return undefined
  const weights = await meanWeights(context, values, 'validation')
  const adapters = prepared.adapters.map(({ name }) => name)
  if (adapters.length < 2 || !whole) return { adapters, weights, pruned: [] }
  const trainingWeights = await meanWeights(context, values, 'train')
  const { maximumLength } = job.config.training
  const point = (
    kept: number,
    variant: Variant,
    { scores, msPerExample }: VariantMeasures,
  ): PrunedFusion => ({
    ...{ kept, scores, msPerExample },
    forwardFlops: forwardOperations(model, maximumLength, variant),
  })
  const pruned = [point(adapters.length, {}, whole)]
  for (let kept = adapters.length - 1; kept >= 1; kept--) {
    context.at('validating')
    const variant = strongestAdapters({ adapters, weights, trainingWeights }, kept, model.config)
    pruned.push(point(kept, variant, await measureVariant(context, values, variant)))
  }
  return { adapters, weights, trainingWeights, pruned }
}

/** Mean weight of every adapter over all tokens of a split. */
async function meanWeights(
  context: RunContext,
  values: TrainedValues,
  split: SplitName,
): Promise<FusionWeights[]> {
  const { prepared, tuning, examples } = context
  const sums: Sums = new Map()
  for (const [task, rows] of examples.entries()) {
    context.at('validating')
    const graph = await tuning.evaluation([{ task, variant: {} }], values)
    const options = {
      labels: [prepared.model.tasks[task]?.labels ?? 0],
      padId: prepared.tokenizer.padTokenId,
      onBatch: () => context.breathe('validating'),
    }
    for await (const { batch, outputs } of readBatches(graph, rows[split], revealedWeights(graph), options)) {
      for (let row = 0; row < batch.batch; row++) addRow(sums, outputs, batch.mask, row)
    }
  }
  return meansOf(sums, prepared.adapters)
}

/** Outputs of a graph that say how much each fused adapter counts; none for a method that fuses nothing. */
export function revealedWeights({ tuned }: ReadyGraph): string[] {
  return tuned.revealed.filter((name) => placeOf(name)).map((name) => `revealed.${name}`)
}

/**
 * What a fusion listens to in one text, place by place: the mean over its tokens.
 *
 * @param outputs of a batch, `revealedWeights` among them
 * @param mask `[batch, sequence]`
 * @param row the text's
 * @param adapters all that are fused
 * @param variant what of the method the graph holds
 */
export function weightsOfText(
  outputs: Readonly<Record<string, HostTensor>>,
  mask: Float32Array,
  row: number,
  adapters: readonly NamedAdapter[],
  variant: Variant,
): FusionWeights[] {
  const sums: Sums = new Map()
  addRow(sums, outputs, mask, row)
  return meansOf(sums, adapters, variant)
}

/** By the name of a revealed value. */
type Sums = Map<string, Sum>

/** Adds the weights of one text's tokens, padding left out. */
function addRow(
  sums: Sums,
  outputs: Readonly<Record<string, HostTensor>>,
  mask: Float32Array,
  row: number,
): void {
  for (const [output, { shape }] of Object.entries(outputs)) {
    const name = output.replace(/^revealed\./, '')
    if (!placeOf(name)) continue
    const data = floats(outputs, output)
    const adapters = shape.at(-1) ?? 0
    const sum = sums.get(name) ?? { weights: new Array<number>(adapters).fill(0), tokens: 0 }
    sums.set(name, sum)
    // `[adapters]` for all texts alike, or `[sequence, batch, adapters]`, where one position may stand for its text.
    const [positions = 1, batch = 1] = shape.length === 3 ? shape : []
    const length = mask.length / batch
    for (let position = 0; position < positions; position++) {
      if (positions === length && mask[row * length + position] === 0) continue
      sum.tokens += 1
      const from = shape.length === 3 ? (position * batch + row) * adapters : 0
      for (let i = 0; i < adapters; i++) sum.weights[i] = (sum.weights[i] ?? 0) + (data[from + i] ?? 0)
    }
  }
}

/** @returns 0 for an adapter that does not sit at a place, or is not at work there */
function meansOf(sums: Sums, adapters: readonly NamedAdapter[], { active }: Variant = {}): FusionWeights[] {
  return [...sums].flatMap(([name, { weights, tokens }]) => {
    const place = placeOf(name)
    if (!place) return []
    const means = weights.map((sum) => sum / tokens)
    // The graph weighs those adapters that sit here and are at work.
    let next = 0
    const all = adapters.map(({ method }, index) =>
      method.parts?.bottleneck?.(place) && active?.[place.layer]?.includes(index) !== false
        ? (means[next++] ?? 0)
        : 0,
    )
    return [{ ...place, weights: all }]
  })
}

/** The layer and place of a revealed value `fusion.<layer>.<place>`. */
function placeOf(name: string): Pick<FusionWeights, 'layer' | 'place'> | undefined {
  const found = /^fusion\.(\d+)\.(attention|output)$/.exec(name)
  return found
    ? { layer: Number(found[1]), place: found[2] === 'attention' ? 'attention' : 'output' }
    : undefined
}
