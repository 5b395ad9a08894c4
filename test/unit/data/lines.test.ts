import { describe, expect, it } from 'vitest'

import type { Encoding } from '../../../preload/contract.ts'
import { sniffEncoding } from '../../../main/data/encoding.ts'
import { readLines } from '../../../main/data/lines.ts'
import { temporaryFolder } from './temporary-files.ts'

const files = temporaryFolder()

async function linesOf(path: string, encoding: Encoding, start = 0) {
  const all = []
  for await (const { lines } of readLines(path, encoding, { start })) all.push(...lines)
  return all
}

async function textsOf(path: string, encoding: Encoding): Promise<string[]> {
  return (await linesOf(path, encoding)).map((line) => line.text)
}

describe('readLines', () => {
  it('ends a line at a line feed and at nothing else', async () => {
    const path = files.write('a.txt', 'one\r\ntwo\u2028still two\u0085\u000b\u000c\rend\n\nfour')
    expect(await linesOf(path, 'utf-8')).toEqual([
      { number: 1, text: 'one' },
      { number: 2, text: 'two\u2028still two\u0085\u000b\u000c\rend' },
      { number: 3, text: '' },
      { number: 4, text: 'four' },
    ])
  })

  it('puts together lines and characters that lie across reads', async () => {
    const long = 'äöü€😀'.repeat(60_000)
    const path = files.write('long.txt', `${long}\nshort\n${long}`)
    expect(await textsOf(path, 'utf-8')).toEqual([long, 'short', long])
  })

  it('decodes latin-1 byte for byte', async () => {
    const path = files.write('l.txt', Uint8Array.from([0x63, 0xe9, 0x85, 0x96, 0xff, 0x0a, 0x78]))
    expect(await textsOf(path, 'latin-1')).toEqual(['c\u00e9\u0085\u0096\u00ff', 'x'])
  })

  it('decodes UTF-16, surrogate pairs and byte order mark included', async () => {
    const path = files.write('u.txt', Buffer.from('\ufeffgrüß 😀\r\nਊ\n', 'utf16le'))
    expect(await textsOf(path, 'utf-16le')).toEqual(['grüß 😀', 'ਊ'])
  })

  it('leaves out the byte order mark of UTF-8', async () => {
    expect(await textsOf(files.write('b.txt', '\ufeffa\n\ufeffb'), 'utf-8')).toEqual(['a', '\ufeffb'])
  })

  it('marks a line that is not valid UTF-8, not one that holds a replacement character', async () => {
    const path = files.write(
      'm.txt',
      Buffer.concat([Buffer.from('fine \ufffd\nbad '), Buffer.from([0xe9]), Buffer.from('\nok')]),
    )
    expect((await linesOf(path, 'utf-8')).map((line) => line.problem)).toEqual([
      undefined,
      'the line is not valid UTF-8',
      undefined,
    ])
  })

  it('decodes windows-1252, in which latin-1 has control characters', async () => {
    const path = files.write('w.txt', Buffer.from([0x93, 0x80, 0x35, 0x94, 0x0d, 0x0a, 0xe9]))
    expect(await textsOf(path, 'windows-1252')).toEqual(['\u201c\u20ac5\u201d', '\u00e9'])
  })

  it('marks a line longer than 16 MB and goes on after it', async () => {
    const path = files.write('huge.txt', `a\n${'x'.repeat(17 * 1024 * 1024)}\nb\n`)
    const lines = await linesOf(path, 'utf-8')
    expect(lines.map((line) => [line.number, line.text, line.problem !== undefined])).toEqual([
      [1, 'a', false],
      [2, '', true],
      [3, 'b', false],
    ])
  })

  it('begins at a byte, numbering from there', async () => {
    const path = files.write('s.txt', 'one\ntwo\nthree\n')
    expect(await linesOf(path, 'utf-8', 4)).toEqual([
      { number: 1, text: 'two' },
      { number: 2, text: 'three' },
    ])
  })
})

describe('sniffEncoding', () => {
  it('takes valid UTF-8 for UTF-8, also where a character lies across reads', async () => {
    for (const shift of [0, 1, 2, 3]) {
      const path = files.write('u8.txt', 'a'.repeat((1 << 20) - shift) + '😀é')
      expect(await sniffEncoding(path)).toMatchObject({ encoding: 'utf-8', byteOrderMark: false })
    }
  })

  it('takes a file with one odd byte, however late, for latin-1', async () => {
    const path = files.write(
      'l1.txt',
      Buffer.concat([Buffer.alloc(3_000_000, 'a'), Buffer.from([0xe9, 0x61])]),
    )
    expect((await sniffEncoding(path)).encoding).toBe('latin-1')
    const last = files.write('l2.txt', Buffer.from([0x61, 0xe9]))
    expect((await sniffEncoding(last)).encoding).toBe('latin-1')
  })

  it('goes by the byte order mark, and knows UTF-16 without one', async () => {
    expect(await sniffEncoding(files.write('1.txt', '\ufeffa'))).toEqual({
      encoding: 'utf-8',
      byteOrderMark: true,
      bytes: 4,
    })
    const marked = files.write('2.txt', Buffer.from('\ufeffa\tb\n', 'utf16le'))
    expect(await sniffEncoding(marked)).toMatchObject({ encoding: 'utf-16le', byteOrderMark: true })
    const bare = files.write('3.txt', Buffer.from('text\tlabel\nhello\t1\n', 'utf16le'))
    expect(await sniffEncoding(bare)).toMatchObject({ encoding: 'utf-16le', byteOrderMark: false })
  })

  it('leaves the last word to the user', async () => {
    expect((await sniffEncoding(files.write('4.txt', 'plain'), 'latin-1')).encoding).toBe('latin-1')
  })

  it.each([
    ['gzip', [0x1f, 0x8b, 8, 0], /gzip/],
    ['zip', [0x50, 0x4b, 3, 4], /zip archive or a spreadsheet/],
    ['parquet', [0x50, 0x41, 0x52, 0x31], /Parquet/],
    ['utf-16be', [0xfe, 0xff, 0, 0x61], /big-endian/],
    ['utf-32le', [0xff, 0xfe, 0, 0, 0x61, 0, 0, 0], /UTF-32/],
    ['utf-32be', [0, 0, 0xfe, 0xff, 0, 0, 0, 0x61], /UTF-32/],
    ['zeros', [0x61, 0, 0, 0, 0x62], /not a text file/],
  ])('refuses %s, saying what it is', async (name, bytes, message) => {
    const path = files.write(`${name}.bin`, Uint8Array.from(bytes))
    await expect(sniffEncoding(path)).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(message),
    })
    await expect(sniffEncoding(path)).rejects.toThrow(path)
  })

  it('refuses what is empty, no file, or not there', async () => {
    await expect(sniffEncoding(files.write('e.txt', ''))).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/is empty/),
    })
    await expect(sniffEncoding(files.path())).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/not a file/),
    })
    await expect(sniffEncoding(`${files.path()}/nowhere.csv`)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(/nowhere\.csv/),
    })
  })
})
