import { add, matMul, reduceMean, sigmoid, type Value } from '../graph/index.ts'
import type { Build } from '../models/sites.ts'
import type { Initialization, ParameterSpec } from './method.ts'
import { linearSpecs, smallRandom, uniform } from './parameter-specs.ts'

/**
 * How much of an adapter is let through: numbers between 0 and 1 for each example, `[1, batch, count]`. The mean of a
 * linear layer's sigmoid over all positions, padding included, as in the adapters library.
 *
 * @param x `[sequence, batch, size]`
 */
export function meanGate(build: Build, name: string, x: Value, size: number, count = 1): Value {
  const weight = build.parameter(`${name}.weight`, [count, size])
  const logits = add(matMul(x, weight, { transposeB: true }), build.parameter(`${name}.bias`, [count]))
  return reduceMean(sigmoid(logits), [0], true)
}

/** How a gate begins: unless a method says otherwise, small weights and PyTorch's bias of a linear layer. */
export function gateSpecs(
  name: string,
  size: number,
  {
    count = 1,
    weight = smallRandom,
    bias = uniform(size),
  }: { count?: number; weight?: Initialization; bias?: Initialization } = {},
): ParameterSpec[] {
  return linearSpecs(name, size, count, { weight, bias })
}
