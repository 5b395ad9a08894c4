import type { Graph, HalfLocations } from '../graph/index.ts'
import { isInHalf, splitAtLoss } from '../graph/index.ts'

/**
 * Dynamic loss scaling (Micikevicius et al. 2018): where gradients run through half precision, the loss is multiplied
 * before the backward pass, so that small ones do not vanish, and the gradient is divided again.
 */
export interface LossScaling {
  /** What the loss is multiplied with: a power of 2, which changes no digit. */
  scale: number
  /** Steps since it last changed. */
  steady: number
  /** Steps that were left out, since their gradients were not finite at the scale they had. */
  skipped: number
}

export const firstScaling: LossScaling = { scale: 2 ** 15, steady: 0, skipped: 0 }

const largestScale = 2 ** 24
/** Steps without a gradient that is not finite after which a larger scale is tried. */
const patience = 500

/** How the scaling goes on after a step whose gradients were all finite, or were not. */
export function afterStep({ scale, steady, skipped }: LossScaling, isFinite: boolean): LossScaling {
  if (!isFinite) return { scale: scale / 2, steady: 0, skipped: skipped + 1 }
  if (steady + 1 < patience) return { scale, steady: steady + 1, skipped }
  return { scale: Math.min(scale * 2, largestScale), steady: 0, skipped }
}

/** A gradient that is not finite at so small a scale is not so for want of range. */
export function isExhausted({ scale }: LossScaling): boolean {
  return scale < 1
}

/** Whether the backward pass of a training graph reads weights in half precision. */
export function needsScaling(graph: Graph, half: Pick<HalfLocations, 'entries' | 'compute'>): boolean {
  const loss = graph.outputs.get('loss')
  return loss !== undefined && splitAtLoss(graph, loss).backward.some((node) => isInHalf(node, half))
}
