import type { GraphCost } from '../../preload/contract.ts'
import type { Variant } from '../adapters/method.ts'
import { countOperations, keptBytes, nodesFor, splitAtLoss } from '../graph/index.ts'
import { evaluationGraph, trainingGraph } from './graphs.ts'
import type { OptimizerSettings } from './optimizer.ts'
import type { TunedModel } from './tuned-model.ts'

/**
 * What one example of the maximum length costs, counted on the graphs of a run before anything is run
 * (`graph/statistics.ts` says what an operation is). Forward is the evaluation graph; backward is what a training step
 * has beyond it, the optimizer's update included. Activations are the values of the training graph's forward part that
 * its backward part reads.
 */
export function graphCost(
  model: TunedModel,
  { maximumLength, optimizer }: { maximumLength: number; optimizer: OptimizerSettings },
): GraphCost {
  const sizes = { batch: 1, sequence: maximumLength }
  const forwardFlops = forwardOperations(model, maximumLength)
  const { graph, state } = trainingGraph(model, optimizer)
  const loss = graph.outputs.get('loss')
  if (!loss) throw new Error('a training graph without a loss')
  const parts = splitAtLoss(graph, loss)
  const stepFlops = countOperations(parts.forward, sizes) + countOperations(parts.backward, sizes)
  return {
    forwardFlops,
    backwardFlops: stepFlops - forwardFlops,
    activationBytes: keptBytes(parts, sizes, new Set(Object.keys(state))),
  }
}

/** Operations of one example of the maximum length forward. @param variant what of the method is at work: all of it */
export function forwardOperations(model: TunedModel, maximumLength: number, variant: Variant = {}): number {
  const { graph } = evaluationGraph(model, { readings: [{ task: 0, variant }] })
  return countOperations(nodesFor(graph, graph.outputs.values()), { batch: 1, sequence: maximumLength })
}
