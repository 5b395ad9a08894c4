import type { RunAnalysis } from '../../preload/contract.ts'
import type { TrainedValues } from './checkpoint.ts'
import { graphCost } from './cost.ts'
import { measureDropCurve } from './drop-curve.ts'
import { remeasureEarlierTasks } from './earlier-tasks.ts'
import { forgettingOf } from './forgetting.ts'
import { measureFusion } from './fusion-weights.ts'
import { measureLatency } from './latency.ts'
import { measureContributions } from './part-contributions.ts'
import type { RunContext, TaskEvaluation } from './run-context.ts'
import { evaluateSelections } from './selection-results.ts'

/**
 * What the best parameters of a run show besides their scores, as far as the run's method has something to show.
 *
 * @param validation what these parameters give on the validation rows
 */
export async function analyseRun(
  context: RunContext,
  values: TrainedValues,
  validation: readonly TaskEvaluation[],
): Promise<RunAnalysis> {
  const { job, prepared } = context
  const { training } = job.config
  const dropCurve = await measureDropCurve(context, values)
  // Its first point leaves nothing out.
  const fusion = await measureFusion(context, values, dropCurve?.[0])
  const selections = await evaluateSelections(context, values)
  const contributions = await measureContributions(context, values, validation)
  const latency = await measureLatency(context, values)
  const forgetting = await forgettingOf(context, values)
  const earlierTasks = await remeasureEarlierTasks(context, values)
  const { tuning } = context
  const splits = tuning.evaluatesOnStates ? (['train', 'validation'] as const) : (['train'] as const)
  const cache = tuning.cacheUse(context.examples.flatMap((rows) => splits.map((split) => rows[split])))
  return {
    cost: graphCost(prepared.model, { maximumLength: training.maximumLength, optimizer: training }),
    ...(cache ? { cache } : {}),
    ...(latency ? { latency } : {}),
    ...(dropCurve ? { dropCurve } : {}),
    ...(fusion ? { fusion } : {}),
    ...(selections ? { selections } : {}),
    ...(contributions ? { contributions } : {}),
    ...(forgetting ? { forgetting } : {}),
    ...(earlierTasks ? { earlierTasks } : {}),
  }
}
