import { describe, expect, it } from 'vitest'

import { createFieldReader } from '../../../main/data/delimited.ts'

function read(text: string, delimiter = ',', quoting = true) {
  const reader = createFieldReader(delimiter, quoting)
  const lines = text.split('\n').map((line, index) => ({ number: index + 1, text: line }))
  return [...lines.flatMap((line) => reader.push(line)), ...reader.flush()]
}

describe('createFieldReader', () => {
  it('splits plain fields, empty ones included', () => {
    expect(read('a,,c,')).toEqual([{ line: 1, fields: ['a', '', 'c', ''] }])
  })

  it('takes delimiters, doubled quotes and line breaks inside quotes as text', () => {
    expect(read('"a,b","say ""hi""","two\nlines",""\nx,y,z,w')).toEqual([
      { line: 1, fields: ['a,b', 'say "hi"', 'two\nlines', ''] },
      { line: 3, fields: ['x', 'y', 'z', 'w'] },
    ])
  })

  it('takes a quote inside an unquoted field as text', () => {
    expect(read('he said "no",1')).toEqual([{ line: 1, fields: ['he said "no"', '1'] }])
  })

  it('takes all quotes as text when quoting is off', () => {
    expect(read('"a\t"b" c', '\t', false)).toEqual([{ line: 1, fields: ['"a', '"b" c'] }])
  })

  it('splits at delimiters of several characters', () => {
    expect(read('a||"b||c"||d', '||')).toEqual([{ line: 1, fields: ['a', 'b||c', 'd'] }])
  })

  it('loses only the line whose closing quote is followed by text', () => {
    expect(read('a,1\n"b" c,2\nd,3')).toMatchObject([
      { line: 1, fields: ['a', '1'] },
      { line: 2, reason: expect.stringMatching(/closing quote/) },
      { line: 3, fields: ['d', '3'] },
    ])
  })

  it('loses only the line whose quote is never closed', () => {
    expect(read('a,1\n"b,2\nc,3\nd,4')).toMatchObject([
      { line: 1, fields: ['a', '1'] },
      { line: 2, reason: expect.stringMatching(/never closed/) },
      { line: 3, fields: ['c', '3'] },
      { line: 4, fields: ['d', '4'] },
    ])
  })

  it('loses only the line with the stray quote when a later quote shows it to be one', () => {
    expect(read('"b,2\nc,3\n"d",4')).toMatchObject([
      { line: 1, reason: expect.stringMatching(/not closed/) },
      { line: 2, fields: ['c', '3'] },
      { line: 3, fields: ['d', '4'] },
    ])
  })

  it('gives up on a quote that stays open for more than 1,000 lines', () => {
    const items = read(`"a,1\n${'b,2\n'.repeat(3000)}c,3`)
    expect(items).toHaveLength(3002)
    expect(items.filter((item) => 'reason' in item)).toMatchObject([{ line: 1 }])
  })

  it('passes on what is wrong with a line, inside quotes as well', () => {
    const reader = createFieldReader(',', true)
    expect(reader.push({ number: 1, text: '"a' })).toEqual([])
    expect(reader.push({ number: 2, text: '', problem: 'broken' })).toMatchObject([
      { line: 1, reason: expect.stringMatching(/not closed/) },
      { line: 2, reason: 'broken' },
    ])
  })
})
