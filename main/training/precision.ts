import { WorkbenchError, type BackbonePrecision } from '../../preload/contract.ts'
import type { ParameterSpec } from '../adapters/method.ts'
import type { Engine, HalfFile, QuantisedFile } from '../engines/engine.ts'
import { writeHalfFile } from '../models/half-weights.ts'
import { normReaders } from '../models/norm-readers.ts'
import { writeQuantisedFile } from '../models/quantised-weights.ts'
import type { Backbone } from '../models/weights.ts'

/** The frozen weights as a run reads them, beside the float32 file. */
export interface FrozenCopies {
  /** In 8 bits, where the run computes with those. */
  quantised?: QuantisedFile
  /** In half precision, where the run reads those. */
  half?: HalfFile
}

/**
 * The copies of the frozen weights that a precision needs, made in the cache folder where they are not there.
 *
 * @throws WorkbenchError `bad-input` where the engine has no such products or the weights do not fit in
 */
export async function frozenCopies(
  precision: BackbonePrecision,
  backbone: Backbone,
  engine: Engine,
  cacheFolder: string,
): Promise<FrozenCopies> {
  if (precision === 'float32') return {}
  if (precision === 'float16') {
    const file = await writeHalfFile(backbone, cacheFolder)
    return { half: { ...file, compute: (await engine.computesHalf?.()) ?? false } }
  }
  if (!engine.largestInt8) {
    throw new WorkbenchError(
      'bad-input',
      `training.backbonePrecision: ${engine.name} on ${engine.device} has no products of 8 bits; ` +
        'choose onnxruntime on cpu, or float32',
    )
  }
  const norms = normReaders(backbone.config)
  return { quantised: await writeQuantisedFile(backbone, cacheFolder, await engine.largestInt8(), norms) }
}

/**
 * Refuses a rounded backbone for a run that trains weights of its layers: rounded, they would not follow their
 * gradients. Biases and layer norms are never rounded.
 *
 * @param trained what the run trains
 * @throws WorkbenchError `bad-input`
 */
export function refuseTrainedWeights(precision: BackbonePrecision, trained: readonly ParameterSpec[]): void {
  if (precision === 'float32') return
  const weight = trained.find(({ group, shape }) => group === 'backbone' && shape.length === 2)
  if (!weight) return
  throw new WorkbenchError(
    'bad-input',
    `training.backbonePrecision: ${precision} is for a backbone whose weights stay as they are, but this run trains “${weight.name}”. ` +
      'Choose float32, or a method that keeps the backbone frozen and no unfrozen layers',
  )
}

/** What a run computes with, in words for its environment; undefined for plain float32. */
export function precisionInWords({ quantised, half }: FrozenCopies): string | undefined {
  if (quantised) return 'frozen weights and what they are multiplied with in 8 bits, the rest in float32'
  if (!half) return undefined
  return half.compute
    ? 'frozen weights and products with them in half precision, the rest in float32'
    : 'frozen weights stored in half precision and computed with in float32, since this device has no products in half precision'
}
