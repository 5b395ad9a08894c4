import type {
  ExperimentDetail,
  ExperimentStep,
  ExperimentSummary,
  ScoreName,
} from '../../preload/contract.ts'
import { spreadOf } from '../statistics/spread.ts'
import type { Database } from '../store/database.ts'
import { listSteps, type ExperimentRecord, type StepRecord } from '../store/experiments.ts'
import { isActive, statusOf } from './experiments-steps.ts'

export function toExperimentSummary(
  database: Database,
  record: ExperimentRecord,
  steps: readonly StepRecord[] = listSteps(database, record.id),
): ExperimentSummary {
  const { config, ...rest } = record
  const statuses = steps.map(statusOf)
  const count = (...wanted: string[]): number => statuses.filter((status) => wanted.includes(status)).length
  const finished = count('finished')
  const leftOut = count('left-out')
  const underWay = steps
    .filter((step) => isActive(statusOf(step)))
    .reduce((sum, step) => sum + (step.run?.done ?? 0), 0)
  const secondsLeft = estimateLeft(steps)
  return {
    ...rest,
    counts: {
      total: steps.length,
      waiting: count('waiting'),
      active: statuses.filter(isActive).length,
      finished,
      failed: count('failed', 'stopped', 'blocked'),
      leftOut,
    },
    done: steps.length === 0 ? 0 : (finished + leftOut + underWay) / steps.length,
    ...(secondsLeft === undefined || record.endedAt !== undefined ? {} : { secondsLeft }),
    runIds: steps.flatMap(({ runId }) => runId ?? []),
    best: bestVariants(steps, config.metric),
  }
}

export function toExperimentDetail(database: Database, record: ExperimentRecord): ExperimentDetail {
  const steps = listSteps(database, record.id)
  return {
    ...toExperimentSummary(database, record, steps),
    config: record.config,
    steps: steps.map((step) => toStep(step, record.config.metric)),
  }
}

function toStep(step: StepRecord, metric: ScoreName): ExperimentStep {
  const { plan, runId, error, run } = step
  const score = run?.best?.metric === metric ? run.best.value : undefined
  const reason = error ?? run?.error
  return {
    ...plan,
    status: statusOf(step),
    ...(runId === undefined ? {} : { runId }),
    ...(score === undefined ? {} : { score }),
    ...(reason === undefined ? {} : { error: reason }),
  }
}

/** By what finished steps took against what was estimated for them; else by the mean of those that finished. */
function estimateLeft(steps: readonly StepRecord[]): number | undefined {
  const finished = steps.filter((step) => statusOf(step) === 'finished' && (step.run?.seconds ?? 0) > 0)
  const took = (those: readonly StepRecord[]): number =>
    those.reduce((sum, { run }) => sum + (run?.seconds ?? 0), 0)
  const estimated = finished.filter(({ plan }) => (plan.estimatedSeconds ?? 0) > 0)
  const foreseen = estimated.reduce((sum, { plan }) => sum + (plan.estimatedSeconds ?? 0), 0)
  const factor = foreseen > 0 ? took(estimated) / foreseen : 1
  const usual = finished.length > 0 ? took(finished) / finished.length : undefined
  let left = 0
  for (const step of steps) {
    const status = statusOf(step)
    if (status !== 'waiting' && !isActive(status)) continue
    const { estimatedSeconds } = step.plan
    const whole = estimatedSeconds === undefined ? usual : estimatedSeconds * factor
    if (whole === undefined) return undefined
    left += whole * (1 - (step.run?.done ?? 0))
  }
  return left
}

/** The highest mean test score (validation, where a run has no test) on each dataset and model. */
function bestVariants(steps: readonly StepRecord[], metric: ScoreName): ExperimentSummary['best'] {
  const scored = steps.flatMap((step) => {
    const score = step.run?.test?.[metric] ?? step.run?.best?.value
    return statusOf(step) === 'finished' && score !== undefined ? [{ plan: step.plan, score }] : []
  })
  const places = Map.groupBy(scored, ({ plan }) => JSON.stringify([plan.datasetName, plan.modelName]))
  return [...places.values()].flatMap((alike) => {
    const variants = Map.groupBy(alike, ({ plan }) =>
      JSON.stringify([plan.variant, plan.settings, plan.rung]),
    )
    const means = [...variants.values()].flatMap((own) => {
      const [first] = own
      if (first === undefined) return []
      const { datasetName, modelName, variant } = first.plan
      const { mean } = spreadOf(own.map(({ score }) => score))
      return [{ datasetName, modelName, variant, mean, runs: own.length }]
    })
    const [best] = means.sort((a, b) => b.mean - a.mean)
    return best === undefined ? [] : [best]
  })
}
