import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { importing, table } from './importing.ts'

const { failure, files, load, loadOne } = importing()

describe('rows that cannot be used', () => {
  it('are counted with file, line and reason', async () => {
    const path = files.write(
      'bad.tsv',
      'text\tlabel\nfine\ta\n\tb\nno label\t\ntoo\tmany\tcolumns\nfew\n\nfine too\tb\nfine three\ta\n',
    )
    const dataset = await loadOne(path)
    expect(dataset.rows).toBe(3)
    expect(dataset.rejected).toBe(5)
    expect(dataset.rejectedRows).toEqual([
      { file: path, line: 3, reason: 'the text is empty' },
      { file: path, line: 4, reason: 'the label is missing' },
      { file: path, line: 5, reason: '3 columns instead of 2' },
      { file: path, line: 6, reason: '1 column instead of 2' },
      { file: path, line: 7, reason: 'the line is empty' },
    ])
  })

  it('of JSONL say what is wrong with them', async () => {
    const lines = [
      '{"text":"a","label":"x"}',
      '{"text":"b","label":',
      '[1]',
      '{"label":"x"}',
      '{"text":7,"label":"x"}',
      '{"text":"c"}',
      '{"text":"d","label":{"a":1}}',
      '{"text":"e","label":"y"}',
      '{"text":"f","label":"y"}',
    ]
    const dataset = await loadOne(files.write('bad.jsonl', lines.join('\n')))
    expect(dataset.rows).toBe(3)
    expect(dataset.rejectedRows.map(({ line, reason }) => `${line} ${reason}`)).toEqual([
      expect.stringMatching(/^2 not valid JSON/),
      '3 not a JSON object',
      '4 the text is missing (no "text")',
      '5 the text ("text") is not a string',
      '6 the label is missing',
      '7 the label ("label") is neither text nor a number',
    ])
  })

  it('begin, in a quoted record, at its first line', async () => {
    const path = files.write(
      'multi.csv',
      'text,label\n"two\nlines",a\n"three\nlines\nlong",\n"ok",b\nfine,a\n',
    )
    expect((await loadOne(path)).rejectedRows).toEqual([
      { file: path, line: 4, reason: 'the label is missing' },
    ])
  })

  it('include those of a class that training never has', async () => {
    const train = files.write('t.tsv', `text\tlabel\n${table({ a: 5, b: 5 })}`)
    const test = files.write('v.tsv', 'text\tlabel\nknown\ta\nunknown\tzebra\nknown again\tb\n')
    const dataset = await load({ files: [{ path: train }, { path: test, split: 'test' }] })
    expect(dataset.labels).toEqual(['a', 'b'])
    expect(dataset.splits.test).toBe(2)
    expect(dataset.rejectedRows).toEqual([
      { file: test, line: 3, reason: 'the label "zebra" does not occur in the training rows' },
    ])
  })

  it('are kept only 1,000 of, and all counted', async () => {
    const path = files.write('many.tsv', `text\tlabel\n${'\tx\n'.repeat(1500)}${table({ a: 5, b: 5 })}`)
    const dataset = await loadOne(path)
    expect(dataset.rejected).toBe(1500)
    expect(dataset.rejectedRows).toHaveLength(1000)
  })

  it('with bytes that are not the encoding asked for are rejected', async () => {
    const path = files.write(
      'enc.tsv',
      Buffer.concat([Buffer.from(table({ a: 5, b: 5 })), Buffer.from([0xe9]), Buffer.from(' text\ta\n')]),
    )
    expect((await loadOne(path, { encoding: 'utf-8' })).rejectedRows).toEqual([
      { file: path, line: 11, reason: 'the line is not valid UTF-8' },
    ])
    expect(await loadOne(path)).toMatchObject({ rows: 11, rejected: 0 })
  })

  it('with a split that is none are rejected', async () => {
    const line = (split: string, label: string) =>
      JSON.stringify({ split, text: `text ${split} ${label}`, label })
    const good = Array.from({ length: 40 }, (_, at) => line(at % 8 === 0 ? 'dev' : 'train', String(at % 2)))
    const late = Array.from({ length: 40_000 }, (_, at) => line('train', `${at % 2}`))
    const path = files.write('split.jsonl', [...good, ...late, line('holdout', '1')].join('\n'))
    const dataset = await loadOne(path)
    expect(dataset.splits.validation).toBe(5)
    expect(dataset.rejectedRows).toEqual([
      { file: path, line: 40_041, reason: 'the split ("holdout") is not train, validation or test' },
    ])
  })
})

describe('input that cannot be imported', () => {
  const good = () => files.write('good.tsv', `text\tlabel\n${table({ a: 5, b: 5 })}`)

  it.each<[string, string, string, RegExp]>([
    ['an empty file', 'empty.tsv', '', /is empty/],
    ['a file of blank lines', 'blank.tsv', '\n \n\n', /no text in it/],
    ['a header and no rows', 'header.tsv', 'text\tlabel\n', /no row besides its header/],
    ['one class only', 'one.tsv', `text\tlabel\n${table({ a: 9 })}`, /Only one class \("a"\).*"label"/],
    [
      'no label column',
      'nolabel.tsv',
      'index\tsentence\n0\tone text\n1\tand two\n2\tand three\n3\tand so on\n4\tand on\n5\ton\n6\tx\n7\ty\n',
      /no column with labels.*index, sentence/,
    ],
    [
      'labels that are all missing',
      'missing.tsv',
      'text\tlabel\na text\t\nb text\t\n',
      /no usable row \(line 2: the label is missing\)/,
    ],
    [
      'texts that are all empty',
      'notext.csv',
      'text,label\n,a\n,b\n',
      /no usable row \(line 2: the text is empty\)/,
    ],
    ['no objects in JSONL', 'none.jsonl', '[1]\n[2]\n', /no line that is a JSON object/],
    ['lines that end with a carriage return alone', 'mac.csv', 'text,label\ra,x\rb,y\r', /carriage returns/],
    ['a JSON array', 'array.json', '[{"text":"a","label":"b"}]', /one JSON array/],
    [
      'a label of its own in every row',
      'ids.tsv',
      `text\tlabel\n${Array.from({ length: 10_001 }, (_, row) => `a text\tid ${row}\n`).join('')}`,
      /10001 different labels .* at most 10000 .*"label"/,
    ],
    [
      'one row of each class',
      'tiny.tsv',
      'text\tlabel\none\ta\ntwo\tb\n',
      /Too few training rows to draw a validation split/,
    ],
  ])(
    '%s: says so, names the file where there is one, leaves nothing behind',
    async (_, name, content, message) => {
      const path = files.write(name, content)
      const before = storeContent()
      const error = await failure({ files: [{ path }] })
      expect(error.code).toBe('bad-input')
      expect(error.message).toMatch(message)
      if (name !== 'tiny.tsv') expect(error.message).toContain(path)
      expect(storeContent()).toEqual(before)
    },
  )

  function storeContent(): string[] {
    return readdirSync(join(files.path(), 'store')).sort()
  }

  it('a file that is not there', async () => {
    const error = await failure({
      files: [{ path: good() }, { path: join(files.path(), 'nowhere.tsv'), split: 'test' }],
    })
    expect(error).toMatchObject({ code: 'not-found', message: expect.stringMatching(/nowhere\.tsv/) })
  })

  it('a column that is not there', async () => {
    const error = await failure({ files: [{ path: good() }], options: { label: 'mood' } })
    expect(error).toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/no column "mood" for label.*text, label/),
    })
    expect((await failure({ files: [{ path: good() }], options: { text: '3' } })).message).toMatch(
      /no column "3"/,
    )
  })

  it('no file for training', async () => {
    expect((await failure({ files: [{ path: good(), split: 'test' }] })).message).toMatch(
      /No file is given for training/,
    )
  })

  it('a second text in one file and not in the other', async () => {
    const pairs = files.write(
      'pairs.tsv',
      `sentence1\tsentence2\tlabel\n${'one text\tother text\ta\nmore text\tyet more\tb\n'.repeat(5)}`,
    )
    const error = await failure({ files: [{ path: pairs }, { path: good(), split: 'test' }] })
    expect(error.message).toMatch(/good\.tsv has no second text, but .*pairs\.tsv has one \("sentence2"\)/)
  })

  it('a given split whose labels training does not know at all', async () => {
    const foreign = files.write('foreign.tsv', `text\tlabel\n${table({ x: 3, y: 3 })}`)
    const before = storeContent()
    const error = await failure({ files: [{ path: good() }, { path: foreign, split: 'validation' }] })
    expect(error.message).toMatch(/No validation row has a label that the training rows have \(a, b\)/)
    expect(storeContent()).toEqual(before)
  })
})
