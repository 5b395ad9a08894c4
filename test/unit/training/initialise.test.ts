import { describe, expect, it } from 'vitest'

import type { Initialization } from '../../../main/adapters/method.ts'
import { initialParameters } from '../../../main/training/initialise.ts'
import { layOut, partOf } from '../../../main/training/layout.ts'

const spec = (name: string, initialization: Initialization, size = 20_000) => ({
  name,
  shape: [size],
  group: 'adapter' as const,
  initialization,
})
const none = () => Promise.reject(new Error('nothing is pretrained here'))

async function draw(initialization: Initialization, seed = 1): Promise<Float32Array> {
  return initialParameters(layOut([spec('a', initialization)]), seed, none)
}

function deviation(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length)
}

describe('initial parameters', () => {
  it('are normal with the deviation asked for', async () => {
    const values = await draw({ kind: 'normal', deviation: 0.02 })
    expect(deviation(values)).toBeCloseTo(0.02, 3)
    expect(Math.max(...values)).toBeGreaterThan(0.06)
  })

  it('are cut at two deviations where truncated', async () => {
    const values = await draw({ kind: 'truncated-normal', deviation: 0.01 })
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.02)
    // The deviation of a normal cut at ±2 is 0.8796 of the whole one's.
    expect(deviation(values)).toBeCloseTo(0.0088, 3)
  })

  it('are uniform within Kaiming’s bound', async () => {
    const values = await draw({ kind: 'kaiming-uniform', fanIn: 16 })
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.25)
    expect(deviation(values)).toBeCloseTo(0.25 / Math.sqrt(3), 2)
  })

  it('are the constant, or the checkpoint’s', async () => {
    const layout = layOut([
      spec('one', { kind: 'constant', value: 1 }, 2),
      spec('old', { kind: 'pretrained' }, 3),
    ])
    const vector = await initialParameters(layout, 1, async (name) => {
      expect(name).toBe('old')
      return Float32Array.of(4, 5, 6)
    })
    expect([...vector]).toEqual([1, 1, 4, 5, 6])
  })

  it('depend on the seed and the name, and on nothing else that is trained', async () => {
    const normal: Initialization = { kind: 'normal', deviation: 1 }
    const alone = await draw(normal)
    const layout = layOut([spec('z', normal, 5), spec('a', normal)])
    const together = await initialParameters(layout, 1, none)
    const entry = layout.entries.get('a')
    expect(entry && [...partOf(together, entry).slice(0, 5)]).toEqual([...alone.slice(0, 5)])
    expect([...(await draw(normal, 2)).slice(0, 5)]).not.toEqual([...alone.slice(0, 5)])
  })
})
