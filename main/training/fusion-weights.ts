import type { FusionWeights, RunAnalysis, SplitName } from '../../preload/contract.ts'
import type { NamedAdapter, Variant } from '../adapters/method.ts'
import type { HostTensor } from '../engines/engine.ts'
import type { TrainedValues } from './checkpoint.ts'
import { floats, readBatches } from './evaluate.ts'
import { evaluateTasks, overall, type RunContext } from './run-context.ts'
import { largest } from './selection.ts'
import type { ReadyGraph } from './tuning.ts'

/** Weights that a graph reveals at one place, summed over tokens. */
interface Sum {
  weights: number[]
  tokens: number
}

/**
 * What a fusion listens to, place by place, over the validation rows; and what is left of its quality where each layer
 * keeps only the adapters that it listens to most over the training rows (AdapterDrop's pruning; Rücklé et al. 2021).
 *
 * @returns undefined for a method that fuses nothing
 */
export async function measureFusion(
  context: RunContext,
  values: TrainedValues,
): Promise<RunAnalysis['fusion']> {
  const { prepared, tuning } = context
  const graph = await tuning.evaluation([{ task: 0, variant: {} }], values)
  if (revealedWeights(graph).length === 0) return undefined
  const weights = await meanWeights(context, values, 'validation')
  const adapters = prepared.adapters.map(({ name }) => name)
  const pruned: NonNullable<RunAnalysis['fusion']>['pruned'] = []
  if (adapters.length > 1) {
    const learned = await meanWeights(context, values, 'train')
    for (let kept = adapters.length - 1; kept >= 1; kept--) {
      context.at('validating')
      const variant = strongest(learned, kept, adapters.length, prepared.model.config.layers)
      const evaluations = await evaluateTasks(context, 'validation', values, () => variant)
      pruned.push({ kept, scores: overall(evaluations) })
    }
  }
  return { adapters, weights, pruned }
}

/** The adapters that each layer listens to most, at all its places together. */
function strongest(
  weights: readonly FusionWeights[],
  kept: number,
  adapters: number,
  layers: number,
): Variant {
  return {
    active: Array.from({ length: layers }, (_, layer) => {
      const here = weights.filter((place) => place.layer === layer)
      const total = Array.from({ length: adapters }, (_, adapter) =>
        here.reduce((sum, place) => sum + (place.weights[adapter] ?? 0), 0),
      )
      return largest(total, kept)
    }),
  }
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
 */
export function weightsOfText(
  outputs: Readonly<Record<string, HostTensor>>,
  mask: Float32Array,
  row: number,
  adapters: readonly NamedAdapter[],
): FusionWeights[] {
  const sums: Sums = new Map()
  addRow(sums, outputs, mask, row)
  return meansOf(sums, adapters)
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

/** @returns 0 for an adapter that does not sit at a place */
function meansOf(sums: Sums, adapters: readonly NamedAdapter[]): FusionWeights[] {
  return [...sums].flatMap(([name, { weights, tokens }]) => {
    const place = placeOf(name)
    if (!place) return []
    const means = weights.map((sum) => sum / tokens)
    // The graph weighs those adapters that sit here.
    let next = 0
    const all = adapters.map(({ method }) => (method.parts?.bottleneck?.(place) ? (means[next++] ?? 0) : 0))
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
