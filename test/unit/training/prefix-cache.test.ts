import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import {
  numbers,
  run,
  trainingFolderForEachTest,
  wordRows,
  type Heard,
  type Overrides,
} from '../../fixtures/training-run.ts'

const folder = trainingFolderForEachTest()

const training = { epochs: 2 }
const without = { cacheMegabytes: 0 }

describe('states that are kept for each text', () => {
  const cases: [string, Overrides][] = [
    ['a head alone', { method: 'head' }],
    ['a head that reads every token', { method: 'head', head: { pooling: 'mean' } }],
    ['Pfeiffer adapters', {}],
    ['adapters in the upper layer only', { method: 'adapter_drop', options: { dropped_layers: 1 } }],
    ['adapters with gates', { method: 'adapter_drop', options: { dropped_layers: 1, use_gating: true } }],
    ['adapters of which one layer is left out', { options: { leave_out: [0] } }],
    ['Houlsby adapters', { method: 'double_seq_bn' }],
    ['parallel adapters', { method: 'par_bn' }],
    ['AdapterDrop with layers drawn', { method: 'adapter_drop_robust' }],
    [
      'AdapterDrop that never has adapters in the lowest layer',
      { method: 'adapter_drop_robust', options: { dropped_from: 1 } },
    ],
    ['half precision', { training: { ...training, backbonePrecision: 'float16' } }],
    ['micro-batches', { training: { ...training, microBatchSize: 3 } }],
  ]

  it.each(cases)('change nothing for %s', async (_, overrides) => {
    const kept = await run(folder.jobFor('kept', { training, ...overrides }))
    const plain = await run(folder.jobFor('plain', { training, ...overrides, engine: without }))
    expect(plain.result?.analysis).not.toHaveProperty('cache')
    expect(kept.result?.analysis.cache?.savedShare).toBeGreaterThan(0.05)
    expect(kept.result?.analysis.cache?.bytes).toBeGreaterThan(0)
    expectSameMetrics(kept, plain)
  })

  it('reach up to the lowest layer whose adapters any step has', async () => {
    const drop = (from: number) =>
      run(
        folder.jobFor(`from-${from}`, {
          training,
          method: 'adapter_drop_robust',
          options: { dropped_from: from },
        }),
      )
    const [all, upper] = [await drop(0), await drop(1)]
    const share = ({ result }: Heard): number => result?.analysis.cache?.savedShare ?? 0
    expect(1 - share(upper)).toBeLessThan((1 - share(all)) / 2)
    // Validation has all adapters: its graph reads no state, so none is kept of its 20 texts.
    expect(textOf(all).match(/States of the frozen part/g)).toHaveLength(2)
    expect(textOf(upper).match(/States of the frozen part/g)).toHaveLength(1)
  })

  it('are found again by a run on the same texts, which then gives the same numbers', async () => {
    const first = await run(folder.jobFor('first', { training }))
    const second = await run(folder.jobFor('second', { training }))
    expect(textOf(first)).toMatch(
      /States of the frozen part, which is \d+ % of a step: 30 of 30 texts, .* computed in/,
    )
    expect(textOf(second)).toMatch(
      /States of the frozen part, which is \d+ % of a step: 30 of 30 texts, .* found in the cache folder/,
    )
    expect(numbers(second)).toEqual(numbers(first))
  })

  it('stay in memory where no file can be written', async () => {
    writeFileSync(join(folder.path, 'cache', 'states'), 'no folder')
    const kept = await run(folder.jobFor('kept', { training }))
    expect(textOf(kept)).toMatch(/30 of 30 texts, .* computed in/)
    expectSameMetrics(kept, await run(folder.jobFor('plain', { training, engine: without })))
  })

  it('are not those of other texts, another length or another precision', async () => {
    const files = (): string[] => readdirSync(join(folder.path, 'cache', 'states'))
    await run(folder.jobFor('first', { training }))
    expect(files()).toHaveLength(2)
    await run(folder.jobFor('shorter', { training: { ...training, maximumLength: 5 } }))
    expect(files()).toHaveLength(4)
    const longer = wordRows().map((row) => ({ ...row, text: `${row.text} of` }))
    const more = folder.task('more', longer)
    await run(folder.jobFor('more', { training, tasks: [more] }))
    expect(files()).toHaveLength(6)
    await run(folder.jobFor('rounded', { training: { ...training, backbonePrecision: 'int8' } }))
    expect(files()).toHaveLength(8)
    await run(folder.jobFor('half', { training: { ...training, backbonePrecision: 'float16' } }))
    expect(files()).toHaveLength(10)
  })

  it('are kept for as many texts as the budget lets, and computed for the others', async () => {
    const words = ['the', 'a', 'of', 'in', 'and', 'to']
    const text = (i: number): string =>
      Array.from({ length: 12 }, (_, digit) => words[Math.floor(i / 6 ** (digit % 4)) % 6]).join(' ')
    const rows = wordRows(['bad', 'good'], 1200).map((row, i) => ({
      ...row,
      text: `${row.label === 'yes' ? 'good' : 'bad'} ${text(i)}`,
    }))
    const task = folder.task('many', rows)
    const overrides = { training: { ...training, batchSize: 100 }, tasks: [task] }
    const kept = await run(folder.jobFor('kept', { ...overrides, engine: { cacheMegabytes: 1 } }))
    const [, some = '', all = ''] = /step: (\d+) of (\d+) texts/.exec(textOf(kept)) ?? []
    expect(Number(some)).toBeGreaterThan(0)
    expect(Number(some)).toBeLessThan(Number(all))
    expect(kept.result?.analysis.cache?.bytes).toBeLessThanOrEqual(1e6)
    const plain = await run(folder.jobFor('plain', { ...overrides, engine: without }))
    expectSameMetrics(kept, plain)
  })

  it('give way to those of later runs where the budget is used up', async () => {
    await run(folder.jobFor('first', { training }))
    const states = join(folder.path, 'cache', 'states')
    writeFileSync(join(states, 'old.bin'), new Uint8Array(1e6))
    rmSync(join(folder.path, 'first'), { recursive: true })
    const before = readdirSync(states)
    await run(folder.jobFor('head', { training, method: 'head', engine: { cacheMegabytes: 1 } }))
    const after = readdirSync(states)
    expect(after).not.toEqual(before)
    const bytes = after.reduce((total, name) => total + statSync(join(states, name)).size, 0)
    expect(bytes).toBeLessThanOrEqual(1e6)
  })

  it('are not kept for one epoch, or where all is trained', async () => {
    const results = await Promise.all(
      [
        folder.jobFor('once', { training: { epochs: 1 } }),
        folder.jobFor('full', { training, method: 'full' }),
      ].map((job) => run(job)),
    )
    for (const { result } of results) expect(result?.analysis).not.toHaveProperty('cache')
  })

  it('let a run be paused while they are computed, and go on as if it had not been', async () => {
    const whole = await run(folder.jobFor('whole', { training }))
    rmSync(join(folder.path, 'cache', 'states'), { recursive: true })
    const job = folder.jobFor('paused', { training })
    const paused = await run(job, (_, message) =>
      message.type === 'progress' && message.progress.phase === 'preparing' ? 'pause' : undefined,
    )
    expect(paused.messages.at(-1)?.type).toBe('paused')
    const resumed = await run({ ...job, resume: true })
    expect(resumed.points.get('validation.loss@20')).toEqual(whole.points.get('validation.loss@20'))
    expect(resumed.result?.test).toEqual(whole.result?.test)
  })
})

function textOf({ messages }: Heard): string {
  return messages.flatMap((message) => (message.type === 'log' ? [message.text] : [])).join('\n')
}

/** Losses and scores of all steps and epochs, up to rounding. */
function expectSameMetrics(a: Heard, b: Heard): void {
  const keys = [...b.points.keys()].filter((key) => /loss|accuracy|gradientNorm/.test(key))
  expect(keys.length).toBeGreaterThan(10)
  for (const key of keys) {
    const expected = b.points.get(key)?.value ?? Number.NaN
    const value = a.points.get(key)?.value ?? Number.NaN
    expect(Math.abs(value - expected), key).toBeLessThan(1e-4 * Math.max(1, Math.abs(expected)))
  }
}
