import { describe, expect, it } from 'vitest'

import type { AdapterSummary, MethodDescription, Scores } from '../../../preload/contract.ts'
import {
  fusionsOver,
  headsFor,
  methodText,
  moved,
  scoreText,
  toggled,
  usableAdapters,
} from '../../../renderer/lib/adapters.ts'
import { groupByFamily } from '../../../renderer/lib/families.ts'
import { bestCells, scoreCell } from '../../../renderer/lib/score-rows.ts'

const adapter = (patch: Partial<AdapterSummary>): AdapterSummary => ({
  id: 'a',
  name: 'seq_bn · TREC',
  kind: 'adapter',
  method: { name: 'seq_bn', options: {} },
  family: 'adapter',
  modelHash: 'weights',
  modelName: 'starter',
  datasetName: 'TREC',
  labels: [],
  adapterIds: [],
  parameters: 10,
  bytes: 40,
  createdAt: '2026-11-24T08:00:00.000Z',
  ...patch,
})

describe('stored adapters', () => {
  it('can be built on where they are adapters of the same backbone', () => {
    const list = [
      adapter({ id: 'fits' }),
      adapter({ id: 'head', kind: 'head' }),
      adapter({ id: 'foreign', modelHash: 'other' }),
    ]
    expect(usableAdapters(list, 'weights').map(({ id }) => id)).toEqual(['fits'])
  })

  it('are begun with where they are heads of the same classes, or fusions of the same adapters by the same method', () => {
    const list = [
      adapter({ id: 'head', kind: 'head', labels: ['no', 'yes'] }),
      adapter({ id: 'turned', kind: 'head', labels: ['yes', 'no'] }),
      adapter({
        id: 'fusion',
        kind: 'fusion',
        method: { name: 'fusion', options: {} },
        adapterIds: ['a', 'b'],
      }),
      adapter({
        id: 'static',
        kind: 'fusion',
        method: { name: 'fusion_static', options: {} },
        adapterIds: ['a', 'b'],
      }),
    ]
    expect(headsFor(list, ['no', 'yes']).map(({ id }) => id)).toEqual(['head'])
    expect(fusionsOver(list, 'fusion', ['a', 'b']).map(({ id }) => id)).toEqual(['fusion'])
    expect(fusionsOver(list, 'fusion', ['b', 'a'])).toEqual([])
  })

  it('are written with the options that differ from the preset, and their score in percent', () => {
    expect(methodText({ name: 'seq_bn', options: {} })).toBe('seq_bn')
    expect(methodText({ name: 'seq_bn', options: { leave_out: [0], scaling: 'learned' } })).toBe(
      'seq_bn[leave_out=[0], scaling=learned]',
    )
    expect(scoreText({ score: { metric: 'macroF1', value: 0.9 } })).toBe('macro F1 90.0')
    expect(scoreText(adapter({}))).toBeUndefined()
  })

  it('are chosen in an order that can be changed', () => {
    expect(toggled(['a'], 'b')).toEqual(['a', 'b'])
    expect(toggled(['a', 'b'], 'a')).toEqual(['b'])
    expect(moved(['a', 'b', 'c'], 'c', -1)).toEqual(['a', 'c', 'b'])
    expect(moved(['a', 'b', 'c'], 'a', -1)).toEqual(['a', 'b', 'c'])
    expect(moved(['a', 'b'], 'b', 5)).toEqual(['a', 'b'])
    expect(moved(['a', 'b'], 'none', 1)).toEqual(['a', 'b'])
  })
})

it('methods stand under their families in a fixed order, and families without methods are left out', () => {
  const method = (name: string, family: MethodDescription['family']) =>
    ({ name, family }) as unknown as MethodDescription
  const groups = groupByFamily([
    method('full', 'baseline'),
    method('fusion', 'fusion'),
    method('seq_bn', 'adapter'),
    method('head', 'baseline'),
  ])
  expect(groups.map(({ family, methods }) => [family, methods.map(({ name }) => name)])).toEqual([
    ['adapter', ['seq_bn']],
    ['fusion', ['fusion']],
    ['baseline', ['full', 'head']],
  ])
})

describe('rows of scores', () => {
  const scores = (accuracy: number, loss: number): Scores => ({
    accuracy,
    macroF1: 0.5,
    matthews: 0.25,
    loss,
  })

  it('have the highest score and the lowest loss as their best', () => {
    const best = bestCells([scores(0.8, 0.4), scores(0.9, 0.6)])
    expect(best).toMatchObject({ accuracy: '90.0', loss: '0.400', macroF1: '50.0' })
    expect(scoreCell(scores(0.9, 0.6), 'accuracy')).toBe('90.0')
  })

  it('have no best where there is nothing to compare', () => {
    expect(bestCells([scores(0.9, 0.6)]).accuracy).toBeUndefined()
    expect(bestCells([]).loss).toBeUndefined()
  })
})
