import { describe, expect, it } from 'vitest'

import type { StepStatus } from '../../../preload/contract.ts'
import { advance } from '../../../main/services/experiments-steps.ts'
import type { StepRecord } from '../../../main/store/experiments.ts'

/** A step of a rung of successive halving; `value` is the validation score of one that finished. */
function step(
  rung: number,
  slot: number,
  rest: { status?: StepStatus; rate?: number; value?: number },
): StepRecord {
  const { status = 'waiting', rate, value } = rest
  const finished = value !== undefined
  const plan = {
    ...{ key: `r${rung}s${slot}`, variant: 'a', seed: 1, rung, dependsOn: [] },
    ...{ modelId: 'm', modelName: 'm', datasetId: 'd', datasetName: 'd' },
    settings: rate === undefined ? {} : { 'training.learningRate': rate },
  }
  return {
    position: 10 * rung + slot,
    plan,
    status: finished ? 'started' : status,
    ...(finished ? { run: { status: 'finished', best: { value } } } : {}),
  } as unknown as StepRecord
}

const rateOf = ({ plan }: StepRecord) => plan.settings['training.learningRate']

describe('successive halving', () => {
  const first = [0.1, 0.2, 0.3, 0.4]
  const values = [0.7, 0.9, 0.8, 0.6]

  it('lets the best settings of a rung go on', () => {
    const steps = [
      ...first.map((rate, slot) => step(0, slot, { rate, value: values[slot] ?? 0 })),
      step(1, 0, {}),
      step(1, 1, {}),
    ]
    expect(advance(steps).map(rateOf)).toEqual([0.2, 0.3])
  })

  it('gives a slot that opens again the best setting that did not go on already', () => {
    // Only the second setting had finished at first; the others were tried again later.
    const steps = [
      ...first.map((rate, slot) => step(0, slot, { rate, value: values[slot] ?? 0 })),
      step(1, 0, { rate: 0.2, value: 0.95 }),
      step(1, 1, {}),
    ]
    expect(advance(steps).map(rateOf)).toEqual([0.3])
  })

  it('leaves slots out for which no setting has finished', () => {
    const steps = [
      step(0, 0, { rate: 0.1, status: 'failed' }),
      step(0, 1, { rate: 0.2, value: 0.8 }),
      step(1, 0, { rate: 0.2, value: 0.9 }),
      step(1, 1, {}),
    ]
    expect(advance(steps).map(({ status }) => status)).toEqual(['left-out'])
  })
})
