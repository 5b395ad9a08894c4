import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'
import type { z } from 'zod'

import { DatasetSources, WorkbenchError } from '../../../preload/contract.ts'
import { readAllRows } from '../../../main/data/dataset-file.ts'
import { importDataset, sortLabels } from '../../../main/data/import.ts'
import { temporaryFolder } from './temporary-files.ts'

const files = temporaryFolder()

type Input = z.input<typeof DatasetSources>
const load = (input: Input) => importDataset(DatasetSources.parse(input), join(files.path(), 'store'))
const loadOne = (path: string, options: Input['options'] = {}) => load({ files: [{ path }], options })

async function failure(input: Input): Promise<WorkbenchError> {
  const error: unknown = await load(input).then(
    () => new Error('did not fail'),
    (thrown: unknown) => thrown,
  )
  if (error instanceof WorkbenchError) return error
  throw error
}

/** Rows `text<TAB>label`, so many of each label. */
function table(counts: Record<string, number>, prefix = 'some text number'): string {
  return Object.entries(counts)
    .flatMap(([label, count]) =>
      Array.from({ length: count }, (_, at) => `${prefix} ${label} ${at}\t${label}\n`),
    )
    .join('')
}

describe('importing what can be imported', () => {
  it('reads comma-separated values with quotes, line breaks and semicolons', async () => {
    const path = files.write(
      'quoted.csv',
      'id,comment,stars\n1,"good, really; ""great""",5\n2,"bad\nvery bad",1\n3,plain,5\n4,also plain,1\n',
    )
    const dataset = await loadOne(path)
    expect(dataset.files[0]).toMatchObject({
      delimiter: ',',
      quoting: true,
      header: true,
      text: 'comment',
      label: 'stars',
    })
    expect(dataset.labels).toEqual(['1', '5'])
    expect((await readAllRows(dataset.path)).map((row) => row.text)).toEqual([
      'good, really; "great"',
      'bad\nvery bad',
      'plain',
      'also plain',
    ])
  })

  it('reads semicolons, carriage returns and a byte order mark, as spreadsheets write them', async () => {
    const path = files.write(
      'sheet.csv',
      '\ufeffText;Class\r\nguten Tag;de\r\n"hello; there";en\r\nna gut;de\r\nwell;en\r\n',
    )
    const dataset = await loadOne(path)
    expect(dataset.files[0]).toMatchObject({
      delimiter: ';',
      byteOrderMark: true,
      columns: ['Text', 'Class'],
    })
    expect((await readAllRows(dataset.path)).map((row) => `${row.text}|${row.label}`)).toEqual([
      'guten Tag|de',
      'hello; there|en',
      'na gut|de',
      'well|en',
    ])
  })

  it('reads JSONL with numbers and booleans as labels, which stay text', async () => {
    const path = files.write(
      'a.jsonl',
      '{"text":"one","label":10}\n{"label":9,"text":"two"}\n{"text":"three","label":9}\n',
    )
    const dataset = await loadOne(path)
    expect(dataset.labels).toEqual(['9', '10'])
    const flags = await loadOne(
      files.write(
        'b.jsonl',
        '{"q":"is it so, at all?","ok":true}\n{"q":"or is it not so?","ok":false}\n{"q":"who knows it?","ok":false}\n',
      ),
    )
    expect(flags.labels).toEqual(['false', 'true'])
  })

  it('reads pairs from JSONL', async () => {
    const line = (n: number, label: string) =>
      JSON.stringify({ premise: `p ${n}`, hypothesis: `h ${n}`, label })
    const path = files.write('nli.jsonl', [line(1, 'yes'), line(2, 'no'), line(3, 'yes')].join('\n'))
    const dataset = await loadOne(path)
    expect(dataset.task).toBe('text-pair')
    expect((await readAllRows(dataset.path))[1]).toMatchObject({ text: 'p 2', secondText: 'h 2' })
  })

  it('reads UTF-16 as spreadsheets save it', async () => {
    const content = '\ufefftext\tlabel\r\nschön\tja\r\nhässlich\tnein\r\nso so\tja\r\n'
    const dataset = await loadOne(files.write('utf16.tsv', Buffer.from(content, 'utf16le')))
    expect(dataset.rows).toBe(3)
    expect(dataset.labels).toEqual(['ja', 'nein'])
  })

  it('reads fastText lines', async () => {
    const path = files.write(
      'ft.txt',
      '__label__good I like it\n__label__bad I do not\n__label__good very nice\n__label__bad no\n',
    )
    expect(await loadOne(path)).toMatchObject({ rows: 4, labels: ['bad', 'good'] })
  })

  it('names the class of a whole file by the file, or as it is told', async () => {
    const good = files.write('good.txt', 'I like it, a lot\nso do I, and more\n')
    const other = files.write('x.other', 'I do not\nneither do I\n')
    expect((await load({ files: [{ path: good }, { path: other }] })).labels).toEqual(['good', 'other'])
    const told = await load({
      files: [
        { path: good, label: '1' },
        { path: other, label: '0' },
      ],
    })
    expect(told.labels).toEqual(['0', '1'])
  })

  it('follows the splits of a column named split', async () => {
    const rows = ['train', 'train', 'dev', 'Test', 'validation', 'train'].map(
      (split, at) => `${split}\t${at % 2}\tsome text ${at}`,
    )
    const path = files.write('given.tsv', `split\tlabel\ttext\n${rows.join('\n')}\n`)
    const dataset = await loadOne(path)
    expect(dataset.splits).toEqual({ train: 3, validation: 2, test: 1 })
    expect((await readAllRows(dataset.path)).map((row) => row.split)).toEqual([
      'train',
      'train',
      'validation',
      'test',
      'validation',
      'train',
    ])
  })

  it('takes columns by name, by number, and whatever was sniffed otherwise', async () => {
    const path = files.write(
      'cols.tsv',
      'title\tbody\ttopic\tmood\nA one\tlong body text one\tx\tu\nB two\tlong body text two\ty\tv\nC three\tlong body text three\tx\tv\n',
    )
    expect((await loadOne(path)).files[0]).toMatchObject({ text: 'body', label: 'topic' })
    expect((await loadOne(path, { label: 'Mood', text: '1' })).files[0]).toMatchObject({
      text: 'title',
      label: 'mood',
    })
    const pair = await loadOne(path, { secondText: 'title' })
    expect(pair.files[0]).toMatchObject({ text: 'body', secondText: 'title' })
    expect(pair.task).toBe('text-pair')
  })

  it('reads as it is told, whatever it would have guessed', async () => {
    const path = files.write('odd.txt', '"a text"|x\n"b text"|y\n"c text"|x\n"d text"|x\n')
    const dataset = await loadOne(path, { format: 'delimited', delimiter: '|', quoting: false, header: true })
    expect(dataset.files[0]).toMatchObject({ quoting: false, header: true, columns: ['"a text"', 'x'] })
    expect(dataset.rows).toBe(3)
    expect((await loadOne(files.write('tab.txt', table({ a: 3, b: 3 })), { delimiter: '\\t' })).rows).toBe(6)
  })

  it('does not take a first row for a header because its class is called like a column', async () => {
    const path = files.write(
      'classes.tsv',
      'What is a caul?\tdescription\nWho was Galileo?\tperson\nWhat is a nova?\tdescription\nWho won?\tperson\n',
    )
    expect(await loadOne(path)).toMatchObject({ rows: 4, labels: ['description', 'person'] })
  })

  it('takes only the first good rows of each file when asked', async () => {
    const train = files.write('m1.tsv', `text\tlabel\n\tx\n${table({ a: 1, b: 1 }).repeat(20)}`)
    const test = files.write('m2.tsv', `text\tlabel\n${table({ a: 5, b: 5 })}`)
    const dataset = await load({ files: [{ path: train }, { path: test, split: 'test' }], maximumRows: 10 })
    expect(dataset.splits).toEqual({ train: 9, validation: 1, test: 10 })
    expect(dataset.rejected).toBe(1)
  })

  it('counts rows that occur twice, inside a split and across', async () => {
    const train = files.write('d1.tsv', 'text\tlabel\nsame\ta\nsame\ta\nsame\ta\nother\tb\nalone\tb\n')
    const validation = files.write('d2.tsv', 'text\tlabel\nsame\ta\nfresh\tb\n')
    const test = files.write('d3.tsv', 'text\tlabel\nfresh\tb\nother \tb\n')
    const dataset = await load({
      files: [{ path: train }, { path: validation, split: 'validation' }, { path: test, split: 'test' }],
    })
    expect(dataset.duplicates).toEqual({ withinSplits: 2, acrossSplits: 3 })
  })

  it('takes pairs for the same only when both texts are', async () => {
    const path = files.write(
      'd4.tsv',
      'sentence1\tsentence2\tlabel\na\tb\tx\na \t b\ty\nb\ta\tx\nab\tc\ty\na\tbc\tx\n',
    )
    const validation = files.write('d5.tsv', 'sentence1\tsentence2\tlabel\nz\tz\tx\n')
    const dataset = await load({ files: [{ path }, { path: validation, split: 'validation' }] })
    expect(dataset.duplicates).toEqual({ withinSplits: 1, acrossSplits: 0 })
  })

  it('counts labels and lengths per split', async () => {
    const train = files.write(
      'l1.tsv',
      `text\tlabel\n${'x'.repeat(12)}\ta\n${'y'.repeat(3)}\tb\n${'z'.repeat(14)}\ta\n`,
    )
    const validation = files.write('l2.tsv', 'text\tlabel\nabc\ta\n')
    const dataset = await load({ files: [{ path: train }, { path: validation, split: 'validation' }] })
    expect(dataset.labelCounts).toEqual({ train: { a: 2, b: 1 }, validation: { a: 1, b: 0 }, test: {} })
    expect(dataset.lengthBucket).toBe(5)
    expect(dataset.lengths).toEqual({ train: [1, 0, 2], validation: [1], test: [] })
  })

  it('gives the same dataset for the same files and seed, and other splits for another seed', async () => {
    const path = files.write('seed.tsv', table({ a: 100, b: 300 }))
    const first = await load({ files: [{ path }], testShare: 0.2 })
    expect(first.splits).toEqual({ train: 280, validation: 40, test: 80 })
    expect(first.labelCounts.validation).toEqual({ a: 10, b: 30 })
    expect(first.labelCounts.test).toEqual({ a: 20, b: 60 })
    expect((await load({ files: [{ path }], testShare: 0.2 })).hash).toBe(first.hash)
    expect((await load({ files: [{ path }], testShare: 0.2, splitSeed: 2 })).hash).not.toBe(first.hash)
  })

  it('reports how far it is', async () => {
    const path = files.write('progress.tsv', table({ a: 9000, b: 9000 }))
    const seen: { rows: number; bytes: number; totalBytes: number }[] = []
    await importDataset(DatasetSources.parse({ files: [{ path }] }), join(files.path(), 'store'), (step) =>
      seen.push(step),
    )
    expect(seen.length).toBeGreaterThan(2)
    expect(seen.map((step) => step.bytes)).toEqual(seen.map((step) => step.bytes).sort((a, b) => a - b))
    const last = seen[seen.length - 1]
    expect(last?.rows).toBe(18_000)
    expect(last?.bytes).toBe(last?.totalBytes)
  })
})

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
    ['a JSON array', 'array.json', '[{"text":"a","label":"b"}]', /one JSON array/],
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

describe('sortLabels', () => {
  it('orders numbers by value and words by code point', () => {
    expect(sortLabels(['10', '9', '-1', '2.5'])).toEqual(['-1', '2.5', '9', '10'])
    expect(sortLabels(['b', '10', 'B', 'a', '9'])).toEqual(['10', '9', 'B', 'a', 'b'])
  })
})
