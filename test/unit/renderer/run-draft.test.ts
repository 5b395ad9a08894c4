import { describe, expect, it } from 'vitest'

import {
  EngineChoice,
  HeadChoice,
  ProgramSettings,
  RunConfig,
  TrainingConfig,
  type MethodDescription,
} from '../../../preload/contract.ts'
import { checkConfigs } from '../../../renderer/lib/run-check.ts'
import {
  decodeDraft,
  draftConfigs,
  draftFromConfig,
  emptyDraft,
  encodeDraft,
  parseLayers,
  parseSeeds,
  variantName,
  withOption,
  type RunDraft,
  type VariantDraft,
} from '../../../renderer/lib/run-draft.ts'

const defaults = {
  head: HeadChoice.parse({}),
  training: TrainingConfig.parse({}),
  engine: EngineChoice.parse({}),
  learningRate: 0.001,
}
const draft: RunDraft = {
  ...emptyDraft,
  modelId: 'starter',
  datasetId: 'trec',
  variants: [
    { key: 'seq_bn', method: 'seq_bn', options: { reduction_factor: 64 }, learningRate: undefined },
    { key: 'full', method: 'full', options: {}, learningRate: 0.0002 },
  ],
  training: { epochs: 3 },
}

describe('seeds', () => {
  it.each([
    ['1', [1]],
    ['1, 2,3', [1, 2, 3]],
    ['5-7 2', [5, 6, 7, 2]],
    ['1 1 1-2', [1, 2]],
  ])('reads %s', (text, seeds) => {
    expect(parseSeeds(text)).toEqual(seeds)
  })

  it.each(['', 'one', '1.5', '-3', '7-5', '1-1000', '4294967296'])('says what is wrong with "%s"', (text) => {
    expect(parseSeeds(text)).toBeTypeOf('string')
  })
})

describe('a draft', () => {
  it('comes to every variant with every seed', () => {
    const configs = draftConfigs(draft, [1, 2], 'TREC')
    expect(configs.map((config) => config.name)).toEqual([
      'TREC · seq_bn reduction_factor=64 · seed 1',
      'TREC · seq_bn reduction_factor=64 · seed 2',
      'TREC · full · seed 1',
      'TREC · full · seed 2',
    ])
    expect(configs[3]).toMatchObject({
      method: { name: 'full' },
      training: { epochs: 3, learningRate: 0.0002, seed: 2 },
    })
    expect(checkConfigs(configs)).toEqual({})
  })

  it('leaves the learning rate to the method', () => {
    expect(draftConfigs(draft, [1], 'TREC')[0]?.training).not.toHaveProperty('learningRate')
  })

  it('names the setting that the contract does not take', () => {
    const configs = draftConfigs({ ...draft, training: { epochs: 0, warmup: 2 } }, [1], 'TREC')
    expect(Object.keys(checkConfigs(configs)).sort()).toEqual(['training.epochs', 'training.warmup'])
  })

  it('comes back from a run that is cloned', () => {
    const config = RunConfig.parse(draftConfigs(draft, [7], 'TREC')[0])
    const clone = draftFromConfig(config, defaults)
    expect(clone.seeds).toBe('7')
    expect(clone.training).toEqual({ epochs: 3 })
    expect(clone.head).toEqual({})
    expect(clone.variants[0]?.options).toEqual({ reduction_factor: 64 })
  })

  it('says nothing of engine and precision that the program’s settings say already', () => {
    const program = ProgramSettings.parse({
      engine: { engine: 'tensorflow', device: 'webgpu', cacheMegabytes: 100 },
      backbonePrecision: 'float16',
    })
    const own = { ...draft, engine: { cacheMegabytes: 0, fallbackToCpu: true } }
    const config = RunConfig.parse(draftConfigs(own, [7], 'TREC', program)[0])
    expect(config.engine).toEqual({ ...program.engine, cacheMegabytes: 0, fallbackToCpu: true })
    expect(config.training.backbonePrecision).toBe('float16')
    const training = { ...defaults.training, backbonePrecision: program.backbonePrecision }
    const clone = draftFromConfig(config, { ...defaults, training, engine: program.engine })
    expect(clone.engine).toEqual(own.engine)
    expect(clone.training).toEqual({ epochs: 3 })
  })

  it('carries stored adapters, further datasets and rates of groups to the run and back', () => {
    const variant: VariantDraft = {
      ...{ key: 'fusion', method: 'fusion', options: {}, learningRate: undefined },
      groupLearningRates: { head: 0.01 },
      adapterIds: ['b', 'a'],
      heads: { [draft.datasetId]: 'h1', rte: 'h2' },
      fusionId: 'f',
      moreDatasetIds: ['rte'],
      taskSampling: 'even',
    }
    const both = {
      ...draft,
      earlierRunId: 'r1',
      variants: [variant],
      training: { unfreezeLayers: [3, 2], decayExempt: true },
    }
    const [config] = draftConfigs(both, [7], 'TREC')
    expect(config).toMatchObject({
      name: 'TREC + 1 more · fusion head=0.01 over 2 · seed 7',
      adapterIds: ['b', 'a'],
      headIds: ['h1', 'h2'],
      fusionId: 'f',
      moreDatasetIds: ['rte'],
      taskSampling: 'even',
      earlierRunId: 'r1',
      training: { groupLearningRates: { head: 0.01 }, unfreezeLayers: [3, 2], decayExempt: true },
    })
    expect(checkConfigs([config ?? { modelId: '', datasetId: '', method: { name: '' } }])).toEqual({})
    const clone = draftFromConfig(RunConfig.parse(config), { ...defaults, learningRate: undefined })
    expect(clone.variants).toEqual([variant])
    expect(clone.training).toEqual(both.training)
    expect(clone.earlierRunId).toBe('r1')
  })

  it('leaves the learning rate to the method where the cloned run did', () => {
    const config = RunConfig.parse(draftConfigs(draft, [7], 'TREC')[1])
    expect(draftFromConfig(config, defaults).variants[0]?.learningRate).toBe(0.0002)
    expect(
      draftFromConfig(config, { ...defaults, learningRate: 0.0002 }).variants[0]?.learningRate,
    ).toBeUndefined()
  })

  it('survives the address', () => {
    expect(decodeDraft(encodeDraft(draft))).toEqual(JSON.parse(JSON.stringify(draft)))
    expect(encodeDraft(emptyDraft)).toBeUndefined()
  })

  it.each([undefined, 'nonsense', '3', 'null', '{"variants":3}'])(
    'is empty for the address part %s',
    (text) => {
      expect(decodeDraft(text)).toEqual(emptyDraft)
    },
  )
})

it('layers are read from what is typed, and what is none is refused by the contract', () => {
  expect(parseLayers('3, 2')).toEqual([3, 2])
  expect(parseLayers(' ')).toEqual([])
  const configs = draftConfigs({ ...draft, training: { unfreezeLayers: parseLayers('all') } }, [1], 'TREC')
  expect(Object.keys(checkConfigs(configs))).toEqual(['training.unfreezeLayers.0'])
})

describe('options of a variant', () => {
  const method = {
    name: 'seq_bn',
    fields: [{ name: 'reduction_factor', default: 16 }],
  } as unknown as MethodDescription

  it('hold only what differs from the preset', () => {
    const changed = withOption({}, method, 'reduction_factor', 64)
    expect(changed).toEqual({ reduction_factor: 64 })
    expect(withOption(changed, method, 'reduction_factor', 16)).toEqual({})
    expect(withOption(changed, method, 'reduction_factor', undefined)).toEqual({})
  })

  it('stand in the name, the learning rate only where it tells two apart', () => {
    const slow = { key: 'a', method: 'seq_bn', options: { dropout: 0.1 }, learningRate: 0.001 }
    const fast = { ...slow, key: 'b', learningRate: 0.01 }
    expect(variantName(fast, [fast])).toBe('seq_bn dropout=0.1')
    expect(variantName(fast, [slow, fast])).toBe('seq_bn dropout=0.1 lr=0.01')
  })
})
