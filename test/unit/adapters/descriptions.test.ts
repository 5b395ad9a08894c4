import { describe, expect, it } from 'vitest'

import { describeMethods } from '../../../main/adapters/registry.ts'

describe('what a form is told about the methods', () => {
  it('names every option with its default, also where the option is read from a word', () => {
    const method = describeMethods().find(({ name }) => name === 'double_seq_bn')
    const defaults = Object.fromEntries((method?.fields ?? []).map((field) => [field.name, field.default]))
    expect(defaults).toMatchObject({
      reduction_factor: 16,
      non_linearity: 'swish',
      mh_adapter: true,
      leave_out: [],
    })
    expect(Object.values(defaults)).not.toContain(undefined)
  })

  it('gives every option a label, a hint and a kind', () => {
    for (const { fields } of describeMethods()) {
      for (const field of fields) {
        expect(field.label).not.toBe('')
        expect(field.hint).not.toBe('')
        expect(['number', 'integer', 'boolean', 'choice', 'text']).toContain(field.kind)
      }
    }
  })
})
