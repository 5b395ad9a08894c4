import { describe, expect, it } from 'vitest'

import type { ComparedPair } from '../../../preload/contract.ts'
import {
  basisText,
  bestOf,
  pText,
  scoreText,
  sortGroups,
  standing,
  summaryColumns,
  type SummaryColumn,
} from '../../../renderer/lib/compare-summary.ts'
import { groupLooks, shortNames } from '../../../renderer/lib/group-looks.ts'
import { makeComparison, makeGroup, makeScore } from './make-group.ts'

const good = makeGroup({ id: 'good', score: makeScore(0.9, 0.92), trainableParameters: 1000 })
const cheap = makeGroup({ id: 'cheap', score: makeScore(0.88), trainableParameters: 10 })
const unscored = makeGroup({ id: 'unscored', trainableParameters: 500 })
const columns = summaryColumns('accuracy')

function column(key: string): SummaryColumn {
  const found = columns.find((entry) => entry.key === key)
  if (found === undefined) throw new Error(`no column ${key}`)
  return found
}

const pair = (adjustedP: number): ComparedPair => ({
  first: 'good',
  second: 'cheap',
  difference: 0.03,
  low: 0.01,
  high: 0.05,
  test: 'bootstrap',
  p: adjustedP,
  adjustedP,
  significant: adjustedP < 0.05,
  rows: 100,
})

const answer = {
  datasetId: 'trec',
  datasetName: 'TREC',
  best: 'good',
  below: [],
  within: [],
  text: '',
}

describe('the summary table', () => {
  it('writes a score with half the width of its interval', () => {
    expect(scoreText(good)).toBe('91.0 ± 0.5')
    expect(scoreText(unscored)).toBe('–')
    expect(scoreText({ score: { ...makeScore(0.9), basis: 'none' } })).toBe('90.0')
  })

  it('says where an interval comes from', () => {
    expect(basisText(good)).toContain('2 seeds')
    expect(basisText({ score: { ...makeScore(0.9), basis: 'bootstrap' } })).toContain('bootstrap')
    expect(basisText({ score: { ...makeScore(0.9), basis: 'none' } })).toContain('no interval')
  })

  it('marks the highest score and the fewest parameters', () => {
    expect([...bestOf([good, cheap, unscored], column('score'))]).toEqual(['good'])
    expect([...bestOf([good, cheap, unscored], column('parameters'))]).toEqual(['cheap'])
  })

  it('marks none where there is nothing to be better than', () => {
    expect(bestOf([good], column('score')).size).toBe(0)
    expect(bestOf([good, makeGroup({ ...good, id: 'same' })], column('score')).size).toBe(0)
  })

  it('sorts by a column, with what has no value last either way', () => {
    const ids = (key: string, descending: boolean) =>
      sortGroups([unscored, cheap, good], columns, { key, descending }).map(({ id }) => id)
    expect(ids('score', true)).toEqual(['good', 'cheap', 'unscored'])
    expect(ids('score', false)).toEqual(['cheap', 'good', 'unscored'])
    expect(ids('name', false)).toEqual(['cheap', 'good', 'unscored'])
  })

  it('says how a group stands to the best', () => {
    const groups = [good, cheap, unscored]
    const significant = makeComparison(groups, { answers: [answer], pairs: [pair(0.003)] })
    expect(standing(significant, good)).toBe('best')
    expect(standing(significant, cheap)).toBe('below (p 0.003)')
    expect(standing(significant, unscored)).toBe('–')
    const noise = makeComparison(groups, { answers: [answer], pairs: [pair(0.21)] })
    expect(standing(noise, cheap)).toBe('within noise (p 0.21)')
    const untested = makeComparison(groups, {
      answers: [answer],
      untested: [{ first: 'cheap', second: 'good', reason: 'other rows' }],
    })
    expect(standing(untested, cheap)).toBe('not tested')
  })

  it('writes small p-values as what they are below', () => {
    expect(pText(0.0004)).toBe('< 0.001')
    expect(pText(0.0314)).toBe('0.031')
    expect(pText(1)).toBe('1')
  })
})

describe('looks of compared groups', () => {
  it('are the same for a variant on every dataset, and differ within a family', () => {
    const looks = groupLooks([
      makeGroup({ id: 'a', name: 'double_seq_bn' }),
      makeGroup({ id: 'b', name: 'seq_bn' }),
      makeGroup({ id: 'c', name: 'seq_bn', datasetId: 'sst' }),
    ])
    expect(looks.get('b')).toEqual(looks.get('c'))
    expect(looks.get('b')?.color).toBe('--variant-adapter')
    expect(looks.get('a')?.color).toBe('--variant-adapter-2')
    expect(looks.get('a')?.dash).not.toBe(looks.get('b')?.dash)
  })

  it('leave out of names what all begin with', () => {
    expect([...shortNames(['par_bn · a 1, b 2', 'par_bn · a 1, b 3']).values()]).toEqual(['b 2', 'b 3'])
    expect([...shortNames(['seq_bn', 'seq_bn_inv']).values()]).toEqual(['seq_bn', 'seq_bn_inv'])
    expect([...shortNames(['x · only']).values()]).toEqual(['x · only'])
    expect(shortNames([]).size).toBe(0)
  })
})
