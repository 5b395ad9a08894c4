import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createOnnxRuntimeEngine } from '../../../main/engines/onnxruntime.ts'
import { benchRobustDrop, benchSharedLayers, benchTaskDrop } from '../../../bench/methods.ts'
import type { SavingOptions } from '../../../bench/savings.ts'
import { takeTurns } from '../../../bench/turns.ts'

let cache: string
let options: SavingOptions
beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), 'workbench-bench-'))
  options = { engine: createOnnxRuntimeEngine({ threads: 1 }), cache, length: 6, rounds: 1 }
})
afterAll(() => rmSync(cache, { recursive: true, force: true, maxRetries: 5 }))

describe('what methods save, by the operations in their graphs', () => {
  it('a step of robust drop takes fewer with each layer dropped', async () => {
    const rows = await benchRobustDrop('tiny', options)
    expect(rows.map(({ setting }) => setting)).toEqual(['n = 0', 'n = 1', 'n = 2'])
    const [none, one, two] = rows.map(({ counted }) => counted)
    expect(none).toBe(1)
    expect(one).toBeGreaterThan(1.05)
    expect(two).toBeGreaterThan(one ?? Infinity)
    expect(rows.every(({ ms }) => ms > 0)).toBe(true)
  })

  it('three tasks in one pass take nearly a third of three passes once all layers are shared', async () => {
    const rows = await benchSharedLayers('tiny', options)
    const counted = rows.map((row) => row.counted)
    expect(rows).toHaveLength(3)
    expect(counted).toEqual([...counted].sort((a, b) => a - b))
    expect(counted[0]).toBeGreaterThan(1.2)
    expect(counted.at(-1)).toBeGreaterThan(2.8)
    expect(counted.at(-1)).toBeLessThanOrEqual(3)
  })

  it('dropping task adapters saves where a batch is one row, and hardly anything where it is many', async () => {
    const rows = await benchTaskDrop('tiny', options)
    const counted = (batch: number, setting: string) =>
      rows.find((row) => row.batch === batch && row.setting === setting)?.counted ?? Number.NaN
    expect(counted(1, 'p = 0.9')).toBeGreaterThan(counted(1, 'p = 0.5'))
    expect(counted(1, 'p = 0.9')).toBeGreaterThan(1.2)
    expect(counted(32, 'p = 0.5')).toBeLessThanOrEqual(1)
  })
})

describe('takeTurns', () => {
  it('lets the sides run in turns, and counts no first run', async () => {
    const order: string[] = []
    const side = (name: string) => ({
      name,
      run: async (step: number) => void order.push(`${name}${step}`),
    })
    const times = await takeTurns([side('a'), side('b')], { rounds: 2, turn: 2 })
    expect(order).toEqual(['a0', 'b0', 'a1', 'a2', 'b1', 'b2', 'a3', 'a4', 'b3', 'b4'])
    expect(times.get('a')).toHaveLength(4)
  })
})
