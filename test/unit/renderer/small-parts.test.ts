import { describe, expect, it } from 'vitest'

import { fuzzyScore } from '../../../renderer/lib/fuzzy.ts'
import { formatHash, parseHash } from '../../../renderer/lib/hash.ts'
import {
  guessName,
  guessSplit,
  importSources,
  withFile,
  emptyImport,
} from '../../../renderer/lib/import-draft.ts'
import { screenOf } from '../../../renderer/lib/screen-paths.ts'
import { nothingSelected, selectOne, selectSpan, toggleOne } from '../../../renderer/lib/selection.ts'
import { toCsv, toTsv } from '../../../renderer/lib/tsv.ts'
import { rowWindow, scrollToRow } from '../../../renderer/lib/window-rows.ts'
import { variantStyle } from '../../../renderer/lib/variants.ts'

describe('addresses', () => {
  it('come back as they were written', () => {
    const hash = formatHash(['runs', 'a/b c'], { q: 'method:seq_bn acc>0.9', sort: 'name' })
    expect(parseHash(hash)).toEqual({
      path: ['runs', 'a/b c'],
      query: { q: 'method:seq_bn acc>0.9', sort: 'name' },
    })
  })

  it('leave out what is not set', () => {
    expect(formatHash(['runs'], { q: '', sort: undefined })).toBe('#/runs')
  })

  it.each(['', '#', '#/'])('take "%s" for the overview', (hash) => {
    expect(screenOf(parseHash(hash).path)).toBe('overview')
  })

  it('do not break on a broken percent sign', () => {
    expect(parseHash('#/runs/%E0%A4%A').path).toEqual(['runs', '%E0%A4%A'])
  })

  it('lead nowhere where there is no screen', () => {
    expect(screenOf(['nowhere'])).toBeUndefined()
    expect(screenOf(['builder', 'xyz'])).toBeUndefined()
    expect(screenOf(['builder'])).toBe('builder')
    expect(screenOf(['experiments', 'abc'])).toBe('experiments')
    expect(screenOf(['runs', 'new'])).toBe('new-run')
    expect(screenOf(['runs', 'abc'])).toBe('runs')
  })
})

describe('selection', () => {
  const all = ['a', 'b', 'c', 'd']

  it('spans from the anchor in both directions', () => {
    expect([...selectSpan(selectOne('b'), 'd', all).keys]).toEqual(['b', 'c', 'd'])
    expect([...selectSpan(selectOne('c'), 'a', all).keys]).toEqual(['a', 'b', 'c'])
  })

  it('begins anew where the anchor is gone', () => {
    expect([...selectSpan(nothingSelected, 'c', all).keys]).toEqual(['c'])
    expect([...selectSpan(selectOne('x'), 'c', all).keys]).toEqual(['c'])
  })

  it('adds and takes away single rows', () => {
    const two = toggleOne(selectOne('a'), 'c')
    expect([...two.keys]).toEqual(['a', 'c'])
    expect([...toggleOne(two, 'a').keys]).toEqual(['c'])
  })
})

describe('rows in view', () => {
  it('are few of many', () => {
    const { first, end } = rowWindow(100_000, 30, 30_000, 600)
    expect(first).toBeLessThanOrEqual(1000)
    expect(end).toBeGreaterThanOrEqual(1020)
    expect(end - first).toBeLessThan(60)
  })

  it('are all of a few, wherever the scroll position is', () => {
    expect(rowWindow(3, 30, 500, 600)).toEqual({ first: 0, end: 3 })
    expect(rowWindow(0, 30, 0, 600)).toEqual({ first: 0, end: 0 })
  })

  it('scroll no more than needed', () => {
    expect(scrollToRow(5, 30, 0, 600)).toBe(0)
    expect(scrollToRow(30, 30, 0, 600)).toBe(330)
    expect(scrollToRow(2, 30, 300, 600)).toBe(60)
  })
})

describe('tables on the clipboard', () => {
  it('have no tabs or line breaks inside cells', () => {
    expect(toTsv([['a', 'two\nlines\there'], ['b']])).toBe('a\ttwo lines here\nb')
  })

  it('quote in CSV what needs it', () => {
    expect(toCsv([['a,b', 'say "hi"', 3]])).toBe('"a,b","say ""hi""",3\r\n')
  })
})

describe('the palette', () => {
  it('finds letters in order and ranks word starts first', () => {
    expect(fuzzyScore('xyz', 'Runs')).toBeUndefined()
    expect(fuzzyScore('nr', 'New run')).toBeGreaterThan(0)
    const start = fuzzyScore('run', 'Runs') ?? 0
    expect(start).toBeGreaterThan(fuzzyScore('run', 'Overrun') ?? 0)
  })

  it('wants every word', () => {
    expect(fuzzyScore('new xyz', 'New run')).toBeUndefined()
  })
})

describe('files to import', () => {
  it.each([
    ['TREC.train', 'train'],
    ['TREC.test', 'test'],
    ['dev.tsv', 'validation'],
    ['valid.jsonl', 'validation'],
    ['latest.csv', 'train'],
    ['device.csv', 'train'],
  ])('%s belongs to %s', (name, split) => {
    expect(guessSplit(`/data/${name}`)).toBe(split)
  })

  it('give the dataset its name', () => {
    expect(guessName(['/data/reviews.train.csv'])).toBe('reviews')
    expect(guessName(['/data/sst2/train.tsv'])).toBe('sst2')
    expect(guessName([])).toBe('')
  })

  it('are taken once', () => {
    const draft = withFile(withFile(emptyImport, '/data/a.csv'), '/data/a.csv')
    expect(importSources(draft)).toMatchObject({
      name: 'a',
      files: [{ path: '/data/a.csv', split: 'train' }],
      validationShare: 0.1,
    })
  })
})

describe('variants', () => {
  it('of one family share colour and marker and differ in their dash', () => {
    const one = variantStyle('adapter', 'seq_bn')
    const other = variantStyle('adapter', 'double_seq_bn')
    expect(other.color).toBe(one.color)
    expect(other.marker).toEqual(one.marker)
    expect(other.dash).not.toBe(one.dash)
  })

  it('of different families have different markers', () => {
    const families = ['adapter', 'fusion', 'drop', 'mam', 'baseline'] as const
    expect(new Set(families.map((family) => variantStyle(family, 'x').marker.text)).size).toBe(5)
    expect(new Set(families.map((family) => variantStyle(family, 'x').color)).size).toBe(5)
  })
})
