import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { readFlags } from '../../../bench/flags.ts'
import { benchGrowth, growthTable } from '../../../bench/growth.ts'
import { benchScaling, scalingTable } from '../../../bench/scaling.ts'
import { filesOf, openOwn, type SideOptions } from '../../../bench/sides.ts'
import { benchSteps, stepTable } from '../../../bench/step.ts'
import { markdown } from '../../../bench/tables.ts'
import { benchProcesses, benchTogether } from '../../../bench/together.ts'
import { createOnnxRuntimeEngine } from '../../../main/engines/onnxruntime.ts'

const length = 6
let cache: string
let options: SideOptions & { length: number; rounds: number }
beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), 'workbench-bench-'))
  options = { ...readFlags(['--sides', 'cut,int8']), threads: 1, cache, length, rounds: 1 }
})
afterAll(() => rmSync(cache, { recursive: true, force: true, maxRetries: 5 }))

/** Stands for a Python with PyTorch: whatever it is asked, it has computed this number in two milliseconds, one of a processor's. */
function pretendTorch(result: number): string {
  const path = join(cache, `torch-${result}`)
  writeFileSync(
    path,
    `#!${process.execPath}
const answer = JSON.stringify({ ms: [2, 2, 2], processorMs: [1, 1, 1], result: ${result}, peakRssBytes: 1048576 })
require('node:readline').createInterface({ input: process.stdin }).on('line', () => console.log(answer))
`,
  )
  chmodSync(path, 0o755)
  return path
}

describe('steps against PyTorch', () => {
  it('come out as a row for each side, with the ratio to what PyTorch took', async () => {
    const [cut] = options.sides
    if (!cut) throw new Error('no side')
    const files = await filesOf({ size: 'tiny' }, options)
    const { side } = await openOwn('train', cut, { size: 'tiny', length }, files, options)
    const { result = Number.NaN } = await side.ask({ train: 1 })
    side.end()
    const python = pretendTorch(result)
    const rows = await benchSteps(
      'train',
      { size: 'tiny', length },
      { ...options, python, torchDevice: 'cpu' },
    )
    expect(rows.map(({ name, precision }) => [name, precision])).toEqual([
      ['cut', 'float32'],
      ['int8', 'int8'],
    ])
    for (const { ms, ratio, torchMs, peakRssBytes } of rows) {
      expect(torchMs).toBe(2)
      expect(ratio).toBeCloseTo(2 / ms)
      expect(peakRssBytes).toBeGreaterThan(10 << 20)
    }
    expect(markdown(stepTable('train', rows))).toContain('| tiny | 32 | 6 | onnxruntime cpu | int8 | cut |')
  })

  it('are timed by the processor where that is asked for', async () => {
    const { sides } = readFlags(['--sides', 'cut'])
    const files = await filesOf({ size: 'tiny' }, options)
    const [cut] = sides
    if (!cut) throw new Error('no side')
    const { side } = await openOwn('infer', cut, { size: 'tiny', length }, files, options)
    const { result = Number.NaN, processorMs } = await side.ask({ infer: 2 })
    side.end()
    expect(processorMs).toHaveLength(2)
    expect(Math.min(...processorMs)).toBeGreaterThan(0)
    const python = pretendTorch(result)
    const [row] = await benchSteps(
      'infer',
      { size: 'tiny', length },
      { ...options, sides, python, torchDevice: 'cpu', clock: 'processor' },
    )
    expect(row?.torchMs).toBe(1)
  })

  it('are refused where the two sides compute something else', async () => {
    const python = pretendTorch(-3)
    const differing = benchSteps(
      'infer',
      { size: 'tiny', length },
      { ...options, python, torchDevice: 'cpu' },
    )
    await expect(differing).rejects.toThrow(/the two sides differ: PyTorch computes -3, cut /)
  })
})

it(
  'growth looks at memory after the first step and after each number of steps, and counts tensors',
  { timeout: 240_000 },
  async () => {
    const { sides } = readFlags(['--sides', 'cut,tensorflow:cpu'])
    const rows = await benchGrowth('tiny', { ...options, sides, steps: [2, 5] })
    expect(rows.map(({ memory }) => memory.map(({ steps }) => steps))).toEqual([
      [1, 2, 5],
      [1, 2, 5],
    ])
    const [onOnnxRuntime, onTensorFlow] = rows.map(({ memory }) => memory.map(({ tensors }) => tensors))
    expect(onOnnxRuntime).toEqual([undefined, undefined, undefined])
    expect(new Set(onTensorFlow).size).toBe(1)
    expect(onTensorFlow?.[0]).toBeGreaterThan(10)
    for (const { startMs, buildMs, compileMs, firstStepMs } of rows) {
      expect(startMs).toBeGreaterThan(buildMs + compileMs + firstStepMs)
    }
    expect(growthTable(rows, [2, 5]).headings).toContain('MB after 5')
  },
)

it('scaling holds each setting against the first of its group', async () => {
  const group = [1, 2].map((layers) => ({ setting: `${layers} layers`, kind: 'infer' as const, layers }))
  const rows = await benchScaling('tiny', options, [group])
  expect(rows.map(({ setting }) => setting)).toEqual(['1 layers', '2 layers'])
  const [one, two] = rows
  expect(one).toMatchObject({ growth: 1, counted: 1 })
  expect(two?.counted).toBeGreaterThan(2)
  expect(scalingTable(rows).cells[1]).toContain('inference')
})

describe('several runs at once', () => {
  it('in one graph save what lies below the lowest adapter, and no more', async () => {
    const engine = createOnnxRuntimeEngine({ threads: 1 })
    const rows = await benchTogether('tiny', { ...options, engine })
    const counted = new Map(rows.map((row) => [row.setting, row.counted]))
    expect([...counted.keys()]).toEqual([
      '2 runs in one graph, n = 0',
      '2 runs in one graph, n = 1',
      '4 runs in one graph, n = 0',
      '4 runs in one graph, n = 1',
    ])
    for (const runs of [2, 4]) {
      const all = counted.get(`${runs} runs in one graph, n = 0`)
      const upper = counted.get(`${runs} runs in one graph, n = 1`)
      expect(all).toBeGreaterThan(1.5)
      expect(upper).toBeGreaterThan(all ?? Infinity)
      expect(upper).toBeLessThanOrEqual(runs)
    }
  })

  it('in processes are held against as many steps of one', async () => {
    const [row] = await benchProcesses('tiny', options, [2])
    expect(row).toMatchObject({ setting: '2 processes of one thread', batch: 32, counted: 1 })
    expect(row?.ms).toBeGreaterThan(0)
    expect(row?.againstMs).toBeGreaterThan(0)
  })
})
