import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { importDataset, sortLabels } from '../../../main/data/import.ts'
import { DatasetSources } from '../../../preload/contract.ts'
import { importing, readAllRows, table } from './importing.ts'

const { files, load, loadOne } = importing()

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
    const tabs = files.write('tab.txt', table({ a: 3, b: 3 }))
    for (const delimiter of ['\\t', 'tab']) expect((await loadOne(tabs, { delimiter })).rows).toBe(6)
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

  it('counts labels whatever they are called', async () => {
    const train = files.write('odd-labels.tsv', table({ constructor: 4, toString: 3 }))
    const validation = files.write('odd-validation.tsv', table({ constructor: 2 }, 'another'))
    const { labelCounts } = await load({
      files: [{ path: train }, { path: validation, split: 'validation' }],
    })
    expect(labelCounts.train).toEqual({ constructor: 4, toString: 3 })
    expect(labelCounts.validation).toEqual({ constructor: 2, toString: 0 })
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

describe('sortLabels', () => {
  it('orders numbers by value and words by code point', () => {
    expect(sortLabels(['10', '9', '-1', '2.5'])).toEqual(['-1', '2.5', '9', '10'])
    expect(sortLabels(['b', '10', 'B', 'a', '9'])).toEqual(['10', '9', 'B', 'a', 'b'])
  })
})
