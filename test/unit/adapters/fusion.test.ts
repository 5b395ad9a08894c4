import { describe, expect, it } from 'vitest'

import { composedMethod } from '../../../main/adapters/compose.ts'
import {
  partsOf,
  wholeMethod,
  type NamedAdapter,
  type PreparedMethod,
} from '../../../main/adapters/method.ts'
import {
  compute,
  difference,
  prepared,
  randomValues,
  trainedAdapter,
  type Computation,
} from '../../fixtures/computed.ts'

const building = (name: string, options: object, adapters: readonly NamedAdapter[]): PreparedMethod =>
  prepared(name, options, { adapters, adapterName: 'run' })

function identity(name: string, [size = 0]: readonly number[]): Float32Array<ArrayBuffer> | undefined {
  if (!name.endsWith('value.weight') || !name.includes('adapter_fusion_layer')) return undefined
  return Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0))
}

describe('fusion', () => {
  it.each(['fusion', 'fusion_static', 'fusion_mean', 'fusion_weights'])(
    'by %s over one adapter is that adapter, where the value matrix is the identity',
    async (name) => {
      const alone = trainedAdapter('a')
      const fused = await compute(building(name, {}, [alone]), { values: identity })
      const plain = await compute(alone.method)
      expect(difference(fused['logits'], plain['logits'])).toBeLessThan(2e-6)
    },
  )

  it('over three adapters gives every token weights that add up to 1', async () => {
    const adapters = [
      trainedAdapter('a'),
      trainedAdapter('b'),
      trainedAdapter('c', { reduction_factor: 8, leave_out: [1] }),
    ]
    const outputs = await compute(building('fusion', {}, adapters))
    const attention = Array.from(outputs['revealed.fusion.0.output'] ?? [])
    expect(attention).toHaveLength(6 * 3 * 3)
    for (let token = 0; token < 18; token++) {
      const weights = attention.slice(token * 3, token * 3 + 3)
      expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5)
    }
    // In layer 1 the third adapter does not sit.
    expect(outputs['revealed.fusion.1.output']).toHaveLength(6 * 3 * 2)
  })

  it('by learned weights follows them', async () => {
    const adapters = [trainedAdapter('a'), trainedAdapter('b')]
    const method = building('fusion_weights', {}, adapters)
    const outputs = await compute(method, {
      values: (name) => (name.endsWith('.weights') ? Float32Array.of(60, -60) : undefined),
    })
    const plain = await compute(trainedAdapter('a').method)
    expect(difference(outputs['logits'], plain['logits'])).toBeLessThan(2e-6)
    expect(Array.from(outputs['revealed.fusion.2.output'] ?? [])).toEqual([1, expect.closeTo(0)])
  })

  it('takes its sums and norms from the last of its adapters', async () => {
    const adapters = [trainedAdapter('a', { original_ln_before: false }), trainedAdapter('b')]
    const silent = async (method: PreparedMethod) =>
      (
        await compute(method, {
          values: (name, shape) =>
            name.includes('.adapter_up.') ? randomValues(name, shape).fill(0) : undefined,
        })
      )['logits']
    const unlike = trainedAdapter('c', { residual_before_ln: false })
    const [fused, last, first] = [
      await silent(building('fusion_mean', {}, [...adapters, unlike])),
      await silent(unlike.method),
      await silent(adapters[0]?.method ?? unlike.method),
    ]
    expect(difference(fused, last)).toBe(0)
    expect(difference(fused, first)).toBeGreaterThan(1e-4)
  })

  it('pruned to one adapter is, with an identity value matrix, that adapter', async () => {
    const adapters = [trainedAdapter('a'), trainedAdapter('b')]
    const method = building('fusion', {}, adapters)
    const active = [[1], [1], [1]]
    const outputs = await compute(method, {
      values: identity,
      readings: [{ ...wholeMethod, variant: { active } }],
    })
    expect(difference(outputs['logits'], (await compute(trainedAdapter('b').method))['logits'])).toBeLessThan(
      2e-6,
    )
  })

  it('trains its own parameters, and the adapters only where that is asked for', () => {
    const adapters = [trainedAdapter('a'), trainedAdapter('b')]
    const groups = (options: object): Set<string> =>
      new Set(building('fusion', options, adapters).parameters.map(({ group }) => group))
    expect(groups({})).toEqual(new Set(['fusion']))
    expect(groups({ train_adapters: true })).toEqual(new Set(['fusion', 'adapter']))
  })

  const three = () => [trainedAdapter('a'), trainedAdapter('b'), trainedAdapter('c')]
  const attentionOf = async (options: object, computation: Computation = {}) => [
    ...((await compute(building('fusion', options, three()), computation))['revealed.fusion.0.output'] ?? []),
  ]

  it('falls in temperature from 50 to 1 over the first thousand steps', async () => {
    const odds = ([first = 0, second = 0]: number[]) => Math.log(first / second)
    const sharp = odds(await attentionOf({}))
    expect(Math.abs(sharp)).toBeGreaterThan(0.1)
    for (const [step, temperature] of [
      [0, 50],
      [500, 25],
      [5000, 1],
    ] as const) {
      expect(odds(await attentionOf({ temperature: true }, { step })) * temperature).toBeCloseTo(sharp, 3)
    }
  })

  it('drops scores while training: with none left, every adapter counts the same', async () => {
    const attention = await attentionOf({ dropout_prob: 0.5 }, { training: () => 0 })
    attention.forEach((weight) => expect(weight).toBeCloseTo(1 / 3, 6))
  })

  it('asks with what the adapters read, or with what comes before the norm', async () => {
    const logits = async (options: object, adapters: NamedAdapter[]) =>
      (await compute(building('fusion', options, adapters)))['logits']
    const early = { query_before_ln: true }
    expect(difference(await logits(early, three()), await logits({}, three()))).toBeGreaterThan(1e-4)
    // Where the adapters read what comes before the norm themselves, there is no difference.
    const unnormed = () => [trainedAdapter('a', { original_ln_before: false })]
    expect(difference(await logits(early, unnormed()), await logits({}, unnormed()))).toBe(0)
  })

  it('adds the distance of its value matrices from the identity to the loss, by its weight', async () => {
    const method = building('fusion', { regularization_weight: 0.5 }, three())
    const train = (values: Computation['values']) =>
      compute(method, { training: () => 1, ...(values ? { values } : {}) })
    const outputs = await train(undefined)
    const [term = 0] = outputs['loss.fusionRegularisation'] ?? []
    expect(term).toBeGreaterThan(1)
    expect(outputs['loss']?.[0]).toBeCloseTo((outputs['taskLoss']?.[0] ?? 0) + 0.5 * term, 4)
    expect((await train(identity))['loss.fusionRegularisation']?.[0]).toBe(0)
  })

  it('begins near the mean of its adapters: its value matrix is nearly the identity', () => {
    const method = building('fusion', {}, [trainedAdapter('a'), trainedAdapter('b')])
    const value = method.parameters.find(({ name }) => name.endsWith('value.weight'))
    expect(value?.initialization).toEqual({ kind: 'identity', elsewhere: 1e-6 })
  })

  it('needs trained adapters', () => {
    expect(() => building('fusion', {}, [])).toThrow(/needs trained adapters/)
    expect(() => building('seq_bn', {}, [trainedAdapter('a')])).toThrow(/takes no trained adapters/)
  })

  it('refuses what has no bottleneck to weigh, with the reason', () => {
    const head = trainedAdapter('a', {}, 'head')
    expect(() => building('fusion', {}, [head])).toThrow(/"a" cannot be fused.*has none/)
  })
})

describe('an invertible adapter among several', () => {
  const [plain, invertible] = [trainedAdapter('a'), trainedAdapter('b', {}, 'seq_bn_inv')]

  it.each(['fusion', 'fusion_mean', 'average_outputs', 'stack'])(
    'works in %s where it is the first, and is refused where it would have no effect',
    async (name) => {
      const first = await compute(building(name, {}, [invertible, plain]))
      const alone = await compute(invertible.method)
      expect(difference(first['hidden.0'], alone['hidden.0'])).toBe(0)
      expect(() => building(name, {}, [plain, invertible])).toThrow(
        /"b" has an invertible adapter.*name it first/,
      )
    },
  )

  it.each([
    ['stack', [plain]],
    ['parallel', []],
  ])('is no option of the new adapters of %s', (name, adapters) => {
    expect(() => building(name, { inv_adapter: 'nice' }, adapters)).toThrow(/inv_adapter/)
  })
})

describe('a stack and an average', () => {
  it('put a new adapter on top of trained ones and train it alone', () => {
    const method = building('stack', {}, [trainedAdapter('a')])
    expect(method.parameters.every(({ name }) => name.includes('.adapters.run.'))).toBe(true)
  })

  it('with a new adapter of zeros, a stack is a plain adapter but for the norm between them', async () => {
    const method = building('stack', { original_ln_before: false }, [trainedAdapter('a')])
    const outputs = await compute(method, {
      values: (name, shape) =>
        name.includes('.adapters.run.adapter_up.')
          ? new Float32Array(shape.reduce((x, y) => x * y, 1))
          : undefined,
    })
    expect(difference(outputs['logits'], (await compute(trainedAdapter('a').method))['logits'])).toBe(0)
  })

  it.each([
    ['lora', { lora_B: 0 }],
    ['ia3', { lora_B: 1 }],
  ])('hand the change of one adapter on to the next: %s', async (name, { lora_B: without }) => {
    const adapters = [trainedAdapter('a', {}, name), trainedAdapter('b', {}, name)]
    const logits = async (method: PreparedMethod, neutral: string) =>
      (
        await compute(method, {
          values: (parameter, shape) =>
            parameter.endsWith(`.${neutral}.lora_B`)
              ? randomValues(parameter, shape).fill(without)
              : undefined,
        })
      )['logits']
    const composition = { kind: 'stack', children: ['a', 'b'] } as const
    const stacked = composedMethod(composition, [], { adapters: partsOf(adapters) })
    // The upper one reads what the lower one gives, which is nothing; an upper vector of ones changes nothing.
    const [lower, upper] = [await logits(stacked, 'a'), await logits(stacked, 'b')]
    const alone = await logits(
      name === 'lora' ? prepared('head') : trainedAdapter('b', {}, name).method,
      'none',
    )
    expect(difference(lower, alone)).toBeLessThan(1e-6)
    const below = await logits(
      name === 'lora' ? prepared('head') : trainedAdapter('a', {}, name).method,
      'none',
    )
    expect(difference(upper, below)).toBeLessThan(1e-6)
    expect(difference(await logits(stacked, 'none'), upper)).toBeGreaterThan(1e-4)
  })

  it.each(['stack', 'average_outputs'])(
    'refuse, by %s, changes that are added together with changes that multiply',
    async (name) => {
      const [added, scaled] = [trainedAdapter('a', {}, 'lora'), trainedAdapter('b', {}, 'ia3')]
      await expect(compute(building(name, {}, [scaled, added]))).rejects.toThrow(
        /"b" and "a" cannot be combined.*multiplies/,
      )
      const elsewhere = trainedAdapter('b', { attn_matrices: 'k' }, 'ia3')
      await expect(compute(building(name, {}, [elsewhere, added]))).resolves.toBeDefined()
    },
  )

  it('begin, of parameters, as their weighted mean', () => {
    const method = building('average_parameters', { weights: '1, 3' }, [
      trainedAdapter('a'),
      trainedAdapter('b'),
    ])
    const [first] = method.parameters
    expect(first?.name).toContain('.adapters.run.')
    expect(first?.initialization).toEqual({
      kind: 'average',
      of: [
        { name: first?.name.replace('.run.', '.a.'), weight: 0.25 },
        { name: first?.name.replace('.run.', '.b.'), weight: 0.75 },
      ],
    })
  })

  it.each([
    ['seq_bn', { reduction_factor: 8 }, /"a" and "b" have no mean: .*"reduction_factor" is 4 and 8/],
    ['seq_bn', { reduction_factor: 4, non_linearity: 'tanh' }, /"non_linearity" is "relu" and "tanh"/],
    ['par_bn', { reduction_factor: 4 }, /"is_parallel" is false and true/],
    ['lora', {}, /their methods are seq_bn and lora/],
    ['head', {}, /"b" cannot be composed/],
  ])('of parameters refuse adapters that compute otherwise: %s %j', (method, options, message) => {
    const adapters = [trainedAdapter('a'), trainedAdapter('b', options, method)]
    expect(() => building('average_parameters', {}, adapters)).toThrow(message)
  })

  it('of parameters do not mind how adapters were trained, or what name their method goes by', () => {
    const houlsby = { mh_adapter: true, non_linearity: 'swish', original_ln_before: false, dropout: 0.1 }
    const adapters = [
      trainedAdapter('a', houlsby),
      trainedAdapter('b', { init_weights: 'houlsby' }, 'double_seq_bn'),
    ]
    expect(building('average_parameters', {}, adapters).parameters).toHaveLength(3 * 2 * 4)
  })

  it.each([
    ['1', /1 numbers for 2 adapters/],
    ['0, 0', /adds up to 0/],
    ['-1, 2', /weights/],
  ])('refuse the weights "%s"', (weights, message) => {
    const adapters = [trainedAdapter('a'), trainedAdapter('b')]
    expect(() => building('average_outputs', { weights }, adapters)).toThrow(message)
  })
})
