import { describe, expect, it } from 'vitest'

import {
  barText,
  displayWidth,
  duration,
  facts,
  figure,
  percent,
  shorten,
  table,
} from '../../../main/cli/format.ts'
import { createOutput } from '../../../main/cli/output.ts'

describe('table', () => {
  it('puts words left and figures right', () => {
    const text = table(
      ['task', 'score', 'parameters'],
      [
        ['reviews', '89.4 %', '57,462'],
        ['questions', '–', '3,415,878'],
      ],
    )
    expect(text).toBe(
      [
        'task        score  parameters',
        '─────────  ──────  ──────────',
        'reviews    89.4 %      57,462',
        'questions       –   3,415,878',
      ].join('\n'),
    )
  })

  it('takes signs and intervals for figures', () => {
    const [, , first, second] = table(
      ['task', 'change', 'score'],
      [
        ['a', '+1.50', '89.4 ± 0.6'],
        ['b', '−12.00', '9.0 ± 10.0'],
      ],
    ).split('\n')
    expect([first, second]).toEqual(['a      +1.50  89.4 ± 0.6', 'b     −12.00  9.0 ± 10.0'])
  })

  it('lines up wide characters', () => {
    const [, , first, second] = table(
      ['name', 'n'],
      [
        ['评论', '1'],
        ['ab', '2'],
      ],
    ).split('\n')
    expect([first, second]).toEqual(['评论  1', 'ab    2'])
    expect(displayWidth('é')).toBe(1)
  })

  it('has a header where there are no rows, and as many rows as there are', () => {
    expect(table(['name', 'rows'], []).split('\n')).toHaveLength(2)
    const rows = Array.from({ length: 200_000 }, () => ['a'])
    expect(table(['name'], rows).split('\n')).toHaveLength(200_002)
  })
})

describe('figures', () => {
  it('have three digits that count', () => {
    expect([0.012345, 1.2345, 12.345, 123.45, 1234567, 0, 0.00012].map(figure)).toEqual([
      '0.0123',
      '1.23',
      '12.3',
      '123',
      '1,234,567',
      '0',
      '1.2e-4',
    ])
  })

  it('are percent on screen', () => {
    expect([percent(0.8944), percent(1), percent(undefined)]).toEqual(['89.4 %', '100.0 %', '–'])
  })

  it('are times that one can read', () => {
    expect([1.23, 42, 59.7, 187, 3729].map(duration)).toEqual(['1.2 s', '42 s', '60 s', '3:07', '1:02:09'])
  })

  it('leave out facts that are not known', () => {
    expect(
      facts([
        ['a', '1'],
        ['long', undefined],
        ['bb', '2'],
      ]),
    ).toBe('a   1\nbb  2')
  })

  it('keep texts on one line', () => {
    expect(shorten('a\n b\tc', 10)).toBe('a b c')
    expect(shorten('abcdefgh', 5)).toBe('abcd…')
  })
})

describe('the bar', () => {
  it('fills the width it has, and no more', () => {
    const half = barText({ label: 'epoch 1/2', done: 0.5, secondsLeft: 61 }, 60)
    expect(half).toMatch(/^█+░+ epoch 1\/2 {2}50 %, 1:01 left$/)
    expect(displayWidth(half)).toBeLessThanOrEqual(60)
    expect(barText({ label: 'x'.repeat(100), done: 0.5, secondsLeft: undefined }, 40)).toHaveLength(40)
  })

  it('is only said where nothing can be drawn', () => {
    expect(barText({ label: 'epoch 1/2', done: 0.5, secondsLeft: 3 }, undefined)).toBe(
      'epoch 1/2 50 %, 3 s left',
    )
    expect(barText({ label: 'queued', done: undefined, secondsLeft: undefined }, undefined)).toBe('queued')
  })
})

describe('output', () => {
  function streams(isTTY: boolean) {
    const text = { stdout: '', stderr: '' }
    return {
      text,
      streams: {
        stdout: { write: (chunk: string) => (text.stdout += chunk) },
        stderr: { write: (chunk: string) => (text.stderr += chunk), isTTY, columns: 80 },
      },
    }
  }

  it('writes one JSON document to stdout and all else to stderr', () => {
    const { text, streams: both } = streams(false)
    const output = createOutput(true, both)
    output.log('importing')
    output.progress({ label: 'epoch 1/2', done: 0.1, secondsLeft: undefined })
    output.result({ score: 0.5 }, () => 'not this')
    expect(JSON.parse(text.stdout)).toEqual({ score: 0.5 })
    expect(text.stderr).toBe('importing\nepoch 1/2 10 %\n')
  })

  it('draws over its bar on a terminal', () => {
    const { text, streams: both } = streams(true)
    const output = createOutput(false, both)
    output.progress({ label: 'one', done: 0.1, secondsLeft: undefined })
    output.progress({ label: 'two', done: 0.2, secondsLeft: undefined })
    output.log('a line')
    expect(text.stderr.split('\n')).toHaveLength(2)
    expect(text.stderr.split('\r\u001b[2K').at(-1)).toBe('a line\n')
  })

  it('writes a line where the label changes, else seldom, without a terminal', () => {
    let clock = 0
    const { text, streams: both } = streams(false)
    const output = createOutput(false, both, () => clock)
    const show = (label: string, done: number, detail = '') =>
      output.progress({ label, detail, done, secondsLeft: undefined })
    show('epoch 1/2', 0.1)
    show('epoch 1/2', 0.2, 'validating')
    clock = 10_000
    show('epoch 1/2', 0.3)
    show('epoch 2/2', 0.5)
    expect(text.stderr).toBe('epoch 1/2 10 %\nepoch 1/2 30 %\nepoch 2/2 50 %\n')
  })
})
