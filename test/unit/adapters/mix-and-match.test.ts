import { describe, expect, it } from 'vitest'

import { namedAdapter, refuseUnfusable, type PreparedMethod } from '../../../main/adapters/method.ts'
import { findMethod } from '../../../main/adapters/registry.ts'
import { compute, difference, prepared, smallConfig } from '../../fixtures/computed.ts'

const shapeOf = ({ parameters }: PreparedMethod, ending: string) =>
  parameters.find(({ name }) => name.endsWith(ending))?.shape

describe('Mix-And-Match', () => {
  it('has the paper’s sizes for classification and for generation', () => {
    const [small, large] = [prepared('mam'), prepared('mam_generation')]
    expect(shapeOf(small, 'wte.weight')).toEqual([16, 24])
    expect(shapeOf(small, 'layer.0.output.adapters.a.adapter_up.weight')).toEqual([24, 16])
    expect(shapeOf(large, 'wte.weight')).toEqual([30, 24])
    expect(shapeOf(large, 'layer.0.output.adapters.a.adapter_up.weight')).toEqual([24, 512])
    expect(shapeOf(large, 'control_trans.0.weight')).toEqual([512, 24])
  })

  it.each([1, 5, 7, 9, 24, 25, 100])('gives the adapter the width that is asked for: %i', (width) => {
    expect(shapeOf(prepared('mam', { adapter_width: width }), 'adapter_down.0.weight')).toEqual([width, 24])
  })

  it('does so where the hidden size over the width is no exact number', () => {
    // 128 / (128 / 93) is a little less than 93.
    const config = { ...smallConfig, hiddenSize: 128 }
    const method = prepared('mam', { adapter_width: 93 }, { config })
    expect(shapeOf(method, 'adapter_down.0.weight')).toEqual([93, 128])
  })

  it('is the union of a prefix and a scaled parallel adapter', async () => {
    const union = prepared('union', {
      parts: 'prefix_tuning[prefix_length=16,bottleneck_size=256] + par_bn[reduction_factor=1.5,scaling=2]',
    })
    const [one, other] = [await compute(prepared('mam')), await compute(union)]
    expect(difference(one['logits'], other['logits'])).toBe(0)
    expect(
      difference((await compute(prepared('mam', { scale: 4 })))['logits'], one['logits']),
    ).toBeGreaterThan(1e-4)
  })

  it('learns its prefix directly where asked to', () => {
    const { parameters } = prepared('mam', { flat: true, leave_out: '1' })
    expect(parameters.map(({ name }) => name.replace(/^.*\.a\./, ''))).toEqual([
      'self_prefix.control_trans',
      ...Array(2)
        .fill(['adapter_down.0.weight', 'adapter_down.0.bias', 'adapter_up.weight', 'adapter_up.bias'])
        .flat(),
    ])
  })

  it('cannot be fused, for a reason', () => {
    const adapters = [namedAdapter(findMethod('mam'), {}, smallConfig, 'mixed')]
    expect(() => refuseUnfusable(adapters)).toThrow(/"mixed" cannot be fused: .*changes the attention itself/)
  })

  it.each([
    [{ prefix_length: 0 }, /prefix_length/],
    [{ adapter_width: 0 }, /adapter_width/],
    [{ scale: 'much' }, /"scale": must be a number or "learned"/],
    [{ reduction_factor: 4 }, /reduction_factor/],
  ])('refuses %j with a sentence', (options, sentence) => {
    expect(() => prepared('mam', options)).toThrow(sentence)
  })
})

describe('a union', () => {
  it('trains all its methods under one name', () => {
    const parts = ['lora', 'seq_bn[mh_adapter=true,output_adapter=false]', 'par_bn']
    const united = prepared('union', { parts: parts.join(' + ') })
    const apart = ['lora', 'par_bn'].map((name) => prepared(name))
    const attention = prepared('seq_bn', { mh_adapter: true, output_adapter: false })
    const names = (methods: PreparedMethod[]) =>
      methods.flatMap(({ parameters }) => parameters.map(({ name }) => name)).sort()
    expect(names([united])).toEqual(names([...apart, attention]))
  })

  it('takes its methods as a list too', async () => {
    const parts = [
      { name: 'lora', options: { r: 4 } },
      { name: 'seq_bn', options: {} },
    ]
    const [list, text] = [prepared('union', { parts }), prepared('union', { parts: 'lora[r=4]+seq_bn' })]
    expect(list.parameters).toEqual(text.parameters)
  })

  it('lets methods of one kind share no layer', () => {
    const parts =
      'seq_bn[leave_out=[0,1]] + par_bn[leave_out=[2]] + lora[leave_out=[0]] + ia3[leave_out=[1,2]]'
    expect(() => prepared('union', { parts })).not.toThrow()
  })

  it.each([
    [
      'seq_bn + par_bn',
      /seq_bn and par_bn cannot be united: both have a bottleneck after the output part of layer 0/,
    ],
    ['lora[attn_matrices=q] + ia3', /lora and ia3 cannot be united: both change linear layers of layer 0/],
    [
      'prefix_tuning[leave_out=[0]] + prefix_tuning_flat[leave_out=[1,2]]',
      /both put a prefix into the attention/,
    ],
    [
      'seq_bn_inv + par_bn[mh_adapter=true,output_adapter=false,inv_adapter=nice]',
      /both change the embeddings/,
    ],
    ['lora + fusion', /"fusion" cannot be part of a union; those that can are seq_bn,/],
    ['lora[r', /method "lora\[r" cannot be read/],
    ['lora[4]', /option "4" cannot be read/],
    ['lora[r=0]', /method lora, option "r"/],
    [' ', /names no method/],
  ])('refuses "%s" with a sentence', (parts, sentence) => {
    expect(() => prepared('union', { parts })).toThrow(sentence)
  })
})
