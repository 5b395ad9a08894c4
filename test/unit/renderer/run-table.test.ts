import { describe, expect, it } from 'vitest'

import {
  bestScores,
  groupRuns,
  nameWithoutSeed,
  sortRuns,
  variantKey,
} from '../../../renderer/lib/run-table.ts'
import { makeRun } from './make-run.ts'

const seeds = [1, 2, 3].map((seed) =>
  makeRun({
    id: `s${seed}`,
    seed,
    name: `TREC · seq_bn · seed ${seed}`,
    test: { accuracy: 0.88 + seed / 100, macroF1: 0.8, matthews: 0.7, loss: 0.4 },
  }),
)
const full = makeRun({
  id: 'full',
  method: 'full',
  family: 'baseline',
  name: 'TREC · full · seed 1',
  trainableParameters: 3415878,
  test: { accuracy: 0.905, macroF1: 0.8, matthews: 0.7, loss: 0.4 },
})

describe('names without their seed', () => {
  it.each([
    ['TREC · seq_bn · seed 1', 'TREC · seq_bn'],
    ['trec seq_bn s1', 'trec seq_bn'],
    ['trec-seed1', 'trec'],
    ['my first run', 'my first run'],
    ['topics1', 'topics1'],
    ['seed 1', 'seed 1'],
  ])('%s', (name, bare) => {
    expect(nameWithoutSeed(makeRun({ name }))).toBe(bare)
  })

  it('keep a number that is not their seed', () => {
    expect(nameWithoutSeed(makeRun({ name: 'trec s12', seed: 1 }))).toBe('trec s12')
  })
})

describe('variants', () => {
  it('are runs that differ in their seed only', () => {
    expect(new Set(seeds.map(variantKey)).size).toBe(1)
    expect(variantKey(full)).not.toBe(variantKey(makeRun()))
    expect(variantKey(makeRun({ trainableParameters: 10 }))).not.toBe(variantKey(makeRun()))
  })

  it('go by what the workbench says, whatever their names', () => {
    const one = makeRun({ name: 'first', variant: 'v' })
    expect(variantKey(one)).toBe(variantKey(makeRun({ name: 'second', variant: 'v' })))
    expect(variantKey(one)).not.toBe(variantKey(makeRun({ name: 'first', variant: 'w' })))
  })

  it('fold their seeds, and stand in the order of their mean', () => {
    const rows = groupRuns([...seeds, full], 'accuracy', true, new Set())
    expect(rows.map((row) => row.kind)).toEqual(['run', 'variant'])
    expect(rows[1]).toMatchObject({ name: 'TREC · seq_bn', open: false })
  })

  it('show their seeds when unfolded', () => {
    const [first] = seeds
    const open = new Set(first === undefined ? [] : [variantKey(first)])
    const rows = groupRuns([...seeds, full], 'accuracy', false, open)
    expect(rows.map((row) => row.key)).toEqual([[...open][0], 's1', 's2', 's3', 'full'])
  })

  it('count by their mean when the best is looked for', () => {
    const best = bestScores(
      groupRuns([...seeds, full], 'accuracy', true, new Set()),
      (run) => run.test?.accuracy,
    )
    expect(best.get('trec')).toBe(0.905)
  })

  it('know no best where one alone has a score', () => {
    const rows = groupRuns([full], 'accuracy', true, new Set())
    expect(bestScores(rows, (run) => run.test?.accuracy).size).toBe(0)
  })
})

describe('sorting', () => {
  it('puts what has no value last in both directions', () => {
    const none = makeRun({ id: 'none' })
    delete none.test
    expect(sortRuns([none, full], 'accuracy', true).map((run) => run.id)).toEqual(['full', 'none'])
    expect(sortRuns([none, full], 'accuracy', false).map((run) => run.id)).toEqual(['full', 'none'])
  })

  it('counts time left for live runs only', () => {
    const progress = {
      epoch: 1,
      epochs: 2,
      step: 1,
      steps: 2,
      seconds: 1,
      secondsLeft: 5,
      phase: 'training' as const,
    }
    const running = makeRun({ id: 'running', status: 'running', progress })
    const failed = makeRun({ id: 'failed', status: 'failed', progress: { ...progress, secondsLeft: 1 } })
    expect(sortRuns([failed, running], 'left', false).map((run) => run.id)).toEqual(['running', 'failed'])
  })
})
