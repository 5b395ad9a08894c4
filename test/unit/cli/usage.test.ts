import { InvalidArgumentError } from 'commander'
import { describe, expect, it } from 'vitest'

import { sourcesOf } from '../../../main/cli/sources.ts'
import {
  parseInteger,
  parseMethod,
  parseNumber,
  parsePort,
  parseYesNo,
  UsageError,
} from '../../../main/cli/usage.ts'

describe('parseMethod', () => {
  it.each([
    ['seq_bn', [], { name: 'seq_bn', options: {} }],
    ['seq_bn[]', [], { name: 'seq_bn', options: {} }],
    [
      'seq_bn[reduction_factor=4,ln_before=true, non_linearity=relu]',
      [],
      { name: 'seq_bn', options: { reduction_factor: 4, ln_before: true, non_linearity: 'relu' } },
    ],
    [
      'seq_bn[leave_out=[0,1],reduction_factor={"1":8,"default":16}]',
      [],
      { name: 'seq_bn', options: { leave_out: [0, 1], reduction_factor: { '1': 8, default: 16 } } },
    ],
    [
      'double_seq_bn[scaling=2]',
      ['scaling=learned', 'dropout = 0.1'],
      { name: 'double_seq_bn', options: { scaling: 'learned', dropout: 0.1 } },
    ],
  ])('reads %s with %j', (text, further, expected) => {
    expect(parseMethod(text, further)).toEqual(expected)
  })

  it.each(['', 'seq_bn[', 'seq_bn]', 'seq bn', 'seq_bn[reduction_factor]', 'seq_bn[=4]'])(
    'refuses %j',
    (text) => {
      expect(() => parseMethod(text)).toThrow(UsageError)
    },
  )
})

describe('values of flags', () => {
  it('are numbers, whole where they must be', () => {
    expect(parseNumber('1e-3')).toBe(0.001)
    expect(parseInteger('-2')).toBe(-2)
    for (const text of ['', ' ', '1.5', '1e400', '12x', 'NaN'])
      expect(() => parseInteger(text)).toThrow(InvalidArgumentError)
    for (const text of ['-1', '65536']) expect(() => parsePort(text)).toThrow(InvalidArgumentError)
  })

  it('are yes or no', () => {
    expect(['yes', 'TRUE', '1', 'no', 'false'].map(parseYesNo)).toEqual([true, true, true, false, false])
    expect(() => parseYesNo('maybe')).toThrow(InvalidArgumentError)
  })
})

describe('sourcesOf', () => {
  it('is undefined where no file is named', () => {
    expect(sourcesOf({ name: 'mine' })).toBeUndefined()
  })

  it('keeps the order of files, absolute, and passes on how to read them', () => {
    const sources = sourcesOf({
      ...{ name: 'mr', train: ['/data/mr.neg', '/data/mr.pos'], test: ['/data/test.tsv'] },
      ...{ text: '1', secondText: '2', label: 'class', header: false, encoding: 'latin-1', delimiter: '\t' },
    })
    expect(sources).toMatchObject({
      name: 'mr',
      files: [
        { path: '/data/mr.neg', split: 'train' },
        { path: '/data/mr.pos', split: 'train' },
        { path: '/data/test.tsv', split: 'test' },
      ],
      options: {
        text: '1',
        secondText: '2',
        label: 'class',
        header: false,
        encoding: 'latin-1',
        delimiter: '\t',
      },
    })
  })

  it.each([
    [{ test: ['a.csv'] }, '--train'],
    [{ label: 'class' }, '--label'],
    [{ maximumRows: 100 }, '--maximum-rows'],
    [{ train: ['a.csv'], encoding: 'ebcdic' }, '--encoding'],
    [{ train: ['a.csv'], delimiter: '' }, '--delimiter'],
    [{ train: ['a.csv'], validationShare: 2 }, '--validation-share'],
    [{ train: ['a.csv'], maximumRows: 0 }, '--maximum-rows'],
  ])('refuses %j naming %s', (flags, name) => {
    expect(() => sourcesOf(flags)).toThrow(UsageError)
    expect(() => sourcesOf(flags)).toThrow(name)
  })
})
