import { describe, expect, it } from 'vitest'

import type { MethodDescription, OptionField } from '../../../preload/contract.ts'
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
import { addingProblem, blockOf, nestingProblem } from '../../../renderer/lib/composer.ts'
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
  const adapter = { id: 'a', name: 'topics', kind: 'adapter' as const, modelHash: 'h', modelName: 'big' }
  const model = { hash: 'h', name: 'big' }

  it('take adapters of their model, each once', () => {
    expect(addingProblem('fuse', adapter, [], model)).toBeUndefined()
    expect(addingProblem('fuse', adapter, ['a'], model)).toContain('there already')
    expect(addingProblem('fuse', { ...adapter, modelHash: 'other', modelName: 'tiny' }, [], model)).toContain(
      'trained on tiny',
    )
    expect(addingProblem('stack', { ...adapter, kind: 'fusion' }, [], model)).toContain('is a fusion')
    expect(addingProblem(undefined, adapter, [], model)).toContain('needs a block')
    expect(addingProblem('parallel', adapter, [], model)).toContain('datasets')
  })

  it('say why a block cannot stand inside another', () => {
    expect(nestingProblem('fuse', 'fuse')).toMatch(/^Fuse cannot stand inside Fuse: a fusion weighs/)
    expect(nestingProblem('parallel', 'average')).toContain('different tasks')
    expect(nestingProblem('fuse', 'stack')).toContain('one run trains one block')
  })

  it('are told by the method', () => {
    expect(blockOf('fusion_mean')?.kind).toBe('fuse')
    expect(blockOf('seq_bn')).toBeUndefined()
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
