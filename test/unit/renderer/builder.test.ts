import { describe, expect, it } from 'vitest'

import { describeMethods } from '../../../main/adapters/registry.ts'
import type { CompositionBlock, MethodDescription, OptionField } from '../../../preload/contract.ts'
import {
  configText,
  memoryEstimate,
  newRunQuery,
  parseConfig,
  readPresets,
} from '../../../renderer/lib/builder-config.ts'
import {
  carriedOptions,
  leftOut,
  siteState,
  withLayer,
  withSite,
} from '../../../renderer/lib/builder-sites.ts'
import {
  addingProblem,
  blockAt,
  compositionOf,
  configured,
  nestingLoss,
  nestingProblem,
  withChild,
  withMoved,
  withoutChild,
} from '../../../renderer/lib/composer.ts'
import { decodeDraft } from '../../../renderer/lib/run-draft.ts'

function method(name: string, defaults: Record<string, unknown>, patch: Partial<MethodDescription> = {}) {
  const fields = Object.entries(defaults).map(([field, value]): OptionField => ({
    name: field,
    label: field,
    hint: '',
    kind: 'text',
    default: value,
    advanced: false,
  }))
  return {
    name,
    label: name,
    family: 'adapter',
    summary: '',
    source: '',
    fields,
    learningRate: 0.001,
    takes: 'none',
    manyTasks: false,
    ...patch,
  } satisfies MethodDescription
}

const bottleneck = method('seq_bn', {
  mh_adapter: false,
  output_adapter: true,
  is_parallel: false,
  leave_out: [],
  inv_adapter: 'none',
})
const lora = method('lora', {
  attn_matrices: ['q', 'v'],
  selfattn_lora: true,
  intermediate_lora: false,
  output_lora: false,
  leave_out: [],
})
const drop = method('adapter_drop', {
  dropped_layers: 2,
  output_adapter: true,
  mh_adapter: false,
  leave_out: [],
})

describe('places of a method', () => {
  it('are as its options have them', () => {
    expect(siteState(bottleneck, {}, 'output')).toEqual({ on: true, canSwitch: true, parallel: false })
    expect(siteState(bottleneck, {}, 'attention')?.on).toBe(false)
    expect(siteState(bottleneck, { is_parallel: true }, 'output')?.parallel).toBe(true)
    expect(siteState(bottleneck, {}, 'query')).toBeUndefined()
    expect(siteState(method('full', {}), {}, 'output')).toBeUndefined()
  })

  it('of a method that builds on adapters are theirs', () => {
    const fusion = method('fusion', {}, { takes: 'adapters', family: 'fusion' })
    expect(siteState(fusion, {}, 'output')).toEqual({ on: true, canSwitch: false, parallel: false })
    expect(withSite(fusion, {}, 'output')).toEqual({})
  })

  it('are switched, and back to the preset leave no trace', () => {
    const both = withSite(bottleneck, {}, 'attention')
    expect(both).toEqual({ mh_adapter: true })
    expect(withSite(bottleneck, both, 'attention')).toEqual({})
    expect(withSite(bottleneck, {}, 'embeddings')).toEqual({ inv_adapter: 'nice' })
  })

  it('keep the last one: without it nothing would be trained', () => {
    expect(withSite(bottleneck, {}, 'output')).toEqual({})
    expect(withSite(bottleneck, { inv_adapter: 'nice' }, 'output')).toEqual({ inv_adapter: 'nice' })
  })

  it('in the attention are a list of matrices', () => {
    expect(withSite(lora, {}, 'key')).toEqual({ attn_matrices: ['q', 'k', 'v'] })
    expect(withSite(lora, {}, 'query')).toEqual({ attn_matrices: ['v'] })
    const onlyOutside = withSite(lora, { attn_matrices: ['q'], output_lora: true }, 'query')
    expect(onlyOutside).toEqual({ attn_matrices: ['q'], output_lora: true, selfattn_lora: false })
    expect(siteState(lora, onlyOutside, 'query')?.on).toBe(false)
    expect(withSite(lora, onlyOutside, 'value')).toEqual({ attn_matrices: ['v'], output_lora: true })
  })
})

describe('layers of a method', () => {
  it('are left out and put back', () => {
    const without = withLayer(bottleneck, {}, 1, 4)
    expect(without).toEqual({ leave_out: [1] })
    expect(withLayer(bottleneck, without, 0, 4)).toEqual({ leave_out: [0, 1] })
    expect(withLayer(bottleneck, without, 1, 4)).toEqual({})
  })

  it('are read from the text of a form as well', () => {
    expect(leftOut(bottleneck, { leave_out: '3, 1' })).toEqual([1, 3])
  })

  it('dropped by their number become named ones', () => {
    expect(leftOut(drop, {})).toEqual([0, 1])
    expect(withLayer(drop, {}, 0, 4)).toEqual({ leave_out: [1], dropped_layers: 0 })
  })

  it('keep one', () => {
    const almost = { leave_out: [0, 1, 2] }
    expect(withLayer(bottleneck, almost, 3, 4)).toEqual(almost)
  })

  it('of another method keep what it knows too', () => {
    expect(carriedOptions({ leave_out: [1], mh_adapter: true, inv_adapter: 'none' }, drop)).toEqual({
      leave_out: [1],
      mh_adapter: true,
    })
  })
})

describe('compositions', () => {
  const adapter = { id: 'a', name: 'topics', modelHash: 'h', modelName: 'big' }
  const model = { hash: 'h', name: 'big' }

  it('take adapters of their model, each once', () => {
    expect(addingProblem('fuse', adapter, [], model)).toBeUndefined()
    expect(addingProblem('fuse', adapter, ['a'], model)).toContain('there already')
    expect(addingProblem('fuse', { ...adapter, modelHash: 'other', modelName: 'tiny' }, [], model)).toContain(
      'trained on tiny',
    )
    expect(addingProblem(undefined, adapter, [], model)).toContain('needs a block')
    expect(addingProblem('parallel', adapter, [], model)).toContain('datasets')
  })

  it('say why a block cannot stand inside another', () => {
    expect(nestingProblem('fuse', 'fuse')).toMatch(/^Fuse cannot stand inside Fuse: a fusion weighs/)
    expect(nestingProblem('parallel', 'average')).toContain('different tasks')
    expect(nestingProblem('parallel', 'stack')).toContain('train the parallel by itself')
    expect(nestingProblem('average', 'stack', 1)).toContain('nested too deep')
    expect(nestingProblem('fuse', 'stack')).toBeUndefined()
  })

  const stack = method(
    'stack',
    { reduction_factor: 16 },
    { takes: 'adapters', block: { kind: 'stack', nestedLoss: 'there is no new adapter on top' } },
  )
  const average = method(
    'average_outputs',
    { weights: [] },
    { takes: 'adapters', block: { kind: 'average' } },
  )
  const fusion = method(
    'fusion',
    { query: true, value: true, residual_before: false, dropout_prob: 0 },
    { takes: 'adapters', block: { kind: 'fuse', nested: { fusion: 'dynamic' } } },
  )
  const mean = method('fusion_mean', {}, { block: { kind: 'fuse', nested: { fusion: 'mean' } } })
  const compose = method(
    'compose',
    { composition: '', fusion: 'dynamic', dropout_prob: 0 },
    { takes: 'adapters', block: { kind: 'nested' } },
  )
  const methods = [bottleneck, stack, average, fusion, mean, compose]
  const nested = (text: string, ids = ['x', 'y', 'z']) => compositionOf(compose, { composition: text }, ids)
  const drawn = (text: string, ids?: string[]): CompositionBlock => {
    const composition = nested(text, ids)
    if (composition === undefined || typeof composition === 'string') throw new Error(composition)
    return composition
  }

  it('are told by the method and its options', () => {
    expect(compositionOf(stack, {}, ['x', 'y'])).toEqual({ kind: 'stack', children: ['x', 'y'] })
    expect(compositionOf(average, { weights: '1, 3' }, ['x', 'y'])).toMatchObject({ weights: [1, 3] })
    expect(compositionOf(bottleneck, {}, [])).toBeUndefined()
    expect(drawn('Stack(a, Fuse(c, b))').children).toEqual(['x', { kind: 'fuse', children: ['z', 'y'] }])
    expect(drawn('', ['x', 'y'])).toEqual({ kind: 'stack', children: ['x', 'y'] })
    expect(drawn('a', ['x'])).toEqual({ kind: 'stack', children: ['x'] })
  })

  it.each([
    ['Stack(a, b', /cannot be drawn: .*ends too early/],
    ['Stack(a, b, d)', /names d, which is none of the chosen/],
    ['Stack(a, b, b)', /names b,.*twice/],
    ['Stack(a, b)', /does not name all/],
  ])('that are written as %s are not drawn', (text, sentence) => {
    expect(nested(text)).toMatch(sentence)
  })

  it('of one block keep their method, and blocks in blocks become the nested one, in letters', () => {
    const flat: CompositionBlock = { kind: 'fuse', children: ['x', 'y'] }
    expect(configured(flat, mean, {}, methods)).toEqual({
      method: { name: 'fusion_mean', options: {} },
      adapterIds: ['x', 'y'],
    })
    const deeper = withChild(flat, [], { kind: 'stack', children: ['z'] })
    expect(configured(deeper, mean, {}, methods)).toEqual({
      method: { name: 'compose', options: { fusion: 'mean', composition: 'Fuse(a, b, Stack(c))' } },
      adapterIds: ['x', 'y', 'z'],
    })
  })

  it('of an average keep each adapter’s weight with it', () => {
    const options = { weights: '0.9, 0.1' }
    const root = compositionOf(average, options, ['x', 'y'])
    if (typeof root !== 'object') throw new Error('it is drawn')
    const after = (next: CompositionBlock) => {
      const { method: choice, adapterIds } = configured(next, average, options, methods)
      return [adapterIds, choice.options['weights']]
    }
    expect(after(withMoved(root, [1], -1))).toEqual([['y', 'x'], '0.1, 0.9'])
    expect(after(withChild(root, [], 'z'))).toEqual([['x', 'y', 'z'], '0.9, 0.1, 0.5'])
    expect(after(withoutChild(root, [0]))).toEqual([['y'], '0.1'])
    expect(after(withoutChild(withoutChild(root, [0]), [0]))).toEqual([[], undefined])
    expect(compositionOf(average, {}, [])).not.toHaveProperty('weights')
  })

  it('of an average without weights get none, and what is typed ahead for more adapters stays', () => {
    for (const options of [{}, { weights: '0.5, 0.3, 0.2' }]) {
      const root = compositionOf(average, options, ['x', 'y'])
      if (typeof root !== 'object') throw new Error('it is drawn')
      expect(configured(withMoved(root, [1], -1), average, options, methods).method.options).toEqual(options)
    }
  })

  it('that are emptied leave no text of what they were', () => {
    const options = { composition: 'Stack(Fuse(a))', fusion: 'static' }
    const root = withoutChild(drawn(options.composition, ['x']), [0, 0])
    expect(configured(root, compose, options, methods)).toEqual({
      method: { name: 'compose', options: { fusion: 'static' } },
      adapterIds: [],
    })
  })

  it('say before a block stands in a block what the method loses by it', () => {
    const losing = (of: MethodDescription, options: Record<string, unknown>) =>
      nestingLoss({ kind: 'stack', children: ['x', 'y'] }, of, options, methods)
    expect(losing(stack, {})).toBe(
      'With a block in it, the method becomes compose: there is no new adapter on top.',
    )
    expect(losing(stack, { reduction_factor: 8 })).toMatch(
      /on top; what you chose for reduction_factor is lost/,
    )
    expect(losing(fusion, { query: false, residual_before: true, dropout_prob: 0.1 })).toBe(
      'With a block in it, the method becomes compose: ' +
        'what you chose for query and residual_before is lost.',
    )
  })

  it.each([
    ['stack', {}, /there is no new adapter on top/],
    ['average_parameters', {}, /outputs are averaged instead of their parameters/],
    [
      'fusion',
      { query: false, residual_before: true },
      /what you chose for Query matrix and Residual first is lost/,
    ],
    ['average_outputs', { train_adapters: true }, undefined],
    ['fusion_mean', { train_adapters: true }, undefined],
  ] as const)('of the method %s say what is lost of it', (name, options, sentence) => {
    const all = describeMethods()
    const own = all.find((entry) => entry.name === name)
    if (own === undefined) throw new Error(`there is no method ${name}`)
    const root = compositionOf(own, options, ['x', 'y'])
    if (typeof root !== 'object') throw new Error('it is drawn')
    const loss = nestingLoss(root, own, options, all)
    if (sentence === undefined) expect(loss).toBeUndefined()
    else expect(loss).toMatch(sentence)
  })

  it('say nothing where nothing is lost', () => {
    const root: CompositionBlock = { kind: 'average', children: ['x', 'y'], weights: [1, 3] }
    expect(nestingLoss(root, average, { weights: '1, 3' }, methods)).toBeUndefined()
    expect(nestingLoss(root, fusion, { dropout_prob: 0.1, value: true }, methods)).toBeUndefined()
    expect(nestingLoss(root, compose, { fusion: 'mean' }, methods)).toBeUndefined()
    const unweighed: CompositionBlock = { kind: 'average', children: ['x', 'y'] }
    expect(nestingLoss(unweighed, average, { weights: '1, 3, 2' }, methods)).toContain('weights is lost')
  })

  it('stay what they are when they are written and drawn again', () => {
    for (const text of ['Stack(a, Fuse(b, c))', 'Average(a, Stack(b, c), weights=[0.3, 0.7])']) {
      const { method: choice, adapterIds } = configured(drawn(text), compose, {}, methods)
      expect(choice.options['composition']).toBe(text)
      expect(compositionOf(compose, choice.options, adapterIds)).toEqual(drawn(text))
    }
  })

  it('are changed within their blocks; an Average’s weights follow', () => {
    const root = drawn('Average(a, Stack(b, c), weights=[1, 3])')
    expect(withChild(root, [], 'w')).toMatchObject({ weights: [1, 3, 2] })
    expect(withMoved(root, [1], -1)).toMatchObject({
      weights: [3, 1],
      children: [{ children: ['y', 'z'] }, 'x'],
    })
    expect(withMoved(root, [1, 0], 5).children[1]).toMatchObject({ children: ['z', 'y'] })
    expect(withChild(root, [1], 'w').children[1]).toMatchObject({ children: ['y', 'z', 'w'] })
    expect(withoutChild(root, [0])).toMatchObject({ weights: [3], children: [{ kind: 'stack' }] })
  })

  it('lose a block with its last adapter, but not the outermost', () => {
    const root = drawn('Stack(a, Fuse(b))', ['x', 'y'])
    expect(withoutChild(root, [1, 0])).toEqual({ kind: 'stack', children: ['x'] })
    expect(withoutChild(withoutChild(root, [1, 0]), [0])).toEqual({ kind: 'stack', children: [] })
    expect(blockAt(root, [1])?.kind).toBe('fuse')
    expect(blockAt(root, [0])).toBeUndefined()
  })
})

describe('a configuration as text', () => {
  const config = {
    modelId: 'm',
    datasetId: 'd',
    method: { name: 'seq_bn', options: { reduction_factor: 8 } },
  }

  it('says only what differs from the defaults, and reads back to the same', () => {
    const text = configText({ ...config, head: { layers: 2 }, training: { epochs: 10, batchSize: 8 } })
    expect(JSON.parse(text)).toEqual({ ...config, training: { batchSize: 8 } })
    expect(parseConfig(text)).toEqual({ ...config, training: { batchSize: 8 } })
  })

  it.each([
    ['{', /no JSON/],
    ['{"modelId":"m"}', /^datasetId/],
    [JSON.stringify({ ...config, training: { epochs: 0 } }), /^training\.epochs/],
    [JSON.stringify({ ...config, colour: 'red' }), /colour/],
  ])('refuses %s with the setting', (text, sentence) => {
    expect(parseConfig(text)).toMatch(sentence)
  })

  it('becomes the form of a new run', () => {
    const query = newRunQuery({ ...config, adapterIds: ['a'], training: { epochs: 3 } }, 0.001)
    expect(query).toMatchObject({ model: 'm', dataset: 'd' })
    expect(decodeDraft(query['draft'])).toMatchObject({
      training: { epochs: 3 },
      variants: [{ method: 'seq_bn', options: { reduction_factor: 8 }, adapterIds: ['a'] }],
    })
  })

  it('is kept by name; what cannot be read is forgotten', () => {
    expect(readPresets(JSON.stringify({ mine: config, broken: { modelId: 1 } }))).toEqual({ mine: config })
    expect(readPresets('[')).toEqual({})
    expect(readPresets(undefined)).toEqual({})
  })

  it('holds four bytes a weight, sixteen a trained one, and the batch', () => {
    const count = { trainable: 10, backbone: 100, cost: { activationBytes: 7 } }
    expect(memoryEstimate(count, 2)).toEqual({ backbone: 400, trained: 160, activations: 14 })
  })
})
