import { describe, expect, it } from 'vitest'

import {
  compareHash,
  comparisonInput,
  decodeCompare,
  isEmptySelection,
  withHidden,
} from '../../../renderer/lib/compare-state.ts'
import { parseHash } from '../../../renderer/lib/hash.ts'

describe('the address of a comparison', () => {
  it('names the runs, and reads back to the same', () => {
    const { path, query } = parseHash(compareHash(['a', 'b'], { by: 'run' }))
    expect(path).toEqual(['compare'])
    expect(comparisonInput(decodeCompare(query))).toEqual({
      runIds: ['a', 'b'],
      groups: [],
      groupBy: 'run',
      metric: 'accuracy',
      split: 'auto',
    })
  })

  it('carries an experiment or groups as well', () => {
    expect(comparisonInput(decodeCompare({ experiment: 'e1' }))).toMatchObject({ experimentId: 'e1' })
    const groups = [{ name: 'mine', runIds: ['a'] }]
    expect(decodeCompare({ groups: JSON.stringify(groups) }).groups).toEqual(groups)
    expect(isEmptySelection(decodeCompare({ groups: JSON.stringify(groups) }))).toBe(false)
  })

  it('asks for nothing where it names nothing', () => {
    expect(isEmptySelection(decodeCompare({}))).toBe(true)
  })

  it.each([
    [{ metric: 'beauty' }, { metric: 'accuracy' }],
    [{ groups: '[{"name":' }, { groups: [] }],
    [{ groups: '[{"title":"x"}]' }, { groups: [] }],
    [{ smooth: '7' }, { curve: { smoothing: 0.6 } }],
    [{ x: 'colour' }, { curve: { x: 'step' } }],
  ])('reads %j as if what is wrong were not there', (query, state) => {
    expect(decodeCompare(query)).toMatchObject(state)
  })

  it.each([
    ['10..20', [10, 20]],
    ['-1.5..2', [-1.5, 2]],
    ['20..10', undefined],
    ['..20', undefined],
    ['a..b', undefined],
    [undefined, undefined],
  ])('reads the range %s', (text, range) => {
    expect(decodeCompare({ ...(text === undefined ? {} : { range: text }) }).range).toEqual(range)
  })

  it('hides a group once, and shows it again', () => {
    expect(withHidden([], 'a', true)).toBe('a')
    expect(withHidden(['a', 'b'], 'a', true)).toBe('b,a')
    expect(withHidden(['a', 'b'], 'a', false)).toBe('b')
    expect(withHidden(['a'], 'a', false)).toBeUndefined()
  })
})
