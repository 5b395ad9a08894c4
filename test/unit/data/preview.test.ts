import { describe, expect, it } from 'vitest'

import { DatasetSources } from '../../../preload/contract.ts'
import { previewDataset } from '../../../main/data/preview.ts'
import { temporaryFolder } from './temporary-files.ts'

const files = temporaryFolder()

function preview(paths: string[], options: Record<string, unknown> = {}) {
  return previewDataset(DatasetSources.parse({ files: paths.map((path) => ({ path })), options }))
}

describe('previewDataset', () => {
  it('shows how a file is read, its first rows as they stand and as records, and its labels', async () => {
    const path = files.write('a.csv', 'text,label\n"one, two",x\nthree,y\n,y\nfour,x\n')
    const { files: shown, labels, warnings } = await preview([path])
    expect(shown[0]).toMatchObject({ path, format: 'delimited', delimiter: ',', quoting: true, header: true })
    expect(shown[0]).toMatchObject({ text: 'text', label: 'label', columns: ['text', 'label'] })
    expect(shown[0]?.raw.slice(0, 2)).toEqual(['text,label', '"one, two",x'])
    expect(shown[0]?.rows[0]).toEqual({ index: 0, split: 'train', text: 'one, two', label: 'x' })
    expect(shown[0]?.rejected).toEqual([{ file: path, line: 4, reason: 'the text is empty' }])
    expect(labels).toEqual({ x: 2, y: 1 })
    expect(warnings).toEqual([expect.stringMatching(/1 of the first 4 rows are rejected/)])
  })

  it('shows a file whose label column is not found, so that the user can name it', async () => {
    const body = Array.from({ length: 12 }, (_, at) => `${at}\tsentence number ${at}`).join('\n')
    const path = files.write('b.tsv', `index\tsentence\n${body}\n`)
    const { files: shown, warnings } = await preview([path])
    expect(shown[0]?.columns).toEqual(['index', 'sentence'])
    expect(shown[0]?.rows).toEqual([])
    expect(shown[0]?.raw).toHaveLength(13)
    expect(warnings).toEqual([expect.stringMatching(/no column with labels was found/)])
    expect((await preview([path], { label: 'index' })).files[0]?.rows).toHaveLength(12)
  })

  it('warns of one class, of a guessed encoding, of a class named after the file, of nothing usable', async () => {
    const one = await preview([files.write('c.tsv', 'text\tlabel\na b c\tx\nd e f\tx\n')])
    expect(one.warnings).toEqual([expect.stringMatching(/Only one class \("x"\)/)])
    const latin = files.write('d.pos', Buffer.from('caf\u00e9 for me\n', 'latin1'))
    const { warnings } = await preview([latin, files.write('d.neg', 'not for me\n')])
    expect(warnings).toEqual([
      expect.stringMatching(/d\.pos is not valid UTF-8 and is read as latin-1/),
      expect.stringMatching(/d\.pos: every row gets the label "pos"/),
      expect.stringMatching(/d\.neg: every row gets the label "neg"/),
    ])
    const none = await preview([files.write('e.tsv', 'text\tlabel\n\tx\n\ty\n')])
    expect(none.warnings).toEqual([expect.stringMatching(/no row can be used/)])
  })

  it('names windows-1252 where latin-1 has no letters for the bytes', async () => {
    const path = files.write('w.tsv', Buffer.from('text\tlabel\nfine \x96 really\tx\nnot so\ty\n', 'latin1'))
    expect((await preview([path])).warnings).toEqual([expect.stringMatching(/windows-1252/)])
    const chosen = await preview([path], { encoding: 'windows-1252' })
    expect([chosen.files[0]?.rows[0]?.text, chosen.warnings]).toEqual(['fine \u2013 really', []])
  })

  it('warns when nearly every row has a label of its own', async () => {
    const body = Array.from({ length: 600 }, (_, at) => `a text\t${at}`).join('\n')
    const { warnings } = await preview([files.write('f.tsv', `text\tlabel\n${body}\n`)])
    expect(warnings).toEqual([expect.stringMatching(/600 different labels/)])
  })

  it('reads only the beginning of a long file', async () => {
    const path = files.write('g.tsv', `text\tlabel\n${'some text\ta\nother text\tb\n'.repeat(50_000)}`)
    const { files: shown, labels } = await preview([path])
    expect(shown[0]?.rows).toHaveLength(50)
    expect(labels).toEqual({ a: 500, b: 500 })
  })

  it('refuses what cannot be a source at all', async () => {
    await expect(preview([files.write('h.tsv', '')])).rejects.toMatchObject({ code: 'bad-input' })
    await expect(preview([`${files.path()}/missing.tsv`])).rejects.toMatchObject({ code: 'not-found' })
  })
})
