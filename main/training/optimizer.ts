import {
  add,
  divide,
  minimum,
  multiply,
  reduceSum,
  squareRoot,
  subtract,
  type Graph,
  type Value,
} from '../graph/index.ts'
import type { HostTensor } from '../engines/engine.ts'

export interface OptimizerSettings {
  beta1: number
  beta2: number
  epsilon: number
  /** Largest norm of the gradient; 0: no clipping. */
  clipNorm: number
}

/** Inputs and outputs of an optimizer in a graph: each state vector with the output that replaces it. */
export const optimizerState = {
  parameters: 'next.parameters',
  moment1: 'next.moment1',
  moment2: 'next.moment2',
} as const

/**
 * Adds one AdamW step (Loshchilov & Hutter 2019, in PyTorch's form: decoupled decay, then the Adam update).
 *
 * @param parameters the state input `parameters`, `[size]`
 * @param gradient `[size]`
 * @returns the gradient's norm before clipping, `[1]`
 */
export function adamW(
  graph: Graph,
  parameters: Value,
  gradient: Value,
  { beta1, beta2, epsilon, clipNorm }: OptimizerSettings,
): Value {
  const moment1 = graph.input('moment1', 'float32', parameters.shape)
  const moment2 = graph.input('moment2', 'float32', parameters.shape)
  const decay = graph.input('decay', 'float32', [])
  const stepSize = graph.input('stepSize', 'float32', [])
  const rootCorrection = graph.input('rootCorrection', 'float32', [])

  const norm = squareRoot(reduceSum(multiply(gradient, gradient), [0], true))
  // The small number is the one in torch.nn.utils.clip_grad_norm_.
  const clipped =
    clipNorm > 0
      ? multiply(
          gradient,
          minimum(divide(graph.constant(Float32Array.of(clipNorm), [1]), add(norm, 1e-6)), 1),
        )
      : gradient

  const next1 = add(multiply(moment1, beta1), multiply(clipped, 1 - beta1))
  const next2 = add(multiply(moment2, beta2), multiply(multiply(clipped, clipped), 1 - beta2))
  const deviation = add(multiply(squareRoot(next2), rootCorrection), epsilon)
  const update = multiply(divide(next1, deviation), stepSize)
  graph.output(optimizerState.parameters, subtract(multiply(parameters, decay), update))
  graph.output(optimizerState.moment1, next1)
  graph.output(optimizerState.moment2, next2)
  return norm
}

/**
 * The numbers that change from step to step.
 *
 * @param step counted from 1
 */
export function optimizerFeeds(
  step: number,
  learningRate: number,
  weightDecay: number,
  { beta1, beta2 }: Pick<OptimizerSettings, 'beta1' | 'beta2'>,
): Record<string, HostTensor> {
  const scalar = (value: number): HostTensor => ({ data: Float32Array.of(value), shape: [] })
  return {
    decay: scalar(1 - learningRate * weightDecay),
    stepSize: scalar(learningRate / (1 - beta1 ** step)),
    rootCorrection: scalar(1 / Math.sqrt(1 - beta2 ** step)),
  }
}
