import { describe, expect, it } from 'vitest'

import type { NamedAdapter, PreparedMethod } from '../../../main/adapters/method.ts'
import { parseMethodChoice } from '../../../preload/contract.ts'
import { compute, difference, prepared, trainedAdapter } from '../../fixtures/computed.ts'

const [a, b, c] = [
  trainedAdapter('a'),
  trainedAdapter('b'),
  trainedAdapter('c', { reduction_factor: 8, leave_out: [1] }),
]

const building = (name: string, options: object, adapters: readonly NamedAdapter[]): PreparedMethod =>
  prepared(name, options, { adapters, adapterName: 'run' })

const composed = (composition: string, adapters: readonly NamedAdapter[], options: object = {}) =>
  building('compose', { composition, ...options }, adapters)

const logitsOf = async (method: PreparedMethod) => (await compute(method))['logits']

const namesOf = ({ parameters }: PreparedMethod) => parameters.map(({ name }) => name)

describe('a composition of one block', () => {
  it('computes what the stack of the same adapters does, bit for bit', async () => {
    const stack = prepared('stack', { reduction_factor: 4 }, { adapters: [a], adapterName: 'b' })
    const [own, other] = [await logitsOf(composed('Stack(a, b)', [a, b])), await logitsOf(stack)]
    expect(difference(own, other)).toBe(0)
    expect(difference(own, await logitsOf(composed('Stack(b, a)', [a, b])))).toBeGreaterThan(1e-4)
  })

  it.each([
    ['dynamic', 'fusion'],
    ['static', 'fusion_static'],
    ['weights', 'fusion_weights'],
    ['mean', 'fusion_mean'],
  ])(
    'of a %s Fuse is the method %s, bit for bit, its parameters and its loss as well',
    async (kind, name) => {
      const [own, other] = [
        composed('Fuse(a, b, c)', [a, b, c], { fusion: kind }),
        building(name, {}, [a, b, c]),
      ]
      expect(own.parameters).toEqual(other.parameters)
      const [outputs, expected] = [await compute(own), await compute(other)]
      expect(Object.keys(outputs)).toEqual(Object.keys(expected))
      expect(Object.keys(outputs)).toContain('revealed.fusion.0.output')
      for (const [output, values] of Object.entries(expected)) {
        expect(difference(outputs[output], values), output).toBe(0)
      }
      const still = { training: () => 1 }
      const [step, reference] = [await compute(own, still), await compute(other, still)]
      expect(difference(step['loss'], reference['loss'])).toBe(0)
    },
  )

  it.each(['dynamic', 'weights'])('shows the weights of a %s Fuse in the run’s order', async (fusion) => {
    const own = await compute(composed('Fuse(c, a, b)', [a, b, c], { fusion }))
    // The same fusion where the run's order is the block's.
    const other = await compute(composed('Fuse(a, b, c)', [c, a, b], { fusion }))
    const rows = (values: Float32Array | undefined, adapters: number) =>
      Array.from({ length: (values?.length ?? 0) / adapters }, (_, row) =>
        Array.from(values?.subarray(row * adapters, (row + 1) * adapters) ?? []),
      )
    const written = rows(other['revealed.fusion.0.output'], 3)
    expect(written).not.toHaveLength(0)
    expect(rows(own['revealed.fusion.0.output'], 3)).toEqual(
      written.map(([ofC, ofA, ofB]) => [ofA, ofB, ofC]),
    )
    // In the second layer c does not sit.
    const withoutC = rows(own['revealed.fusion.1.output'], 2)
    expect(withoutC).not.toHaveLength(0)
    expect(withoutC).toEqual(rows(other['revealed.fusion.1.output'], 2))
  })

  it('of an Average is the average of outputs', async () => {
    const own = await logitsOf(composed('Average(a, b, weights=[1, 3])', [a, b]))
    const other = await logitsOf(building('average_outputs', { weights: '1, 3' }, [a, b]))
    expect(difference(own, other)).toBeLessThan(1e-6)
  })

  it('is a stack of all adapters where nothing is written, and one adapter where it alone is', async () => {
    const all = await logitsOf(composed('', [a, b, c]))
    expect(difference(all, await logitsOf(composed('Stack(a, b, c)', [a, b, c])))).toBe(0)
    expect(difference(await logitsOf(composed('a', [b])), await logitsOf(b.method))).toBe(0)
  })

  it('is read from the text of a method as from a form', () => {
    const composition = 'Average(a, Stack(b, c), weights=[.3, .7])'
    expect(parseMethodChoice(`compose[composition=${composition},fusion=static]`)).toEqual({
      name: 'compose',
      options: { composition, fusion: 'static' },
    })
  })

  it('calls the adapters by their place among the chosen ones, whatever their own names are', async () => {
    const swapped = await logitsOf(composed('Stack(b, a)', [b, a]))
    expect(difference(swapped, await logitsOf(composed('Stack(a, b)', [a, b])))).toBe(0)
  })
})

describe('blocks in blocks', () => {
  it('train the fusion alone, and its adapters where they are to be', () => {
    const frozen = composed('Stack(a, Fuse(b, c))', [a, b, c])
    expect(namesOf(frozen)).toHaveLength(3 * 5)
    expect(namesOf(frozen).every((name) => name.includes('.adapter_fusion_layer.b,c.'))).toBe(true)
    const trained = composed('Stack(a, Fuse(b, c))', [a, b, c], { train_adapters: true })
    const whole = [a, b, c].flatMap(({ method }) => method.parameters)
    expect(trained.parameters).toHaveLength(frozen.parameters.length + whole.length)
  })

  it('of a Fuse in a Stack are the stack where the fusion takes one adapter and its value is the identity', async () => {
    const outputs = await compute(composed('Stack(a, Fuse(b))', [a, b], { fusion: 'static' }))
    const stacked = await logitsOf(composed('Stack(a, b)', [a, b]))
    expect(difference(outputs['logits'], stacked)).toBeLessThan(2e-6)
  })

  it('of a Stack in a Fuse weigh what the stack adds', async () => {
    const method = composed('Fuse(Stack(a, b), c)', [a, b, c], { fusion: 'weights' })
    expect(namesOf(method).every((name) => name.includes('.adapter_fusion_layer.b,c.weights'))).toBe(true)
    const logits = await logitsOf(method)
    expect(logits?.every(Number.isFinite)).toBe(true)
    expect(difference(logits, await logitsOf(composed('Fuse(b, Stack(a, c))', [a, b, c])))).toBeGreaterThan(
      1e-4,
    )
  })

  it('have parameters of the fusion also where only the lower adapter of a stack in it sits', async () => {
    const everywhere = trainedAdapter('a', { reduction_factor: 4, mh_adapter: true })
    const method = composed('Fuse(Stack(a, b), c)', [everywhere, b, c])
    expect(namesOf(method).filter((name) => name.includes('.attention.'))).not.toHaveLength(0)
    expect((await logitsOf(method))?.every(Number.isFinite)).toBe(true)
  })

  it('of a Stack in an Average are averaged by the weights', async () => {
    // Adapters that read the sublayer as it is: the library makes a block's sum and norm again for a stack within it.
    const plain = (name: string) => trainedAdapter(name, { reduction_factor: 4, original_ln_before: false })
    const adapters = ['a', 'b', 'c'].map(plain)
    const ofWeights = (weights: string) =>
      logitsOf(composed(`Average(a, Stack(b, c), weights=[${weights}])`, adapters))
    const stacked = await logitsOf(composed('Stack(a, b)', adapters.slice(1)))
    expect(difference(await ofWeights('1, 0'), await logitsOf(plain('a').method))).toBeLessThan(1e-6)
    expect(difference(await ofWeights('0, 3'), stacked)).toBeLessThan(1e-6)
    expect(difference(await ofWeights('1, 3'), stacked)).toBeGreaterThan(1e-4)
  })

  it('leave a layer alone where only adapters without weight sit', async () => {
    const logits = await logitsOf(composed('Average(a, b, weights=[0, 1])', [a, c]))
    expect(difference(logits, await logitsOf(c.method))).toBeLessThan(1e-6)
  })

  it('keep the weights of a fusion to themselves where they are not those of all adapters', async () => {
    for (const text of ['Stack(a, Fuse(b, c))', 'Fuse(Stack(a, b), c)']) {
      const outputs = await compute(composed(text, [a, b, c]))
      expect(Object.keys(outputs).filter((name) => name.startsWith('revealed.'))).toEqual([])
    }
  })

  it('may hold several fusions', async () => {
    const method = composed('Stack(Fuse(a, b), Fuse(c))', [a, b, c])
    expect(namesOf(method)).toHaveLength(3 * 5 + 2 * 5)
    expect((await logitsOf(method))?.every(Number.isFinite)).toBe(true)
  })
})

describe('a composition is refused', () => {
  it.each([
    ['Fuse(a, Fuse(b, c))', /option "composition": Fuse cannot stand inside Fuse: a fusion weighs/],
    ['Average(a, Fuse(b, c))', /Fuse cannot stand inside Average/],
    ['Stack(a, Stack(b, c))', /longer stack/],
    ['Parallel(a, b, c)', /Parallel computes several tasks.*choose the method parallel/],
    ['Stack(a, Parallel(b, c))', /method parallel/],
    ['Stack(a, BatchSplit(b, c, batch_sizes=2))', /BatchSplit gives each adapter rows.*workbench verify/],
    ['Stack(a, b)', /"c" has no place in it.*a \(a\), b \(b\), c \(c\)/],
    ['Stack(a, b, c, d)', /no adapter "d"; the chosen ones are a \(a\)/],
    ['Stack(a, b, c, a)', /"a" is named twice/],
    ['Average(a, b, c, weights=[1, 2])', /3 adapters but 2 weights/],
    ['Average(a, b, c, weights=[0, 0, 0])', /add up to 0/],
    ['Average(a, b, c, weights=[2, -1, 1])', /not negative/],
    ['Stack(a, b, c', /option "composition": .*ends too early/],
    ['Stock(a, b, c)', /block Stock is not supported/],
  ])('as %s', (text, message) => {
    expect(() => composed(text, [a, b, c])).toThrow(message)
  })

  it.each([
    ['Stack(a, Fuse(b, c))', 'mam', /"c" cannot be fused: besides its bottleneck.*attention/],
    ['Fuse(Stack(a, c), b)', 'lora', /"c" cannot be fused/],
    ['Average(a, Stack(b, c))', 'prefix_tuning', /"c" cannot be averaged/],
    ['Stack(a, b, c)', 'seq_bn_inv', /"c" has an invertible adapter/],
    ['Stack(a, b, c)', 'head', /"c" cannot be composed/],
  ])('as %s with an adapter of %s', (text, method, message) => {
    expect(() => composed(text, [a, b, trainedAdapter('c', {}, method)])).toThrow(message)
  })
})
