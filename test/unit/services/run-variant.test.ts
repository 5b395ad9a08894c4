import { describe, expect, it } from 'vitest'

import { variantOf } from '../../../main/services/run-views.ts'
import { RunConfig, type InputOf } from '../../../preload/contract.ts'

type Patch = Partial<InputOf<'runs.start'>>

const variant = (patch: Patch = {}) =>
  variantOf(RunConfig.parse({ modelId: 'm', datasetId: 'd', method: { name: 'seq_bn' }, ...patch }))

describe('the variant that a run belongs to', () => {
  it('is the same for other names and seeds', () => {
    expect(variant({ name: 'another', training: { seed: 7 } })).toBe(variant())
  })

  it('does not depend on the order of the options', () => {
    const one = variant({ method: { name: 'seq_bn', options: { dropout: 0.1, reduction_factor: 8 } } })
    expect(variant({ method: { name: 'seq_bn', options: { reduction_factor: 8, dropout: 0.1 } } })).toBe(one)
    expect(one).not.toBe(variant())
  })

  it('does not depend on settings that the program had not yet and that are as they are by themselves', () => {
    const older = RunConfig.parse({ modelId: 'm', datasetId: 'd', method: { name: 'seq_bn' } })
    Reflect.deleteProperty(older.training, 'backbonePrecision')
    Reflect.deleteProperty(older.engine, 'cacheMegabytes')
    expect(variantOf(older)).toBe(variant())
  })

  it('does not depend on what happens where a device fails', () => {
    expect(variant({ engine: { fallbackToCpu: true } })).toBe(variant())
  })

  it('is the same for no heads, however they are left out', () => {
    expect(variant({ headIds: [] })).toBe(variant())
  })

  it('stays what it was before heads and fusion could be told by their runs', () => {
    expect([variant(), variant({ headIds: ['h'], fusionId: 'f' })]).toEqual([
      '1c1bedf910a1edbe',
      'da0f7fcaca431715',
    ])
  })

  it.each<Patch>([
    { modelId: 'other' },
    { datasetId: 'other' },
    { method: { name: 'head' } },
    { head: { pooling: 'mean' } },
    { training: { learningRate: 0.01 } },
    { training: { unfreezeLayers: [1] } },
    { engine: { threads: 2 } },
    { adapterIds: ['a'] },
    { headIds: ['h'] },
    { fusionId: 'f' },
    { earlierRunId: 'r' },
    { moreDatasetIds: ['e'] },
  ])('is another for %o', (patch) => {
    expect(variant(patch)).not.toBe(variant())
  })
})
