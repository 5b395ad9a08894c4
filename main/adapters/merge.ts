import { WorkbenchError, type MethodChoice } from '../../preload/contract.ts'
import type { ProjectionPath } from '../models/architecture.ts'
import type { BackboneConfig } from '../models/config.ts'
import { bareThirds, loraSites, type LoraSite } from './lora.ts'
import { loraScale, type LoraOptions } from './lora-options.ts'
import { findMethod } from './registry.ts'

/** Values by their names in the state dict. */
export interface MergeSource {
  backbone(name: string): Promise<Float32Array>
  adapter(name: string): Float32Array
}

/**
 * The backbone's tensors that a LoRA or IA3 adapter changes, with it merged into them: `W + (α/r) B A`, or the rows of
 * `W` and the elements of `b` multiplied. The backbone alone, with these, computes what it computed with the adapter.
 *
 * The adapters library leaves the bias out when it merges IA3, and so changes what the model computes; here it is in.
 *
 * @param weightsAlone leaves the bias out as well, for comparing with the library
 * @throws WorkbenchError `bad-input` for a method that cannot be merged
 */
export async function mergeAdapter(
  { name: method, options: given }: MethodChoice,
  config: BackboneConfig,
  adapterName: string,
  source: MergeSource,
  { weightsAlone = false }: { weightsAlone?: boolean } = {},
): Promise<Map<string, Float32Array>> {
  const options = findMethod(method).merge?.(given)
  if (!options) {
    throw new WorkbenchError(
      'bad-input',
      `an adapter of method ${method} cannot be merged into the backbone: only LoRA and IA3 change nothing but its weights`,
    )
  }
  if (options.use_gating) {
    throw new WorkbenchError(
      'bad-input',
      `an adapter with use_gating cannot be merged into the backbone: its gate depends on the text`,
    )
  }
  const merged = new Map<string, Float32Array>()
  const tensor = async (name: string): Promise<Float32Array> => {
    const values = merged.get(name) ?? Float32Array.from(await source.backbone(name))
    merged.set(name, values)
    return values
  }
  const scale = async (path: ProjectionPath, factors: Float32Array): Promise<void> =>
    scaleOutputs(
      await tensor(`${path.path}.weight`),
      weightsAlone ? undefined : await tensor(`${path.path}.bias`),
      path,
      factors,
    )
  const sites = loraSites(options, config, adapterName)
  for (const site of sites) {
    if (options.composition_mode === 'add') {
      addProduct(await tensor(`${site.path.path}.weight`), options, site, source)
    } else await scale(site.path, vectorOf(options, site, source))
  }
  for (const { path } of bareThirds(options, config, sites)) {
    await scale(path, new Float32Array(path.outputSize).fill(options.alpha))
  }
  return merged
}

/** Where in a linear layer's parameters one of its outputs stands. */
interface Place {
  weight(output: number, input: number): number
  bias(output: number): number
}

function placeOf({ merged, inputFirst, inputSize, outputSize }: ProjectionPath): Place {
  const start = (merged?.index ?? 0) * outputSize
  const outputs = merged ? 3 * outputSize : outputSize
  return {
    weight: (output, input) =>
      inputFirst ? input * outputs + start + output : (start + output) * inputSize + input,
    bias: (output) => start + output,
  }
}

function addProduct(
  weight: Float32Array,
  options: LoraOptions,
  { name, index, path }: LoraSite,
  { adapter }: MergeSource,
): void {
  const { inputSize, outputSize } = path
  const place = placeOf(path)
  const { r } = options
  const a = adapter(`${name}.lora_A`).subarray(index * r * inputSize, (index + 1) * r * inputSize)
  const b = adapter(`${name}.lora_B`).subarray(index * outputSize * r, (index + 1) * outputSize * r)
  const scale = loraScale(options)
  for (let output = 0; output < outputSize; output++) {
    for (let input = 0; input < inputSize; input++) {
      let product = 0
      for (let k = 0; k < r; k++) product += (b[output * r + k] ?? 0) * (a[k * inputSize + input] ?? 0)
      const at = place.weight(output, input)
      weight[at] = (weight[at] ?? 0) + scale * product
    }
  }
}

/** α times IA3's vector for one linear layer. */
function vectorOf(
  options: LoraOptions,
  { name, index, path: { outputSize } }: LoraSite,
  { adapter }: MergeSource,
): Float32Array {
  const vector = adapter(`${name}.lora_B`).subarray(index * outputSize, (index + 1) * outputSize)
  return vector.map((factor) => factor * loraScale(options))
}

function scaleOutputs(
  weight: Float32Array,
  bias: Float32Array | undefined,
  path: ProjectionPath,
  factors: Float32Array,
): void {
  const place = placeOf(path)
  factors.forEach((factor, output) => {
    for (let input = 0; input < path.inputSize; input++) {
      const at = place.weight(output, input)
      weight[at] = (weight[at] ?? 0) * factor
    }
    if (bias) bias[place.bias(output)] = (bias[place.bias(output)] ?? 0) * factor
  })
}
