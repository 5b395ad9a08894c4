import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { describe, expect, it } from 'vitest'

import { findMethod } from '../../../main/adapters/registry.ts'
import { methodOfAdapterConfig, savedBeforeAlpha } from '../../../main/formats/adapter-config.ts'
import { smallConfig } from '../../fixtures/computed.ts'

const read = (config: unknown, reading = {}) => methodOfAdapterConfig(config, 'adapter_config.json', reading)

/** As the library writes `SeqBnConfig()`. */
const sequential = {
  mh_adapter: false,
  output_adapter: true,
  reduction_factor: 16,
  non_linearity: 'relu',
  original_ln_before: true,
  original_ln_after: true,
  ln_before: false,
  ln_after: false,
  init_weights: 'bert',
  is_parallel: false,
  scaling: 1,
  use_gating: false,
  residual_before_ln: true,
  adapter_residual_before_ln: false,
  inv_adapter: null,
  inv_adapter_reduction_factor: null,
  cross_adapter: false,
  leave_out: [],
  dropout: 0,
  phm_layer: false,
  phm_dim: 4,
  stochastic_depth: 0,
}
const parallel = {
  ...sequential,
  reduction_factor: 2,
  original_ln_before: false,
  init_weights: 'mam_adapter',
  is_parallel: true,
  scaling: 4,
}
const lowRank = {
  architecture: 'lora',
  selfattn_lora: true,
  intermediate_lora: false,
  output_lora: false,
  leave_out: [],
  r: 8,
  alpha: 16,
  dropout: 0,
  attn_matrices: ['q', 'v'],
  composition_mode: 'add',
  init_weights: 'lora',
  use_gating: false,
  dtype: null,
}
const prefix = {
  architecture: 'prefix_tuning',
  encoder_prefix: true,
  cross_prefix: true,
  leave_out: [],
  flat: false,
  prefix_length: 30,
  bottleneck_size: 800,
  non_linearity: 'tanh',
  dropout: 0,
  use_gating: false,
  shared_gating: true,
}

describe('a configuration of the adapters library', () => {
  it.each([
    ['seq_bn', sequential, {}],
    [
      'double_seq_bn',
      { ...sequential, mh_adapter: true, non_linearity: 'swish', original_ln_before: false },
      {},
    ],
    ['par_bn', parallel, {}],
    ['scaled_par_bn', { ...parallel, scaling: 'learned' }, {}],
    ['seq_bn_inv', { ...sequential, inv_adapter: 'nice', inv_adapter_reduction_factor: 2 }, {}],
    ['seq_bn', { ...sequential, leave_out: [0, 1] }, { leave_out: [0, 1] }],
    [
      'seq_bn',
      { ...sequential, reduction_factor: { '0': 4, default: 8 } },
      { reduction_factor: { '0': 4, default: 8 } },
    ],
    ['lora', lowRank, { alpha: 16 }],
    [
      'ia3',
      {
        ...lowRank,
        r: 1,
        alpha: 1,
        composition_mode: 'scale',
        init_weights: 'ia3',
        attn_matrices: ['k', 'v'],
        intermediate_lora: true,
      },
      {},
    ],
    ['prefix_tuning', prefix, { bottleneck_size: 800 }],
    ['prefix_tuning_flat', { ...prefix, flat: true, bottleneck_size: 512 }, {}],
  ])('is read as the nearest preset and what differs from it: %s', (name, config, options) => {
    expect(read(config)).toEqual({ name, options })
  })

  it('of a union is the union of what its parts are', () => {
    const choice = read({ architecture: 'union', configs: [prefix, parallel] })
    expect(choice).toEqual({
      name: 'union',
      options: {
        parts: [
          { name: 'prefix_tuning', options: { bottleneck_size: 800 } },
          { name: 'par_bn', options: {} },
        ],
      },
    })
  })

  it('has the library’s defaults where it leaves something out, not those of a preset', () => {
    const short = { mh_adapter: false, output_adapter: true, reduction_factor: 16, non_linearity: 'relu' }
    expect(read(short)).toEqual({ name: 'seq_bn', options: { original_ln_before: false } })
  })

  it('may be a name, an old one too', () => {
    expect(read('pfeiffer+inv')).toEqual({ name: 'seq_bn_inv', options: {} })
    expect(read('unipelt')).toEqual({ name: 'unipelt', options: {} })
    expect(() => read('compacter')).toThrow(/"compacter" is not supported/)
  })

  it('may name its invertible adapter as the first versions did', () => {
    const old = { ...sequential, inv_adapter: undefined, inv_adapter_reduction_factor: undefined }
    const invertible = { block_type: 'nice', non_linearity: 'relu', reduction_factor: 4 }
    expect(read({ ...old, invertible_adapter: invertible })).toEqual({
      name: 'seq_bn_inv',
      options: { inv_adapter_reduction_factor: 4 },
    })
  })

  it.each([
    [{ ...sequential, phm_layer: true }, /Compacter/],
    [{ ...sequential, inv_adapter: 'glow' }, /"glow"/],
    [{ ...sequential, stochastic_depth: 0.1 }, /stochastic_depth/],
    [{ ...lowRank, vera_d: 0.1 }, /VeRA/],
    [{ architecture: 'prompt_tuning', prompt_length: 10 }, /prompt tuning is not supported/],
    [{ architecture: 'reft', r: 1 }, /ReFT/],
    [{ architecture: 'union', configs: [prefix, { ...sequential, phm_layer: true }] }, /part 2: .*Compacter/],
    [{ architecture: 'mtl_lora' }, /"mtl_lora" are not supported/],
    [{ reduction_factor: 16 }, /no architecture that is known/],
  ])('that asks for what there is not is refused by name: %#', (config, sentence) => {
    expect(() => read(config)).toThrow(sentence)
  })

  it('that is none is refused', () => {
    expect(() => read(4)).toThrow(/adapter_config\.json: not an adapter configuration/)
  })
})

describe('alpha of a saved LoRA', () => {
  it('is its rank where the version that saved it left alpha out', () => {
    expect(read(lowRank, { ignoreAlpha: true })).toEqual({ name: 'lora', options: {} })
    const united = read({ architecture: 'union', configs: [lowRank, sequential] }, { ignoreAlpha: true })
    expect(united.options['parts']).toEqual([
      { name: 'lora', options: {} },
      { name: 'seq_bn', options: {} },
    ])
  })

  it.each([
    ['0.2.2', true],
    ['adapters.0.1.0', true],
    ['adapters.1.0.1', true],
    ['adapters.1.1.0', false],
    ['adapters.1.2.0', false],
    ['3.2.1', false],
    [undefined, false],
  ])('was left out by version %s: %s', (version, expected) => {
    expect(savedBeforeAlpha(version)).toBe(expected)
  })
})

describe('the reference cases', () => {
  const cases = fileURLToPath(new URL('../../golden/cases/', import.meta.url))
  const names = readdirSync(cases).filter((name) => /^(?:bert|more_bert)_/.test(name))

  it('have configurations that a method takes', () => {
    const configurations = names.flatMap((name) => {
      const { adapters } = JSON.parse(readFileSync(`${cases}${name}/config.json`, 'utf8')) as {
        adapters: Record<string, unknown>
      }
      return Object.entries(adapters).map(([adapter, config]) => ({ name, adapter, config }))
    })
    expect(configurations.length).toBeGreaterThan(50)
    for (const { name, adapter, config } of configurations) {
      const choice = methodOfAdapterConfig(config, `${name}, ${adapter}`)
      const context = { config: smallConfig, adapterName: adapter, tasks: ['task'], adapters: [] }
      expect(() => findMethod(choice.name).prepare(choice.options, context), name).not.toThrow()
    }
  })
})
