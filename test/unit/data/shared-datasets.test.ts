import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { DatasetSources, type SplitName } from '../../../preload/contract.ts'
import { importDataset } from '../../../main/data/import.ts'
import { describeWithShared, sharedPath } from '../../shared.ts'
import { readAllRows } from './importing.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'workbench-datasets-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function load(files: Partial<Record<SplitName, string[]>>, options: Record<string, unknown> = {}) {
  const named = Object.entries(files).flatMap(([split, paths]) =>
    paths.map((path) => ({ path: sharedPath(`data/${path}`), split })),
  )
  return importDataset(DatasetSources.parse({ files: named, options }), folder)
}

function total(counts: Record<SplitName, Record<string, number>>): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const split of Object.values(counts)) {
    for (const [label, count] of Object.entries(split)) sum[label] = (sum[label] ?? 0) + count
  }
  return sum
}

describeWithShared('real datasets', ['data/trec/TREC.train'], () => {
  it('reads TREC: label first on the line, latin-1, coarse classes, a tenth for validation', async () => {
    const trec = await load({ train: ['trec/TREC.train'], test: ['trec/TREC.test'] })
    expect(trec.splits).toEqual({ train: 4907, validation: 545, test: 500 })
    expect(trec.labels).toEqual(['ABBR', 'DESC', 'ENTY', 'HUM', 'LOC', 'NUM'])
    const training = total({ ...trec.labelCounts, test: {} })
    expect(training).toEqual({ ABBR: 86, DESC: 1162, ENTY: 1250, HUM: 1223, LOC: 835, NUM: 896 })
    expect(trec.files.map((file) => file.encoding)).toEqual(['latin-1', 'utf-8'])
    expect(trec.rejected).toBe(0)
    const rows = await readAllRows(trec.path)
    expect(rows[0]?.text).toBe('How did serfdom develop in and then leave Russia ?')
    expect(rows.some((row) => row.text.includes('\u00f0'))).toBe(true)
  })

  it('reads the fine classes of TREC when asked', async () => {
    const trec = await load({ train: ['trec/TREC.train'], test: ['trec/TREC.test'] }, { fineLabels: true })
    expect(trec.labels).toHaveLength(50)
    expect(trec.labels).toContain('DESC:manner')
    expect(trec.rejected).toBe(0)
  })

  it('reads MR: one latin-1 file per class, NEL inside a line', async () => {
    const mr = await load({ train: ['mr/rt-polarity.pos', 'mr/rt-polarity.neg'] })
    expect(total(mr.labelCounts)).toEqual({ pos: 5331, neg: 5331 })
    expect(mr.splits).toEqual({ train: 9596, validation: 1066 })
    expect(mr.rejected).toBe(0)
    const rows = await readAllRows(mr.path)
    expect(rows.some((row) => row.text.includes('\u0085'))).toBe(true)
  })

  it('reads SUBJ: one file per class', async () => {
    const subj = await load({ train: ['subj/subj.subjective', 'subj/subj.objective'] })
    expect(total(subj.labelCounts)).toEqual({ subjective: 5000, objective: 5000 })
    expect(subj.rejected).toBe(0)
  })

  it('reads SST-2: header, text before label', async () => {
    const sst2 = await load({
      train: ['sst2_glue/train.tsv'],
      validation: ['sst2_glue/dev.tsv'],
      test: ['sst2_glue/test.tsv'],
    })
    expect(sst2.splits).toEqual({ train: 60_614, validation: 6735, test: 872 })
    expect(sst2.labelCounts.train).toEqual({ '0': 26_786, '1': 33_828 })
    expect(sst2.labelCounts.test).toEqual({ '0': 428, '1': 444 })
    expect(sst2.rejected).toBe(0)
  })

  it('reads AG News as TSV without header, quotes undone', async () => {
    const news = await load({ train: ['ag_news/dev.tsv'], validation: ['ag_news/test.tsv'] })
    expect(news.splits).toEqual({ train: 10_001, validation: 7600 })
    expect(Object.values(news.labelCounts.train).sort()).toEqual([2458, 2496, 2509, 2538])
    expect(Object.values(news.labelCounts.validation)).toEqual([1900, 1900, 1900, 1900])
    expect(news.labels).toEqual(['Business', 'Sci/Tech', 'Sports', 'World'])
    const rows = await readAllRows(news.path)
    expect(rows.filter((row) => row.text.startsWith('"') && row.text.includes('""'))).toEqual([])
  })

  it('reads AG News as CSV: quoted fields, backslashes that mean themselves', async () => {
    const news = await load({ train: ['ag_news/test_official.csv'] })
    expect(Object.values(total(news.labelCounts))).toEqual([1900, 1900, 1900, 1900])
    expect(news.files[0]).toMatchObject({ delimiter: ',', header: true, text: 'description', label: 'class' })
    const rows = await readAllRows(news.path)
    expect(rows[1]?.text).toContain('A second\\team of rocketeers')
  })

  it('reads CoLA: four columns, no header, text last', async () => {
    const cola = await load({
      train: ['glue_CoLA/train.tsv'],
      validation: ['glue_CoLA/val.tsv'],
      test: ['glue_CoLA/dev.tsv'],
    })
    expect(cola.splits).toEqual({ train: 7250, validation: 1301, test: 1043 })
    expect(cola.labelCounts.test).toEqual({ '0': 322, '1': 721 })
    expect(cola.task).toBe('single-text')
    expect(cola.rejected).toBe(0)
    expect((await readAllRows(cola.path))[0]?.text).toMatch(/^Our friends won't buy this analysis/)
  })

  it('reads RTE: pairs, a header in all files but val.tsv, in whatever order', async () => {
    const files = ['glue_RTE/val.tsv', 'glue_RTE/train.tsv']
    const rte = await load({ train: files, validation: ['glue_RTE/dev.tsv'] })
    expect(rte.splits).toEqual({ train: 2490, validation: 277 })
    expect(rte.task).toBe('text-pair')
    expect(rte.labels).toEqual(['entailment', 'not_entailment'])
    expect(rte.rejected).toBe(0)
    const [first] = await readAllRows(rte.path)
    expect(first?.text).toMatch(/^Herceptin was already approved/)
    expect(first?.secondText).toBe('Herceptin can be used to treat breast cancer.')
  })

  it('reads the headerless file of RTE alone by its content', async () => {
    const rte = await load({ train: ['glue_RTE/val.tsv'] })
    expect(rte.files[0]).toMatchObject({ header: false, text: '2', secondText: '3', label: '4' })
    expect(rte.rows).toBe(363)
  })

  it('reads MRPC: byte order mark, raw quotes', async () => {
    const mrpc = await load({ train: ['glue_MRPC/train.tsv'], validation: ['glue_MRPC/dev.tsv'] })
    expect(mrpc.splits).toEqual({ train: 3668, validation: 408 })
    expect(mrpc.labelCounts.train).toEqual({ '0': 1194, '1': 2474 })
    expect(mrpc.labelCounts.validation['1']).toBe(279)
    expect(mrpc.rejected).toBe(0)
    expect(mrpc.files[0]).toMatchObject({ byteOrderMark: true, quoting: false, label: 'Quality' })
    const rows = await readAllRows(mrpc.path)
    expect(rows.filter((row) => row.text.startsWith('"')).length).toBeGreaterThan(0)
  })

  it.each(['glue_CoLA/test.tsv', 'glue_RTE/test.tsv', 'glue_MRPC/test.tsv'])(
    'says of %s that it has no labels',
    async (path) => {
      await expect(load({ train: [path] })).rejects.toThrow(
        /test\.tsv: no column with labels.*columns are: index/,
      )
    },
  )

  it('says of an archive that it is one, and of prose that it is one class', async () => {
    await expect(load({ train: ['mnist_t10k/t10k-images-idx3-ubyte.gz'] })).rejects.toThrow(/gzip archive/)
    await expect(load({ train: ['wikitext2/wiki.test.tokens'] })).rejects.toThrow(
      /Only one class \("tokens"\)/,
    )
  })
})
