import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { makeRoom, openRecords, type Compute } from '../../../main/training/state-file.ts'
import { formOf, joinRecords, takeRecord } from '../../../main/training/states.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'workbench-states-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const compute: Compute = async (put) => {
  await put(2, Float32Array.of(3, 4, 5))
  await put(0, Float32Array.of(1, 2))
}
const never: Compute = () => Promise.reject(new Error('computed again'))

describe('a file of records', () => {
  it.each([0, 3, 5])(
    'gives them back with %i numbers in memory, and when it is opened again',
    async (memory) => {
      const options = { path: join(folder, 'a.bin'), length: 5, memory }
      const first = await openRecords(options, compute)
      const second = await openRecords(options, never)
      expect([first.computed, second.computed]).toEqual([true, false])
      for (const { file } of [first, second]) {
        expect([...file.read(0, 2)]).toEqual([1, 2])
        expect([...file.read(2, 3)]).toEqual([3, 4, 5])
        file.close()
      }
    },
  )

  it('that cannot be written stays in memory where there is room for all of it', async () => {
    const path = join(folder, 'gone', 'a.bin')
    const { file } = await openRecords({ path, length: 5, memory: 5 }, compute)
    expect([...file.read(2, 3)]).toEqual([3, 4, 5])
    await expect(openRecords({ path, length: 5, memory: 4 }, compute)).rejects.toMatchObject({
      code: 'storage',
    })
  })

  it('is not there when what computes it ends before, which is told as it was', async () => {
    const path = join(folder, 'a.bin')
    const stop = new Error('stop')
    const ending = openRecords({ path, length: 5, memory: 0 }, async (put) => {
      await put(0, Float32Array.of(1, 2))
      throw stop
    })
    await expect(ending).rejects.toBe(stop)
    expect(existsSync(path)).toBe(false)
  })

  it('is computed again where it is cut short', async () => {
    const path = join(folder, 'a.bin')
    writeFileSync(path, 'short')
    const { computed, file } = await openRecords({ path, length: 5, memory: 0 }, compute)
    expect(computed).toBe(true)
    file.close()
  })
})

describe('making room', () => {
  it('removes what was not used for longest, and nothing that is in use', async () => {
    for (const [index, name] of ['old', 'used', 'new'].entries()) {
      writeFileSync(join(folder, name), new Uint8Array(100))
      utimesSync(join(folder, name), index + 1, index + 1)
    }
    expect(await makeRoom(folder, 50, 300, new Set([join(folder, 'old')]))).toBe(50)
    expect(['old', 'used', 'new'].map((name) => existsSync(join(folder, name)))).toEqual([true, false, true])
    expect(await makeRoom(folder, 500, 300, new Set([join(folder, 'old')]))).toBe(200)
  })
})

describe('the states of a batch', () => {
  it('come apart by text without padding, and together under another', () => {
    const forms = [formOf('tokens', ['sequence', 'batch', 2]), formOf('whole', [1, 'batch', 1])].flatMap(
      (form) => form ?? [],
    )
    const outputs = {
      tokens: { data: Float32Array.of(1, 2, 5, 6, 3, 4, 9, 9), shape: [2, 2, 2] },
      whole: { data: Float32Array.of(7, 8), shape: [1, 2, 1] },
    }
    const records = [2, 1].map((tokens, row) => takeRecord(forms, outputs, { row, batch: 2, tokens }))
    expect(records.map((record) => [...record])).toEqual([
      [1, 2, 3, 4, 7],
      [5, 6, 8],
    ])
    const joined = joinRecords(forms, records.toReversed(), [1, 2], 3)
    expect(joined.tokens?.shape).toEqual([3, 2, 2])
    expect([...(joined.tokens?.data ?? [])]).toEqual([5, 6, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0])
    expect([...(joined.whole?.data ?? [])]).toEqual([8, 7])
    expect(joined.whole?.shape).toEqual([1, 2, 1])
  })

  it.each([[['batch', 'sequence']], [['heads', 'batch', 2]], [[3, 'batch']]])(
    'of the shape %j are none',
    (shape) => {
      expect(formOf('x', shape)).toBeUndefined()
    },
  )
})
