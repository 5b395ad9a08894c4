import { describe, expect, it } from 'vitest'

import { ordered, readChoice, withColumn, withMove, withPin } from '../../../renderer/lib/column-choice.ts'
import { differingPathsOf, without } from '../../../renderer/lib/objects.ts'
import { groupRuns } from '../../../renderer/lib/run-table.ts'
import { makeRun } from './make-run.ts'

const standard = { shown: ['name', 'status', 'score'], pinned: ['name'] }

describe('chosen columns', () => {
  it('are remembered, and the standard ones where nothing readable was', () => {
    expect(readChoice(JSON.stringify({ shown: ['a'], pinned: [] }), standard)).toEqual({
      shown: ['a'],
      pinned: [],
    })
    for (const text of [undefined, '{', '{"shown":[],"pinned":[]}', '{"shown":"name"}']) {
      expect(readChoice(text, standard)).toEqual(standard)
    }
  })

  it('come at the end when shown, and go with their pin', () => {
    expect(withColumn(standard, 'seed', true).shown).toEqual(['name', 'status', 'score', 'seed'])
    expect(withColumn(standard, 'status', true)).toEqual(standard)
    expect(withColumn(standard, 'name', false)).toEqual({ shown: ['status', 'score'], pinned: [] })
    expect(withColumn({ shown: ['name'], pinned: [] }, 'name', false).shown).toEqual(['name'])
  })

  it('stand first when pinned, and move among their own', () => {
    const two = withPin(standard, 'score', true)
    expect(two).toEqual({ shown: ['name', 'score', 'status'], pinned: ['name', 'score'] })
    expect(withMove(two, 'score', -1)).toEqual({
      shown: ['score', 'name', 'status'],
      pinned: ['score', 'name'],
    })
    expect(withMove(two, 'score', 1)).toEqual(two)
    expect(withMove(two, 'name', -1)).toEqual(two)
    expect(withPin(two, 'score', false).pinned).toEqual(['name'])
    expect(ordered({ shown: ['a', 'b'], pinned: ['b', 'gone'] })).toEqual({
      shown: ['b', 'a'],
      pinned: ['b'],
    })
  })
})

describe('runs gathered by a setting', () => {
  const runs = [
    makeRun({ id: 'a', method: 'seq_bn', best: { epoch: 1, metric: 'accuracy', value: 0.5 } }),
    makeRun({ id: 'b', method: 'full', best: { epoch: 1, metric: 'accuracy', value: 0.9 } }),
    makeRun({ id: 'c', method: 'seq_bn', best: { epoch: 1, metric: 'accuracy', value: 0.7 } }),
  ]
  const byMethod = {
    key: (run: (typeof runs)[number]) => run.method,
    name: (run: (typeof runs)[number]) => run.method,
    unfoldsOne: false,
  }

  it('are folded in the order of their mean, also a single one', () => {
    const rows = groupRuns(runs, (run) => run.best?.value, true, new Set(), byMethod)
    expect(rows.map((row) => [row.kind, row.kind === 'variant' ? row.name : '', row.key])).toEqual([
      ['variant', 'full', 'full'],
      ['variant', 'seq_bn', 'seq_bn'],
    ])
  })

  it('stand below their group when it is open', () => {
    const rows = groupRuns(runs, 'validation', false, new Set(['seq_bn']), byMethod)
    expect(rows.map(({ key }) => key)).toEqual(['seq_bn', 'a', 'c', 'full'])
  })
})

describe('settings of several runs', () => {
  it('are told where they differ, also where one has none', () => {
    const all = [
      { a: 1, b: [1], c: 'x' },
      { a: 1, b: [2], d: undefined },
      { a: 1, b: [1], c: 'x' },
    ]
    expect(differingPathsOf(all)).toEqual(['b', 'c'])
    expect(differingPathsOf([])).toEqual([])
  })

  it('are copied without one', () => {
    const settings = { seed: 1, epochs: 2 }
    expect(without(settings, 'seed')).toEqual({ epochs: 2 })
    expect(settings).toEqual({ seed: 1, epochs: 2 })
  })
})
