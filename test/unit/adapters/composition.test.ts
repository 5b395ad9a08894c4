import { describe, expect, it } from 'vitest'

import { composedMethod } from '../../../main/adapters/compose.ts'
import { partsOf } from '../../../main/adapters/method.ts'
import {
  checkComposition,
  describeComposition,
  findCompositions,
  parseComposition,
  writeComposition,
  type Composition,
} from '../../../preload/contract.ts'
import { compute, difference, textCount, trainedAdapter } from '../../fixtures/computed.ts'

const [a, b] = [trainedAdapter('a'), trainedAdapter('b')]

async function logits(composition: Composition, feeds = {}): Promise<Float32Array | undefined> {
  const method = composedMethod(composition, [], { adapters: partsOf([a, b]) })
  return (await compute(method, { feeds }))['logits']
}

describe('compositions', () => {
  it('give the rows of a split batch what their own adapter gives alone', async () => {
    const rows = { 'rows:': { data: Float32Array.of(1, 0, 0, 1, 0, 1), shape: [textCount, 2] } }
    const split = await logits({ kind: 'batchSplit', children: ['a', 'b'] }, rows)
    const [alone, other] = [await logits('a'), await logits('b')]
    expect(difference(split?.slice(0, 3), alone?.slice(0, 3))).toBeLessThan(1e-6)
    expect(difference(split?.slice(3), other?.slice(3))).toBeLessThan(1e-6)
    expect(difference(alone, other)).toBeGreaterThan(1e-3)
  })

  it('compute every branch of a Parallel block as the adapter alone', async () => {
    const method = composedMethod({ kind: 'parallel', children: ['a', 'b'] }, [], {
      adapters: partsOf([a, b]),
    })
    const both = await compute(method, {
      tasks: ['task', 'task2'],
      readings: [
        { task: 0, variant: {} },
        { task: 1, variant: {} },
      ],
    })
    const last = (await compute(composedMethod('b', [], { adapters: partsOf([b]) })))['hidden.3']
    expect(difference(both['logits'], await logits('a'))).toBe(0)
    expect(difference(both['hidden.3.1'], last)).toBe(0)
  })

  it('average equal adapters to the adapter', async () => {
    const twice = await logits({ kind: 'average', children: ['a', 'a'], weights: [1, 3] })
    expect(difference(twice, await logits('a'))).toBeLessThan(1e-6)
  })

  it('follow the order of a stack', async () => {
    const [up, down] = [
      await logits({ kind: 'stack', children: ['a', 'b'] }),
      await logits({ kind: 'stack', children: ['b', 'a'] }),
    ]
    expect(difference(up, down)).toBeGreaterThan(1e-4)
  })

  it('weigh two different adapters by their weights', async () => {
    const shares = [
      await logits({ kind: 'average', children: ['a', 'b'], weights: [1, 0] }),
      await logits({ kind: 'average', children: ['a', 'b'], weights: [0, 2] }),
    ]
    expect(difference(shares[0], await logits('a'))).toBeLessThan(1e-6)
    expect(difference(shares[1], await logits('b'))).toBeLessThan(1e-6)
  })
})

describe('nesting', () => {
  it.each([
    'Stack[a, Fuse[b, c]]',
    'Stack[a, Parallel[b, c]]',
    'Fuse[Stack[a, b], c]',
    'Parallel[Stack[a, b], c]',
    'Parallel[Average[a, b], c]',
    'BatchSplit[a, BatchSplit[b, c]]',
    'Average[a, Stack[b, c]]',
  ])('%s is allowed', (text) => {
    const composition = parseComposition(text)
    expect(() => checkComposition(composition)).not.toThrow()
    expect(describeComposition(composition)).toBe(text)
  })

  it.each([
    ['Fuse[a, Fuse[b, c]]', /fusion weighs the outputs of adapters/],
    ['Fuse[a, Parallel[b, c]]', /copies of the batch/],
    ['Fuse[a, BatchSplit[b, c]]', /every adapter on every example/],
    ['Parallel[a, Parallel[b, c]]', /side by side in one Parallel/],
    ['Parallel[a, Fuse[b, c]]', /Fuse cannot stand inside Parallel/],
    ['Average[a, Parallel[b, c]]', /belong to different tasks/],
    ['Stack[a, Stack[b, c]]', /longer stack/],
    ['Parallel[Stack[a, Average[b, c]], d]', /nested too deep/],
    ['Stack[]', /empty/],
  ])('%s is refused with a reason', (text, reason) => {
    expect(() => checkComposition(parseComposition(text))).toThrow(reason)
  })

  it('reads of an average whether its weights count as they are, wherever the call says so', () => {
    const average = { kind: 'average', children: ['a', 'b'], weights: [1, 2] }
    for (const settings of [
      'weights=[1, 2], normalize_weights=False',
      'normalize_weights=False, weights=[1, 2]',
    ]) {
      expect(parseComposition(`Average('a', 'b', ${settings})`)).toEqual({ ...average, asGiven: true })
    }
    const normalised = parseComposition("Average('a', 'b', weights=[1, 2], normalize_weights=True)")
    expect(normalised).toEqual({ ...average, asGiven: false })
  })

  it('reads weights and sizes of a call', () => {
    expect(parseComposition("Average('a', BatchSplit('b','c',batch_sizes=[1, 2]), weights=[.3,.7])")).toEqual(
      {
        kind: 'average',
        asGiven: false,
        weights: [0.3, 0.7],
        children: ['a', { kind: 'batchSplit', children: ['b', 'c'], sizes: [1, 2] }],
      },
    )
  })

  it('reads one size as that of every part', () => {
    const split = { kind: 'batchSplit', children: ['a', 'b'], sizes: [2, 2] }
    expect(parseComposition("BatchSplit('a', 'b', batch_sizes=2)")).toEqual(split)
  })

  it.each([
    'a',
    'Stack(a, Fuse(b, c))',
    'Average(a, Stack(b, c), weights=[0.3, 0.7], normalize_weights=False)',
    'BatchSplit(a, BatchSplit(b, c, batch_sizes=[1, 1]), batch_sizes=[1, 2])',
  ])('is written as it is read: %s', (text) => {
    expect(writeComposition(parseComposition(text))).toBe(text)
  })

  it.each([
    ['', /ends too early/],
    ['Stack(a, b', /ends too early/],
    ['Stack(a b)', /"b" stands where a comma or "\)" is expected/],
    ['Stack(a, b]', /"\]" stands where a comma or "\)"/],
    ['Stack(a; b)', /";" stands where/],
    ['Stack(, b)', /"," stands where an adapter or a block is expected/],
    ['Stack(a) b', /"b" comes after its end/],
    ['Average(a, b, weights=[1, x])', /"x" is no number/],
    ['Average(a, b, weight=[0.3, 0.7])', /"weight" is no setting of Average/],
    ['Average(a, b, weights=0.5)', /"weights" is no setting of Average, or its value is none of it/],
    ['Average(a, b, normalize_weights=0)', /"normalize_weights" is no setting/],
    ['Stack(a, b, weights=[1, 2])', /"weights" is no setting of Stack/],
    ['BatchSplit(a, b, batch_size=3)', /"batch_size" is no setting of BatchSplit/],
    ['Split(a, b)', /block Split is not supported; there are Stack, Fuse/],
    ['constructor(a, b)', /block constructor is not supported/],
  ])('refuses what it cannot read: %s', (text, reason) => {
    expect(() => parseComposition(text)).toThrow(reason)
  })

  it('is found within library calls, inner ones as well', () => {
    const calls = "model.train_adapter(Stack('a', Fuse('b', 'c'))); model.eval()"
    expect(findCompositions(calls).map(describeComposition)).toEqual(['Stack[a, Fuse[b, c]]', 'Fuse[b, c]'])
  })
})
