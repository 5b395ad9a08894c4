import {
  add,
  concatenate,
  divide,
  minimum,
  multiply,
  reduceSum,
  slice,
  squareRoot,
  subtract,
  type Graph,
  type Value,
} from '../graph/index.ts'
import type { HostTensor } from '../engines/engine.ts'
import type { ParameterLayout, Segment } from './layout.ts'

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
 * @param segments of the vector, in order and without gaps
 * @param ownSteps whether each parameter counts its own steps: `stepSize` and `rootCorrection` are then `[size]`
 * @returns the gradient's norm before clipping, `[1]`
 */
export function adamW(
  graph: Graph,
  parameters: Value,
  gradient: Value,
  { beta1, beta2, epsilon, clipNorm }: OptimizerSettings,
  segments: readonly Segment[],
  ownSteps = false,
): Value {
  const moment1 = graph.input('moment1', 'float32', parameters.shape)
  const moment2 = graph.input('moment2', 'float32', parameters.shape)
  const decay = graph.input('decay', 'float32', [])
  const counted = ownSteps ? parameters.shape : []
  const stepSize = graph.input('stepSize', 'float32', counted)
  const rootCorrection = graph.input('rootCorrection', 'float32', counted)

  const norm = squareRoot(reduceSum(multiply(gradient, gradient), [0], true))
  // The small number is the one in torch.nn.utils.clip_grad_norm_.
  const clipped =
    clipNorm > 0
      ? multiply(
          gradient,
          minimum(divide(graph.constant(Float32Array.of(clipNorm), [1]), add(norm, 1e-6)), 1),
        )
      : gradient

  const next = segments.map(({ start, end, trained, rateScale, decays }) => {
    const part = (vector: Value): Value => slice(vector, 0, start, end)
    if (!trained) return [part(parameters), part(moment1), part(moment2)] as const
    const own = (numbers: Value): Value => (ownSteps ? part(numbers) : numbers)
    const slope = part(clipped)
    const next1 = add(multiply(part(moment1), beta1), multiply(slope, 1 - beta1))
    const next2 = add(multiply(part(moment2), beta2), multiply(multiply(slope, slope), 1 - beta2))
    const deviation = add(multiply(squareRoot(next2), own(rootCorrection)), epsilon)
    const update = multiply(divide(next1, deviation), multiply(own(stepSize), rateScale))
    const kept = decays
      ? multiply(part(parameters), subtract(graph.scalar(1), multiply(decay, rateScale)))
      : part(parameters)
    return [subtract(kept, update), next1, next2] as const
  })
  graph.output(
    optimizerState.parameters,
    concatenate(
      next.map(([value]) => value),
      0,
    ),
  )
  graph.output(
    optimizerState.moment1,
    concatenate(
      next.map(([, value]) => value),
      0,
    ),
  )
  graph.output(
    optimizerState.moment2,
    concatenate(
      next.map(([, , value]) => value),
      0,
    ),
  )
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
    decay: scalar(learningRate * weightDecay),
    stepSize: scalar(learningRate / (1 - beta1 ** step)),
    rootCorrection: scalar(1 / Math.sqrt(1 - beta2 ** step)),
  }
}

/**
 * The numbers that change from step to step, where each parameter counts the steps in which it was trained, as in
 * PyTorch: a parameter that is trained seldom would else be taken for one whose moments have long settled.
 *
 * @param steps of each entry of the layout, this one included where it is trained in it
 */
export function ownStepFeeds(
  layout: ParameterLayout,
  steps: readonly number[],
  learningRate: number,
  weightDecay: number,
  { beta1, beta2 }: Pick<OptimizerSettings, 'beta1' | 'beta2'>,
): Record<string, HostTensor> {
  const stepSize = new Float32Array(layout.size)
  const rootCorrection = new Float32Array(layout.size)
  let index = 0
  for (const { offset, size } of layout.entries.values()) {
    const step = steps[index++] ?? 0
    if (step === 0) continue
    stepSize.fill(learningRate / (1 - beta1 ** step), offset, offset + size)
    rootCorrection.fill(1 / Math.sqrt(1 - beta2 ** step), offset, offset + size)
  }
  return {
    decay: { data: Float32Array.of(learningRate * weightDecay), shape: [] },
    stepSize: { data: stepSize, shape: [layout.size] },
    rootCorrection: { data: rootCorrection, shape: [layout.size] },
  }
}
