import type { DropPoint } from '../../preload/contract.ts'
import { layersOf } from '../adapters/parts.ts'
import type { TrainedValues } from './checkpoint.ts'
import type { RunContext } from './run-context.ts'
import { measureVariant } from './variant-measures.ts'

/**
 * Quality and time on the validation rows with the adapters of the first n layers left out, for every n that differs
 * from the ones before (a specialised AdapterDrop never had its first). The first point is the whole method.
 *
 * @returns undefined for a method without bottleneck adapters, and where a task has no validation rows
 */
export async function measureDropCurve(
  context: RunContext,
  values: TrainedValues,
): Promise<DropPoint[] | undefined> {
  const { prepared, examples } = context
  const { config, method } = prepared.model
  const first = layersOf(config).find((layer) => method.carriesBottleneck?.(layer))
  if (first === undefined || examples.some(({ validation }) => validation.texts.length === 0))
    return undefined
  const points: DropPoint[] = []
  for (let droppedLayers = first; droppedLayers <= config.layers; droppedLayers++) {
    context.at('validating')
    // Other parts may sit below the lowest bottleneck.
    const variant = droppedLayers === first ? {} : { droppedLayers }
    points.push({ droppedLayers, ...(await measureVariant(context, values, variant)) })
  }
  return points
}
