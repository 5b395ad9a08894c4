import { describe, expect, it } from 'vitest'

import { learningRateAt } from '../../../main/training/schedule.ts'

const at = (step: number, schedule: 'linear' | 'constant' | 'cosine', warmup = 0.1): number =>
  learningRateAt(step, 100, 1, { schedule, warmup })

describe('the learning rate', () => {
  it('rises from 0 to its peak during the warm-up', () => {
    expect(at(1, 'linear')).toBe(0)
    expect(at(6, 'linear')).toBe(0.5)
    expect(at(11, 'linear')).toBe(1)
  })

  it('falls linearly, so that it would reach 0 one step after the last', () => {
    expect(at(56, 'linear')).toBe(0.5)
    expect(at(100, 'linear')).toBeCloseTo(1 / 90, 12)
  })

  it('falls by half a cosine', () => {
    expect(at(11, 'cosine')).toBe(1)
    expect(at(56, 'cosine')).toBeCloseTo(0.5, 12)
    expect(at(100, 'cosine')).toBeLessThan(0.001)
  })

  it('stays where it is asked to', () => {
    expect(at(100, 'constant')).toBe(1)
  })

  it('begins at its peak without warm-up', () => {
    expect(at(1, 'linear', 0)).toBe(1)
  })
})
