import { describe, expect, it } from 'vitest'

import { toCsv } from '../../../main/formats/csv.ts'

describe('CSV', () => {
  it('quotes what needs it and leaves unknown cells empty', () => {
    expect(
      toCsv(
        ['a', 'b'],
        [
          ['x,y', 'say "no"'],
          [undefined, 'two\nlines'],
          [1.5, true],
        ],
      ),
    ).toBe('a,b\r\n"x,y","say ""no"""\r\n,"two\nlines"\r\n1.5,true\r\n')
  })

  it('lets no text be computed by a spreadsheet, but keeps negative numbers', () => {
    expect(toCsv(['a'], [['=1+1'], ['@x'], [-2]])).toBe("a\r\n'=1+1\r\n'@x\r\n-2\r\n")
  })
})
