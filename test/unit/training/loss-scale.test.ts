import { describe, expect, it } from 'vitest'

import { afterStep, firstScaling, isExhausted } from '../../../main/training/loss-scale.ts'

const after = (steps: number, from = firstScaling) =>
  Array.from({ length: steps }).reduce<typeof firstScaling>((scaling) => afterStep(scaling, true), from)

describe('the scale of the loss', () => {
  it('halves with every gradient that is not finite, and counts the step as left out', () => {
    const once = afterStep(after(10), false)
    expect(once).toEqual({ scale: 2 ** 14, steady: 0, skipped: 1 })
    expect(afterStep(once, false)).toEqual({ scale: 2 ** 13, steady: 0, skipped: 2 })
  })

  it('doubles after 500 steps that all went well, and no sooner', () => {
    expect(after(499).scale).toBe(2 ** 15)
    expect(after(500)).toEqual({ scale: 2 ** 16, steady: 0, skipped: 0 })
    expect(after(499, afterStep(after(400), false)).scale).toBe(2 ** 14)
  })

  it('has an upper end, and is given up below 1', () => {
    expect(after(500, { ...firstScaling, scale: 2 ** 24 }).scale).toBe(2 ** 24)
    expect(isExhausted({ ...firstScaling, scale: 1 })).toBe(false)
    expect(isExhausted(afterStep({ ...firstScaling, scale: 1 }, false))).toBe(true)
  })
})
