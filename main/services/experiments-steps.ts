import type { PlannedRun, StepStatus } from '../../preload/contract.ts'
import type { StepRecord } from '../store/experiments.ts'
import { spreadOf } from '../statistics/spread.ts'
import type { Settings } from './experiments-sweep.ts'

/** What a step is at the moment: what was stored of it, or how its run goes. */
export function statusOf({ status, run }: StepRecord): StepStatus {
  if (status !== 'started') return status
  return run?.status ?? 'left-out'
}

/** Whether it waits for nothing more, for better or worse. */
export function isOver(status: StepStatus): boolean {
  return ['finished', 'failed', 'stopped', 'blocked', 'left-out'].includes(status)
}

/** Whether its run is in the queue, running or set aside. */
export function isActive(status: StepStatus): boolean {
  return ['queued', 'running', 'paused', 'interrupted'].includes(status)
}

/**
 * What follows for the steps of an experiment from what its runs have come to: rungs of successive halving get their
 * settings, and what builds on something that failed is blocked.
 *
 * @returns the steps that changed
 */
export function advance(steps: readonly StepRecord[]): StepRecord[] {
  const now = new Map(steps.map((step) => [step.plan.key, step]))
  const changed = new Map<string, StepRecord>()
  const change = (step: StepRecord): void => {
    now.set(step.plan.key, step)
    changed.set(step.plan.key, step)
  }
  for (const step of steps) {
    if (step.status === 'started' && step.run === undefined) {
      const { position, plan } = step
      change({ position, plan, status: 'left-out', error: 'Its run was removed.' })
    }
  }
  for (const step of promotions([...now.values()])) change(step)
  // Until nothing follows any more: what is blocked blocks what builds on it.
  for (let before = -1; before !== changed.size;) {
    before = changed.size
    for (const step of now.values()) {
      if (step.status !== 'waiting') continue
      const lost = step.plan.dependsOn.find((key) => {
        const source = now.get(key)
        const status = source === undefined ? 'left-out' : statusOf(source)
        return isOver(status) && status !== 'finished'
      })
      if (lost !== undefined) {
        change({ ...step, status: 'blocked', error: `It builds on “${lost}”, which has not finished.` })
      }
    }
  }
  return [...changed.values()]
}

/** The steps that may start now, in their order. */
export function readySteps(steps: readonly StepRecord[]): StepRecord[] {
  const finished = new Set(steps.filter((step) => statusOf(step) === 'finished').map(({ plan }) => plan.key))
  return steps.filter(
    ({ status, plan }) =>
      status === 'waiting' && plan.dependsOn.every((key) => finished.has(key)) && hasSettings(plan),
  )
}

/** Of a later rung only once the rung before has shown which settings go on. */
function hasSettings({ rung = 0, settings }: PlannedRun): boolean {
  return rung === 0 || Object.keys(settings).length > 0
}

/** Steps of later rungs that get their settings, or are left out for want of good ones. */
function promotions(steps: readonly StepRecord[]): StepRecord[] {
  const changed: StepRecord[] = []
  const sweeps = Map.groupBy(
    steps.filter(({ plan }) => plan.rung !== undefined),
    ({ plan }) => JSON.stringify([plan.variant, plan.modelId, plan.datasetId]),
  )
  for (const sweep of sweeps.values()) {
    const rungs = Map.groupBy(sweep, ({ plan }) => plan.rung ?? 0)
    for (const [rung, members] of rungs) {
      const before = rungs.get(rung - 1) ?? []
      const open = members.filter((step) => step.status === 'waiting' && !hasSettings(step.plan))
      if (rung === 0 || open.length === 0 || !before.every((step) => isOver(statusOf(step)))) continue
      const best = ranked(before)
      // The same settings go on with every seed; those that did already, before others were tried again, do not twice.
      for (const [seed, alike] of Map.groupBy(open, ({ plan }) => plan.seed)) {
        const taken = new Set(
          members
            .filter(({ plan }) => plan.seed === seed && hasSettings(plan))
            .map(({ plan }) => JSON.stringify(plan.settings)),
        )
        const left = best.filter((settings) => !taken.has(JSON.stringify(settings)))
        alike.forEach((step, slot) => {
          const settings = left[slot]
          changed.push(
            settings === undefined
              ? { ...step, status: 'left-out', error: 'Too few settings of the rung before have finished.' }
              : { ...step, plan: { ...step.plan, settings } },
          )
        })
      }
    }
  }
  return changed
}

/** Settings by their mean validation score over the seeds that finished, the best first. */
function ranked(steps: readonly StepRecord[]): Settings[] {
  const bySettings = Map.groupBy(steps, ({ plan }) => JSON.stringify(plan.settings))
  const scored = [...bySettings.values()].flatMap((alike) => {
    const values = alike.flatMap((step) =>
      statusOf(step) === 'finished' ? (step.run?.best?.value ?? []) : [],
    )
    const settings = alike[0]?.plan.settings
    return values.length === 0 || settings === undefined ? [] : [{ settings, mean: spreadOf(values).mean }]
  })
  return scored.sort((a, b) => b.mean - a.mean).map(({ settings }) => settings)
}
