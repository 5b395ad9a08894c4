import { describe, expect, it } from 'vitest'

import { HeadChoice, TrainingConfig, type MethodDescription } from '../../../preload/contract.ts'
import { emptyDraft, type RunDraft } from '../../../renderer/lib/run-draft.ts'
import { forSmallData, isTooShort, plannedSteps } from '../../../renderer/lib/small-data.ts'

const defaults = { head: HeadChoice.parse({}), training: TrainingConfig.parse({}) }
const methods = [{ name: 'seq_bn', learningRate: 1e-3 }] as MethodDescription[]
const draft: RunDraft = {
  ...emptyDraft,
  variants: [
    { key: 'a', method: 'seq_bn', options: {}, learningRate: undefined },
    { key: 'b', method: 'seq_bn', options: {}, learningRate: 0.01 },
  ],
}

describe('settings for small data', () => {
  it('are offered where the steps are few', () => {
    expect(plannedSteps(draft, defaults, 309)).toBe(100)
    expect(isTooShort(draft, defaults, 309)).toBe(true)
    expect(isTooShort(draft, defaults, 5000)).toBe(false)
    expect(isTooShort(draft, defaults, 0)).toBe(false)
  })

  it('make enough steps, and then are not offered any more', () => {
    for (const rows of [60, 309, 800]) {
      expect(isTooShort({ ...draft, ...forSmallData(draft, methods, rows) }, defaults, rows)).toBe(false)
    }
  })

  it('leave a learning rate alone that was chosen', () => {
    const { variants, head } = forSmallData(draft, methods, 309)
    expect(variants?.map((variant) => variant.learningRate)).toEqual([0.003, 0.01])
    expect(head?.pooling).toBe('mean')
  })
})
