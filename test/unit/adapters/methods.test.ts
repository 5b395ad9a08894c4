import { describe, expect, it } from 'vitest'

import { namedAdapter, type PrepareContext } from '../../../main/adapters/method.ts'
import { describeMethods, findMethod } from '../../../main/adapters/registry.ts'
import { sizeOf } from '../../../main/graph/index.ts'
import type { BackboneConfig } from '../../../main/models/config.ts'
import { smallConfig } from '../../fixtures/computed.ts'

const config: BackboneConfig = {
  ...smallConfig,
  ...{ layers: 4, hiddenSize: 192, heads: 6, intermediateSize: 768 },
  ...{ vocabularySize: 8192, maximumPositions: 128 },
}
const alone: PrepareContext = { config, adapterName: 'run', tasks: ['run'], adapters: [] }

function count(name: string, options: Record<string, unknown> = {}): number {
  return findMethod(name)
    .prepare(options, alone)
    .parameters.reduce((total, { shape }) => total + sizeOf(shape), 0)
}

describe('trained parameters', () => {
  // The reference scores' counts, less the head's 38,214.
  it.each([
    ['head', 0],
    ['seq_bn', 57_462 - 38_214],
    ['double_seq_bn', 76_710 - 38_214],
    ['par_bn', 186_822 - 38_214],
    ['full', 3_415_878 - 38_214],
  ])('of %s are %i, as many as the reference trains', (name, expected) => {
    expect(count(name)).toBe(expected)
  })

  it('follow the reduction factor, also layer by layer', () => {
    expect(count('seq_bn', { reduction_factor: 192 })).toBe(4 * (192 + 1 + 192 + 192))
    const perLayer = count('seq_bn', { reduction_factor: { 0: 96, default: 192 } })
    expect(perLayer).toBe(count('seq_bn', { reduction_factor: 192 }) + 192 * 2 + 1)
    expect(count('seq_bn', { reduction_factor: '{"0": 96, "default": 192}' })).toBe(perLayer)
  })

  it('are none in layers left out', () => {
    expect(count('seq_bn', { leave_out: '0, 1,2' })).toBe(count('seq_bn') / 4)
  })
})

describe('options', () => {
  it.each([
    ['seq_bn', { reduction_factor: 0 }, /reduction_factor/],
    ['seq_bn', { reduction: 4 }, /seq_bn has no option "reduction"; it has reduction_factor, non_linearity/],
    ['seq_bn', { non_linearity: 'swoosh' }, /non_linearity/],
    ['seq_bn', { output_adapter: false }, /needs a place/],
    ['double_seq_bn', { residual_before_ln: 'post_add' }, /original_ln_before/],
    ['seq_bn', { reduction_factor: { 0: 4 } }, /layer 1/],
    ['seq_bn', { reduction_factor: { 4: 8, default: 4 } }, /"reduction_factor" names layer 4.*0 to 3/],
    ['seq_bn', { reduction_factor: { first: 8 } }, /or one for each layer, such as/],
    ['seq_bn', { reduction_factor: 'some' }, /must be a number above 0/],
    ['seq_bn', { residual_before_ln: 'no' }, /must be true, false or post_add/],
    ['seq_bn', { leave_out: '9' }, /9/],
    ['par_bn', { leave_out: '0,1,2,3' }, /"leave_out" names every layer/],
    ['union', { parts: 4 }, /must be methods with a plus between/],
    ['head', { reduction_factor: 4 }, /head has no option "reduction_factor"; it has none/],
  ])('of %s that are not usable (%j) are refused by name', (name, options, message) => {
    expect(() => findMethod(name).prepare(options, alone)).toThrow(message)
  })

  it.each([
    ['bert', { kind: 'normal', deviation: 0.02 }, { kind: 'normal', deviation: 0.02 }],
    ['houlsby', ...Array(2).fill({ kind: 'truncated-normal', deviation: 0.01 })],
    ['mam_adapter', { kind: 'kaiming-uniform', fanIn: 192 }, { kind: 'constant', value: 0 }],
  ])('of initial weights %s begin both projections as the adapters library does', (scheme, down, up) => {
    const { parameters } = findMethod('seq_bn').prepare({ init_weights: scheme, leave_out: [1, 2, 3] }, alone)
    expect(parameters.map(({ initialization }) => initialization)).toEqual([
      ...[down, { kind: 'constant', value: 0 }],
      ...[up, { kind: 'constant', value: 0 }],
    ])
  })

  it('refuse several tasks where a method trains one', () => {
    expect(() => findMethod('seq_bn').prepare({}, { ...alone, tasks: ['a', 'b'] })).toThrow(
      /seq_bn trains one task at a time; 2 datasets/,
    )
  })

  it('name the methods there are when one is unknown', () => {
    expect(() => findMethod('seq_bm')).toThrow(/seq_bm.*seq_bn.*full/)
  })

  it('are described with their defaults, also where one is read from a word', () => {
    const method = describeMethods().find(({ name }) => name === 'double_seq_bn')
    const defaults = Object.fromEntries((method?.fields ?? []).map((field) => [field.name, field.default]))
    const some = { reduction_factor: 16, non_linearity: 'swish', mh_adapter: true, leave_out: [] }
    expect(defaults).toMatchObject(some)
    expect(Object.values(defaults)).not.toContain(undefined)
  })

  it('each have a title, a hint and a default that the method takes', () => {
    const trained = ['a', 'b'].map((name) => namedAdapter(findMethod('seq_bn'), {}, config, name))
    for (const { name, fields, takes } of describeMethods()) {
      const defaults = Object.fromEntries(fields.map((field) => [field.name, field.default]))
      const adapters = takes === 'adapters' ? trained : []
      expect(() => findMethod(name).prepare(defaults, { ...alone, adapters }), name).not.toThrow()
      for (const field of fields) {
        expect(field.label.length, `${name}.${field.name}`).toBeGreaterThan(2)
        expect(field.hint.length, `${name}.${field.name}`).toBeGreaterThan(15)
      }
    }
  })
})
