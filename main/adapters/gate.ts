import { add, matMul, reduceMean, reshape, sigmoid, type Value } from '../graph/index.ts'
import { meanOfTokens } from '../models/positions.ts'
import type { Build } from '../models/sites.ts'
import type { Initialization, ParameterSpec } from './method.ts'
import { linearSpecs, smallRandom, uniform } from './parameter-specs.ts'

/**
 * How much of an adapter is let through: numbers between 0 and 1 for each example, `[1, batch, count]`. The mean of a
 * linear layer's sigmoid over the tokens; in the adapters library over padding too, by which an answer depends on how
 * long the other texts of its batch are (`Build.gatesReadPadding`).
 *
 * @param x `[sequence, batch, size]`
 */
export function meanGate(build: Build, name: string, x: Value, size: number, count = 1): Value {
  const weight = build.parameter(`${name}.weight`, [count, size])
  const logits = add(matMul(x, weight, { transposeB: true }), build.parameter(`${name}.bias`, [count]))
  const open = sigmoid(logits)
  if (build.gatesReadPadding) return reduceMean(open, [0], true)
  return reshape(meanOfTokens(open, build.tokenMask), [1, 'batch', count])
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
