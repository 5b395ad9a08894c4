import { describe, expect, it } from 'vitest'

import { describeMethods } from '../../../main/adapters/registry.ts'
import { compute, difference, prepared, randomValues, smallConfigs } from '../../fixtures/computed.ts'

/** Presets that add something to a frozen backbone by themselves. */
const presets = describeMethods()
  .filter(({ takes }) => takes !== 'adapters')
  .map(({ name }) => name)
  .filter((name) => prepared(name).parameters.some(({ group }) => group === 'adapter'))

/**
 * A prefix changes the backbone's output whatever its values are: attention is a softmax over its positions as well,
 * so even keys and values of 0 take weight from the text.
 */
const withPrefix = ['prefix_tuning', 'prefix_tuning_flat', 'mam', 'mam_generation', 'unipelt']

const withoutPrefix = presets.filter((name) => !withPrefix.includes(name))

type Values = (name: string, shape: readonly number[]) => Float32Array<ArrayBuffer> | undefined

/** Up-projections of 0: of bottlenecks, couplings and low-rank changes. Vectors that scale are 1. */
function withoutEffect(method: string): Values {
  return (name, shape) => {
    const size = shape.reduce((product, dimension) => product * dimension, 1)
    if (/\.adapter_up\.|invertible_adapters\..*\.2\./.test(name)) return new Float32Array(size)
    if (name.endsWith('.lora_B')) return new Float32Array(size).fill(method === 'ia3' ? 1 : 0)
    return undefined
  }
}

describe('an adapter whose up-projection is 0', () => {
  it('is of every preset but those with a prefix', () => {
    expect(presets).toEqual(
      expect.arrayContaining([
        ...withPrefix,
        'seq_bn',
        'par_bn',
        'lora',
        'ia3',
        'union',
        'masked',
        'parallel',
        'task_drop',
      ]),
    )
    expect(presets.length).toBeGreaterThanOrEqual(14)
  })

  it.each(withoutPrefix)('leaves the backbone’s output as it is, bit for bit: %s', async (name) => {
    const method = prepared(name)
    const plain = await compute(prepared('head'))
    const silent = await compute(method, { values: withoutEffect(name) })
    for (const output of ['hidden.0', 'hidden.1', 'hidden.2', 'hidden.3', 'logits']) {
      expect(difference(silent[output], plain[output]), output).toBe(0)
    }
    const working = await compute(method)
    expect(difference(working['logits'], plain['logits'])).toBeGreaterThan(1e-4)
  })

  it.each(withoutPrefix)(
    'does so where the last layer computes only what the head reads: %s',
    async (name) => {
      const plain = await compute(prepared('head'), { cutLastLayer: true })
      const silent = await compute(prepared(name), { cutLastLayer: true, values: withoutEffect(name) })
      // A change of keys or values needs every position's, which a backbone alone computes in another order.
      const changesKeys = /^(?:lora|ia3|union)$/.test(name)
      expect(difference(silent['logits'], plain['logits'])).toBeLessThanOrEqual(changesKeys ? 1e-6 : 0)
    },
  )

  it.each(withPrefix.filter((name) => !name.startsWith('prefix')))(
    'leaves of %s what its prefix alone does, bit for bit',
    async (name) => {
      const method = prepared(name)
      const silent = await compute(method, { values: withoutEffect(name) })
      const { parts = {} } = method
      const prefix = name === 'unipelt' ? { prefix_length: 10, use_gating: true } : {}
      const sizes = {
        mam: { prefix_length: 16, bottleneck_size: 256 },
        mam_generation: { bottleneck_size: 512 },
      }
      const alone = prepared('prefix_tuning', { ...prefix, ...sizes[name as keyof typeof sizes] })
      expect(parts.prefix?.(0)).toBeDefined()
      expect(difference(silent['logits'], (await compute(alone))['logits'])).toBe(0)
    },
  )
})

describe.each(['roberta', 'distilbert', 'gpt2'] as const)('on %s', (type) => {
  const config = smallConfigs[type]

  it.each(withoutPrefix)('an up-projection of 0 leaves the backbone’s output as it is: %s', async (name) => {
    const on = (preset: string) => prepared(preset, {}, { config })
    const plain = await compute(on('head'), { config })
    const silent = await compute(on(name), { config, values: withoutEffect(name) })
    expect(difference(silent['logits'], plain['logits'])).toBe(0)
    expect(difference((await compute(on(name), { config }))['logits'], plain['logits'])).toBeGreaterThan(1e-4)
  })
})

describe('an adapter as training begins with it', () => {
  it.each(['par_bn', 'scaled_par_bn', 'lora', 'ia3'])('has no effect yet: %s', async (name) => {
    const method = prepared(name)
    const constants = new Map(
      method.parameters.flatMap(({ name: parameter, shape, initialization }) =>
        initialization.kind === 'constant'
          ? [[parameter, randomValues(parameter, shape).fill(initialization.value)] as const]
          : [],
      ),
    )
    const started = await compute(method, { values: (parameter) => constants.get(parameter) })
    expect(difference(started['logits'], (await compute(prepared('head')))['logits'])).toBe(0)
  })
})

describe('dropout', () => {
  it.each(['seq_bn', 'double_seq_bn', 'par_bn', 'lora'])(
    'of all that an adapter adds leaves the backbone: %s',
    async (name) => {
      const method = prepared(name, { dropout: 0.5 })
      const dropped = await compute(method, { training: () => 0 })
      const plain = await compute(prepared('head'))
      expect(difference(dropped['logits'], plain['logits'])).toBeLessThan(1e-6)
      const kept = await compute(method, { training: () => 1 })
      expect(difference(kept['logits'], (await compute(method))['logits'])).toBeLessThan(1e-6)
    },
  )
})

describe('scaling', () => {
  it('counts what the up-projection times it would', async () => {
    const scaled = await compute(prepared('par_bn', { scaling: 4 }))
    const enlarged = await compute(prepared('par_bn', { scaling: 1 }), {
      values: (name, shape) =>
        name.includes('.adapter_up.') ? randomValues(name, shape).map((value) => 4 * value) : undefined,
    })
    expect(difference(scaled['logits'], enlarged['logits'])).toBeLessThan(1e-5)
  })

  it.each([
    ['learned', 'par_bn'],
    ['channel', 'seq_bn'],
  ])('that is %s is one parameter per place or unit, of which 1 changes nothing', async (scaling, name) => {
    const method = prepared(name, { scaling })
    const own = method.parameters.filter(({ name: parameter }) => parameter.endsWith('.scaling'))
    expect(own.map(({ shape }) => shape)).toEqual(Array(3).fill([scaling === 'learned' ? 1 : 24]))
    const ones = await compute(method, {
      values: (parameter, shape) =>
        parameter.endsWith('.scaling') ? randomValues(parameter, shape).fill(1) : undefined,
    })
    const plain = await compute(prepared(name, { scaling: 1 }))
    expect(difference(ones['logits'], plain['logits'])).toBeLessThan(1e-6)
    expect(difference((await compute(method))['logits'], plain['logits'])).toBeGreaterThan(1e-4)
  })
})
