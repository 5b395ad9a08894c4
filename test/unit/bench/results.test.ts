import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { describeMethods } from '../../../main/adapters/registry.ts'
import { claimsOf } from '../../../bench/results/claims.ts'
import {
  allCells,
  earlierCell,
  fusedCells,
  keyOf,
  mainMethods,
  methods,
  recipeOf,
} from '../../../bench/results/plan.ts'
import { report } from '../../../bench/results/report.ts'
import { openRows, type ResultRow } from '../../../bench/results/rows.ts'
import { deviation, meanAndDeviation, signed } from '../../../bench/results/statistics.ts'
import { present } from '../../../bench/results/train.ts'

const scores = (accuracy: number) => ({ accuracy, macroF1: accuracy, matthews: 0.5, loss: 1 })

function row(task: string, method: string, accuracy: number, more: Partial<ResultRow> = {}): ResultRow {
  return {
    encoder: 'starter-encoder',
    task,
    method,
    seed: 1,
    recipe: '',
    runId: 'run',
    test: scores(accuracy),
    testRows: 400,
    validation: accuracy,
    trainableParameters: 57_462,
    backboneParameters: 3_400_000,
    seconds: 60,
    processor: 'one',
    ...more,
  }
}

function claim(rows: ResultRow[], words: string) {
  const found = claimsOf(rows, 'starter-encoder', 4).find((one) => one.claim.includes(words))
  if (!found) throw new Error(`no claim says "${words}"`)
  return found
}

describe('the plan', () => {
  it('trains TREC and SST-2 with three seeds before anything else, fusions after what they fuse', () => {
    const cells = allCells()
    const first = cells.slice(0, mainMethods.length * 6)
    expect(new Set(first.map(({ task }) => task))).toEqual(new Set(['trec', 'sst2']))
    expect(first.at(-1)?.method.fuses).toBe(true)
    expect(new Set(cells.map(keyOf)).size).toBe(cells.length)
  })

  it('fuses one adapter for each task of the encoder, the own one of the same seed', () => {
    const fusion = allCells().find(({ method, task, seed }) => method.fuses && task === 'sst2' && seed === 3)
    if (!fusion) throw new Error('the plan has no such fusion')
    const fused = fusedCells(fusion)
    expect(fused.map(({ task, seed }) => `${task} ${seed}`)).toEqual([
      'trec 1',
      'sst2 3',
      'rte 1',
      'mrpc 1',
      'subj 1',
      'mr 1',
    ])
    expect(new Set(fused.map(({ method }) => method.title))).toEqual(new Set(['seq_bn']))
  })

  it('goes on from TREC with the same method and seed', () => {
    const cell = allCells().find(({ method }) => method.title === 'full, after TREC')
    const earlier = cell && earlierCell(cell)
    expect(cell?.task).toBe('sst2')
    expect(earlier && keyOf(earlier)).toBe('starter-encoder trec full seed 1')
  })

  it('holds int8 against float32 on four tasks with three seeds each, on both encoders', () => {
    const cells = allCells()
    const count = (encoder: string, title: string): number =>
      cells.filter(
        ({ encoder: own, method, task }) =>
          own === encoder && method.title === title && ['trec', 'sst2', 'rte', 'mr'].includes(task),
      ).length
    for (const encoder of ['starter-encoder', 'minilm-l6']) {
      expect(count(encoder, 'seq_bn, int8')).toBe(12)
      expect(count(encoder, 'seq_bn')).toBe(12)
    }
  })

  it('writes the precision into the recipe where it is not float32, and nothing into those of others', () => {
    const recipes = allCells()
      .filter(({ encoder, task, seed }) => encoder === 'starter-encoder' && task === 'trec' && seed === 1)
      .map((cell) => [cell.method.title, JSON.stringify(recipeOf(cell, 4))] as const)
    const plain = '{"method":"seq_bn","options":{},"epochs":10,"maximumLength":64'
    expect(new Map(recipes).get('seq_bn')).toBe(`${plain}}`)
    expect(new Map(recipes).get('seq_bn, int8')).toBe(`${plain},"backbonePrecision":"int8"}`)
  })

  it('names methods and options that the program has, where it has them', () => {
    const planned = present(methods, describeMethods())
    expect(planned.map(({ title }) => title)).toContain('adapter_drop, robust')
    const known = describeMethods()
    for (const cell of allCells(planned)) {
      const { method, options } = recipeOf(cell, 4)
      const fields = known.find(({ name }) => name === method)?.fields ?? []
      expect(fields.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(options)))
    }
  })

  it('takes the smaller learning rate for full fine-tuning of the larger encoder', () => {
    const rateOf = (encoder: string) => {
      const cell = allCells().find((one) => one.encoder === encoder && one.method.name === 'full')
      return cell && recipeOf(cell, 6).learningRate
    }
    expect(rateOf('starter-encoder')).toBeUndefined()
    expect(rateOf('minilm-l6')).toBe(5e-5)
  })
})

describe('kept rows', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'workbench-results-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('are there again when the file is opened anew', () => {
    const file = join(folder, 'rows.json')
    const rows = openRows(file)
    rows.set('a', row('trec', 'head', 0.5))
    rows.set('b', row('trec', 'full', 0.9))
    rows.set('a', row('trec', 'head', 0.6))
    const again = openRows(file)
    expect(again.get('a')?.test.accuracy).toBe(0.6)
    expect(again.all()).toHaveLength(2)
  })

  it('refuses a file that is something else, and leaves it as it is', () => {
    const file = join(folder, 'rows.json')
    writeFileSync(file, '{"a": 1}')
    expect(() => openRows(file)).toThrow(/rows\.json does not hold results/)
    expect(readFileSync(file, 'utf8')).toBe('{"a": 1}')
  })
})

describe('figures', () => {
  it('gives mean and sample deviation in per cent, and of one value no deviation', () => {
    expect(meanAndDeviation([0.89, 0.9, 0.91])).toBe('90.0 ± 1.0')
    expect(meanAndDeviation([0.9])).toBe('90.0')
    expect(deviation([1, 3])).toBeCloseTo(Math.SQRT2)
  })

  it('writes a sign, but none before a rounded zero that is negative', () => {
    expect(signed(0.84)).toBe('+0.8')
    expect(signed(-1.25)).toBe('−1.3')
    expect(signed(-0.01)).toBe('+0.0')
  })
})

describe('claims', () => {
  it('confirms that fusion helps the small tasks only where it does on each, beyond the counting error', () => {
    const small = [row('rte', 'seq_bn', 0.55), row('mrpc', 'seq_bn', 0.7), row('trec', 'seq_bn', 0.9)]
    const better = [row('rte', 'fusion', 0.65), row('mrpc', 'fusion', 0.8), row('trec', 'fusion', 0.85)]
    expect(claim([...small, ...better], 'Fusion').verdict).toBe('confirmed')
    const slightly = [row('rte', 'fusion', 0.56), row('mrpc', 'fusion', 0.8)]
    expect(claim([...small, ...slightly], 'Fusion').verdict).toBe('undecided')
    const worse = [row('rte', 'fusion', 0.45), row('mrpc', 'fusion', 0.8)]
    expect(claim([...small, ...worse], 'Fusion').verdict).toBe('not confirmed')
    expect(claim(small, 'Fusion').verdict).toBe('not measured yet')
  })

  it('pairs seeds that both methods have', () => {
    const rows = [
      row('rte', 'seq_bn', 0.5),
      row('rte', 'seq_bn', 0.9, { seed: 2 }),
      row('rte', 'fusion', 0.6),
    ]
    expect(claim(rows, 'Fusion').figures).toContain('RTE +10.0')
    expect(claim(rows, 'Fusion').figures).toContain('one seed')
  })

  it('reads what robust training keeps from the curve, at half of the layers', () => {
    const curve = (...values: number[]) => ({
      dropCurve: values.map((accuracy, n) => ({
        droppedLayers: n,
        scores: scores(accuracy),
        msPerExample: 1,
      })),
    })
    const robust = row('trec', 'adapter_drop, robust', 0.9, curve(0.9, 0.9, 0.87, 0.6, 0.3))
    const plain = row('trec', 'seq_bn', 0.9, curve(0.9, 0.7, 0.45, 0.3, 0.2))
    expect(claim([robust, plain], 'Robust')).toMatchObject({ verdict: 'confirmed' })
    expect(claim([robust, plain], 'Robust').figures).toMatch(/TREC 96\.7 %.*TREC 50\.0 %/)
    const worse = row('trec', 'adapter_drop, robust', 0.9, curve(0.9, 0.8, 0.7, 0.6, 0.3))
    expect(claim([worse], 'Robust').verdict).toBe('not confirmed')
  })

  it('calls an adapter close to full fine-tuning, not close, or neither where the rows are too few to say', () => {
    const near = [row('trec', 'seq_bn', 0.92), row('trec', 'full', 0.905)]
    // Of 400 rows, 1.5 points either way.
    const undecided = [row('rte', 'seq_bn', 0.9), row('rte', 'full', 0.905)]
    const far = [row('sst2', 'seq_bn', 0.7), row('sst2', 'full', 0.85)]
    const between = [row('mr', 'seq_bn', 0.9), row('mr', 'full', 0.915)]
    expect(claim(near, 'seq_bn comes close')).toMatchObject({
      verdict: 'confirmed',
      measured: '1 of 6 tasks',
    })
    expect(claim([...near, ...undecided], 'seq_bn comes close').verdict).toBe('undecided')
    expect(claim([...near, ...between], 'seq_bn comes close').verdict).toBe('undecided')
    expect(claim([...near, ...between, ...far], 'seq_bn comes close').verdict).toBe('not confirmed')
  })
})

describe('the claim on Mix-And-Match', () => {
  const others = [row('trec', 'prefix', 0.8), row('trec', 'scaled_par_bn', 0.85)]

  it('is judged by each part on average, beyond the error', () => {
    expect(claim([...others, row('trec', 'mam', 0.95)], 'Mix-And-Match').verdict).toBe('confirmed')
    expect(claim([...others, row('trec', 'mam', 0.855)], 'Mix-And-Match').verdict).toBe('undecided')
    expect(claim([...others, row('trec', 'mam', 0.82)], 'Mix-And-Match').verdict).toBe('not confirmed')
    expect(claim(others, 'Mix-And-Match').verdict).toBe('not measured yet')
  })

  it('says where a run collapsed', () => {
    const lost = row('sst2', 'prefix', 0.5, { test: { ...scores(0.5), matthews: 0 } })
    const rows = [...others, lost, row('trec', 'mam', 0.95), row('sst2', 'mam', 0.8)]
    expect(claim(rows, 'Mix-And-Match').figures).toContain(
      '(one seed, 1 of the runs collapsed to one answer)',
    )
  })
})

describe('the page', () => {
  const rows = [
    ...[1, 2, 3].map((seed) => row('trec', 'seq_bn', 0.9 + seed / 100, { seed })),
    row('trec', 'full', 0.93, { forgetting: { before: 4.1, after: 6.1, tokens: 800 } }),
    row('trec', 'head', 0.5, { forgetting: { before: 4.1, after: 4.1, tokens: 800 } }),
  ]

  it('gives mean and deviation of complete cells and says of others how many seeds they have', () => {
    const page = report(rows)
    expect(page).toContain('| seq_bn | 92.0 ± 1.0 |')
    expect(page).toContain('| full | 93.0 (1 of 3) |')
  })

  it('says which methods a seed still lacks, and nothing of an encoder without rows', () => {
    const page = report(rows)
    expect(page).toMatch(/- TREC: seed 1 lacks .*lora.*seed 3 lacks head/)
    expect(page).toContain('- RTE: seed 1 is not begun')
    expect(page).not.toContain('minilm-l6 (6 layers')
  })

  it('names the runs that answered every row alike', () => {
    const one = row('trec', 'lora', 0.51, { test: { ...scores(0.51), matthews: 0 }, seed: 2 })
    expect(report([...rows, one])).toContain('the same answer: lora on TREC, seed 2.')
    expect(report(rows)).not.toContain('the same answer')
  })

  it('tells what became of a task after another was trained', () => {
    const earlierTask = { before: scores(0.93), after: scores(0.71) }
    const page = report([...rows, row('sst2', 'full, after TREC', 0.82, { earlierTask })])
    expect(page).toContain('| full: TREC, then SST-2 (8,000 rows) | 93.0 | 71.0 | 82.0 |')
  })

  it('says whose language was forgotten and whose backbone stayed as it was', () => {
    const page = report(rows)
    expect(page).toContain('full +2.00')
    expect(page).toMatch(/stayed exactly the same.*with: head\./)
  })

  it('gives the differences of runs in 8 bits from those in float32 with the same seed', () => {
    const int8 = [1, 2].map((seed) => row('trec', 'seq_bn, int8', 0.9 + seed / 50, { seed }))
    const page = report([...rows, ...int8, row('rte', 'seq_bn, int8', 0.5)])
    expect(page).toContain('| seq_bn | TREC | 2 of 3 | 91.5 ± 0.7 | 93.0 ± 1.4 | +1.5 ± 0.7 |')
    expect(page).toContain('on average over the tasks it is +1.5, on the worst +1.5')
    expect(page).not.toContain('| seq_bn | RTE |')
    expect(report(rows)).not.toContain('int8 −')
  })
})
