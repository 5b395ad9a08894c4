import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import {
  readPage,
  removeDatasetFile,
  writeDatasetFile,
  type StoredRow,
} from '../../../main/data/dataset-file.ts'
import { readAllRows } from './importing.ts'
import { temporaryFolder } from './temporary-files.ts'

const files = temporaryFolder()

const rows: StoredRow[] = Array.from({ length: 1000 }, (_, index) => ({
  split: index % 10 === 0 ? 'validation' : 'train',
  text: `row ${index} – grün\n"quoted"\t\u2028`,
  label: index % 3 === 0 ? 'b' : 'a',
}))

function inChunks(size: number): StoredRow[][] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, at) =>
    rows.slice(at * size, (at + 1) * size),
  )
}

describe('writeDatasetFile', () => {
  it('names the file by the SHA-256 of its content and leaves nothing else but the index', async () => {
    const folder = join(files.path(), 'names')
    const { path, hash, rows: count } = await writeDatasetFile(folder, inChunks(300))
    expect(count).toBe(1000)
    expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(hash)
    expect(readdirSync(folder).sort()).toEqual([`${hash}.jsonl`, `${hash}.jsonl.index`])
  })

  it('writes the same file however the rows arrive', async () => {
    const one = await writeDatasetFile(files.path(), inChunks(1000))
    const many = await writeDatasetFile(files.path(), inChunks(7))
    expect(many).toEqual(one)
  })

  it('gives the rows back as they were, in their order', async () => {
    const pair: StoredRow = { split: 'test', text: 'a', secondText: 'b', label: '1' }
    const { path } = await writeDatasetFile(files.path(), [[...rows, pair]])
    const back = await readAllRows(path)
    expect(back).toEqual([...rows, pair].map((row, index) => ({ index, ...row })))
  })

  it('leaves nothing behind when its source fails', async () => {
    const folder = join(files.path(), 'broken')
    async function* failing(): AsyncGenerator<StoredRow[]> {
      yield rows
      throw new Error('source failed')
    }
    await expect(writeDatasetFile(folder, failing())).rejects.toThrow('source failed')
    expect(readdirSync(folder)).toEqual([])
  })

  it('says that the folder cannot be written', async () => {
    const inTheWay = files.write('file-not-folder', 'x')
    await expect(writeDatasetFile(inTheWay, inChunks(10))).rejects.toMatchObject({ code: 'storage' })
  })
})

describe('readPage', () => {
  it.each([0, 1, 127, 128, 129, 500, 995, 1000, 5000])('gives the page at %i', async (offset) => {
    const { path } = await writeDatasetFile(files.path(), inChunks(100))
    const page = await readPage(path, { offset, limit: 10 })
    expect(page.total).toBe(1000)
    expect(page.rows).toEqual(rows.map((row, index) => ({ index, ...row })).slice(offset, offset + 10))
  })

  it('reads none of the pages before it', async () => {
    const { path } = await writeDatasetFile(join(files.path(), 'seek'), inChunks(100))
    const content = readFileSync(path)
    // Rows before the index entry at 896 are made unreadable, so that reading them would fail.
    const lines = content.toString('utf8').split('\n')
    writeFileSync(
      path,
      lines.map((line, at) => (at < 896 ? '?'.repeat(Buffer.byteLength(line)) : line)).join('\n'),
    )
    expect((await readPage(path, { offset: 900, limit: 2 })).rows.map((row) => row.index)).toEqual([900, 901])
    await expect(readPage(path, { offset: 890, limit: 2 })).rejects.toMatchObject({ code: 'storage' })
  })

  it('works without its index, and with a damaged one', async () => {
    const { path } = await writeDatasetFile(join(files.path(), 'index'), inChunks(100))
    for (const damage of [() => rmSync(`${path}.index`), () => writeFileSync(`${path}.index`, 'short')]) {
      damage()
      const page = await readPage(path, { offset: 700, limit: 1 })
      expect(page).toMatchObject({ total: 1000, rows: [{ index: 700, text: rows[700]?.text }] })
    }
  })

  it('filters by split, label and text, and counts all that match', async () => {
    const { path } = await writeDatasetFile(files.path(), inChunks(100))
    const query = { offset: 0, limit: 2 }
    expect(await readPage(path, { ...query, split: 'validation' })).toMatchObject({
      total: 100,
      rows: [{ index: 0 }, { index: 10 }],
    })
    expect(await readPage(path, { ...query, label: 'b', offset: 1 })).toMatchObject({
      total: 334,
      rows: [{ index: 3 }, { index: 6 }],
    })
    expect(await readPage(path, { ...query, search: 'ROW 99' })).toMatchObject({
      total: 11,
      rows: [{ index: 99 }, { index: 990 }],
    })
    expect(await readPage(path, { ...query, split: 'test' })).toEqual({ total: 0, rows: [] })
    expect(
      (await readPage(path, { ...query, search: 'row 99', split: 'validation', label: 'b' })).total,
    ).toBe(1)
  })

  it('searches second texts as well', async () => {
    const { path } = await writeDatasetFile(files.path(), [
      [{ split: 'train', text: 'x', secondText: 'Needle', label: 'a' }],
    ])
    expect((await readPage(path, { offset: 0, limit: 5, search: 'needle' })).total).toBe(1)
  })
})

describe('a dataset file that is not as it was', () => {
  it('is reported as missing or damaged, with the place', async () => {
    const { path } = await writeDatasetFile(join(files.path(), 'damaged'), inChunks(100))
    const lines = readFileSync(path, 'utf8').split('\n')
    lines[4] = (lines[4] ?? '').slice(0, 20)
    writeFileSync(path, lines.join('\n'))
    await expect(readAllRows(path)).rejects.toMatchObject({
      code: 'storage',
      message: expect.stringMatching(/line 5/),
    })
    await removeDatasetFile(path)
    await removeDatasetFile(path)
    await expect(readAllRows(path)).rejects.toMatchObject({
      code: 'storage',
      message: expect.stringMatching(/Import the dataset again/),
    })
  })
})
