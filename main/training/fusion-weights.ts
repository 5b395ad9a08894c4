import type { FusionWeights, RunAnalysis, SplitName } from '../../preload/contract.ts'
import type { Variant } from '../adapters/method.ts'
import type { TrainedValues } from './checkpoint.ts'
import { floats, readBatches } from './evaluate.ts'
import { evaluateTasks, overall, type RunContext } from './run-context.ts'
import { largest } from './selection.ts'

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
  if (!graph.tuned.revealed.some((name) => placeOf(name))) return undefined
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

/** Mean weight of every adapter over all tokens of a split, padding left out; 0 where it does not sit. */
async function meanWeights(
  context: RunContext,
  values: TrainedValues,
  split: SplitName,
): Promise<FusionWeights[]> {
  const { prepared, tuning, examples } = context
  const sums = new Map<string, Sum>()
  for (const [task, rows] of examples.entries()) {
    context.at('validating')
    const graph = await tuning.evaluation([{ task, variant: {} }], values)
    const names = graph.tuned.revealed.filter((name) => placeOf(name))
    const fetch = names.map((name) => `revealed.${name}`)
    const options = {
      labels: [prepared.model.tasks[task]?.labels ?? 0],
      padId: prepared.tokenizer.padTokenId,
      onBatch: () => context.breathe('validating'),
    }
    for await (const { batch, outputs } of readBatches(graph, rows[split], fetch, options)) {
      for (const name of names) {
        const { shape = [] } = outputs[`revealed.${name}`] ?? {}
        addWeights(sums, name, floats(outputs, `revealed.${name}`), shape, batch.mask)
      }
    }
  }
  return [...sums].flatMap(([name, { weights, tokens }]) => {
    const place = placeOf(name)
    if (!place) return []
    const means = weights.map((sum) => sum / tokens)
    // The graph weighs those adapters that sit here.
    let next = 0
    const all = prepared.adapters.map(({ method }) =>
      method.parts?.bottleneck?.(place) ? (means[next++] ?? 0) : 0,
    )
    return [{ ...place, weights: all }]
  })
}

/**
 * @param data `[adapters]`, or `[sequence, batch, adapters]`, where one position alone may stand for its text
 * @param mask `[batch, sequence]`
 */
function addWeights(
  sums: Map<string, Sum>,
  name: string,
  data: Float32Array,
  shape: readonly number[],
  mask: Float32Array,
): void {
  const adapters = shape.at(-1) ?? 0
  const sum = sums.get(name) ?? { weights: new Array<number>(adapters).fill(0), tokens: 0 }
  sums.set(name, sum)
  const [positions = 1, batch = 1] = shape.length === 3 ? shape : []
  const length = shape.length === 3 ? mask.length / batch : 1
  for (let position = 0; position < positions; position++) {
    for (let row = 0; row < batch; row++) {
      const counts = positions < length || shape.length === 1 ? 1 : (mask[row * length + position] ?? 0)
      if (counts === 0) continue
      sum.tokens += 1
      const from = (position * batch + row) * adapters
      for (let i = 0; i < adapters; i++) sum.weights[i] = (sum.weights[i] ?? 0) + (data[from + i] ?? 0)
    }
  }
}

/** The layer and place of a revealed value `fusion.<layer>.<place>`. */
function placeOf(name: string): Pick<FusionWeights, 'layer' | 'place'> | undefined {
  const found = /^fusion\.(\d+)\.(attention|output)$/.exec(name)
  return found
    ? { layer: Number(found[1]), place: found[2] === 'attention' ? 'attention' : 'output' }
    : undefined
}
