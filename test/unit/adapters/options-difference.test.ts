import { describe, expect, it } from 'vitest'

import { optionsDifference } from '../../../main/adapters/options-difference.ts'

describe('the option by which two adapters compute otherwise', () => {
  it('is none where the keys of a value come in another order', () => {
    const one = { reduction_factor: { default: 16, last: 4 } }
    const other = { reduction_factor: { last: 4, default: 16 } }
    expect(optionsDifference(one, other)).toBeUndefined()
  })

  it('is none for what bears on training alone, and for what the second has besides', () => {
    expect(optionsDifference({ a: 1, dropout: 0.1 }, { a: 1, dropout: 0.2, b: 2 })).toBeUndefined()
  })

  it('is the first that differs, within a value too', () => {
    expect(optionsDifference({ a: 1, b: { 0: 4 }, c: 1 }, { a: 1, b: { 0: 8 }, c: 2 })).toEqual({
      name: 'b',
      one: '{"0":4}',
      other: '{"0":8}',
    })
    expect(optionsDifference({ a: [0, 1] }, { a: [1, 0] })).toMatchObject({ name: 'a' })
  })

  it('is of other options where the second lacks one', () => {
    expect(optionsDifference({ a: 1, b: 2 }, { a: 1 })).toBe('other options')
  })
})
