import { WorkbenchError, type Activation } from '../../preload/contract.ts'
import { add, concatenate, slice, type Value } from '../graph/index.ts'
import type { BackboneConfig } from '../models/config.ts'
import type { Build } from '../models/sites.ts'
import { linear } from '../models/transformer-block.ts'
import { activations } from './activations.ts'
import type { ParameterSpec } from './method.ts'
import { linearSpecs } from './parameter-specs.ts'
import type { AdapterParts } from './parts.ts'

/** One of the two small networks of a coupling: `W_2 act(W_0 x + b_0) + b_2`. */
interface Subnet {
  path: string
  from: number
  inner: number
  to: number
}

/**
 * An invertible adapter after the embeddings: a NICE coupling (Dinh et al. 2015, used by Pfeiffer et al. 2020,
 * "MAD-X"). With the halves `x1` and `x2`: `y1 = x1 + F(x2)`, `y2 = x2 + G(y1)`.
 *
 * @param factor how many times narrower a network's inner layer is than what it reads
 * @throws WorkbenchError `bad-input` where that leaves no inner layer
 */
export function invertibleAdapter(
  factor: number,
  activation: Activation,
  { hiddenSize }: BackboneConfig,
  adapterName: string,
): { parameters: ParameterSpec[]; embeddings: NonNullable<AdapterParts['embeddings']> } {
  const first = Math.floor(hiddenSize / 2)
  const second = hiddenSize - first
  const subnet = (name: string, from: number, to: number): Subnet => {
    const inner = Math.floor(from / factor)
    if (inner < 1) {
      throw new WorkbenchError(
        'bad-input',
        `inv_adapter_reduction_factor ${factor} leaves no unit of the ${from} that an invertible adapter reads; lower it`,
      )
    }
    return { path: `invertible_adapters.${adapterName}.${name}`, from, inner, to }
  }
  const f = subnet('F', second, first)
  const g = subnet('G', first, second)
  const apply = (build: Build, { path, from, inner, to }: Subnet, x: Value): Value =>
    linear(build, activations[activation](linear(build, x, `${path}.0`, from, inner)), `${path}.2`, inner, to)
  return {
    parameters: [f, g].flatMap(({ path, from, inner, to }) => [
      ...linearSpecs(`${path}.0`, from, inner),
      ...linearSpecs(`${path}.2`, inner, to),
    ]),
    embeddings(build, x) {
      const y1 = add(slice(x, -1, 0, first), apply(build, f, slice(x, -1, first, hiddenSize)))
      const y2 = add(slice(x, -1, first, hiddenSize), apply(build, g, y1))
      return concatenate([y1, y2], -1)
    },
  }
}
