import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { PreparedMethod } from '../../../main/adapters/method.ts'
import { findMethod } from '../../../main/adapters/registry.ts'
import { parseBackboneConfig, type BackboneConfig } from '../../../main/models/config.ts'
import type { Sites } from '../../../main/models/sites.ts'
import {
  compute,
  difference,
  randomValues,
  smallConfig,
  textCount,
  textLengths,
} from '../../fixtures/computed.ts'
import { makeTrainingFolder, run, type TrainingFolder } from '../../fixtures/training-run.ts'

const prenorm = parseBackboneConfig(
  { model_type: 'gpt2', vocab_size: 40, n_embd: 24, n_layer: 3, n_head: 3, n_positions: 16 },
  'prenorm',
)
const mixed = { prefix_length: 3, prefix_bottleneck: 8, adapter_width: 6 }

const prepared = (name: string, options: object = {}, config: BackboneConfig = smallConfig): PreparedMethod =>
  findMethod(name).prepare(options, { config, adapterName: 'a', tasks: ['task'], adapters: [] })

/** The same method, one of its parts switched off in one layer only. */
function offInLayer(method: PreparedMethod, part: string, off: number): PreparedMethod {
  return {
    ...method,
    sites(build, situation) {
      const whole = method.sites(build, situation)
      const less = method.sites(build, { ...situation, variant: { without: [part] } })
      const at = (layer: number): Sites => (layer === off ? less : whole)
      return {
        ...whole,
        join: (site, ...rest) => at(site.layer).join?.(site, ...rest),
        project: (layer, ...rest) => at(layer).project?.(layer, ...rest),
        prefix: (layer, x) => at(layer).prefix?.(layer, x) ?? [],
      }
    },
  }
}

/** The sum over the texts' tokens of ‖h − other‖ / ‖h‖, both `[sequence, batch, hidden]`. */
function relativeChange(h: Float32Array, other: Float32Array, hidden: number): number {
  const length = (of: (unit: number) => number): number => {
    let sum = 0
    for (let unit = 0; unit < hidden; unit++) sum += of(unit) ** 2
    return Math.sqrt(sum)
  }
  let sum = 0
  textLengths.forEach((tokens, text) => {
    for (let position = 0; position < tokens; position++) {
      const from = (position * textCount + text) * hidden
      const value = (unit: number): number => h[from + unit] ?? Number.NaN
      const change = length((unit) => value(unit) - (other[from + unit] ?? Number.NaN))
      sum += change / length(value)
    }
  })
  return sum
}

describe('what a part changes in a layer', () => {
  it.each([
    ['mam', mixed, smallConfig],
    ['unipelt', {}, smallConfig],
    ['union', { parts: 'ia3 + double_seq_bn[leave_out=[1]]' }, smallConfig],
    ['union', { parts: 'prefix_tuning[prefix_length=3,bottleneck_size=8] + lora' }, prenorm],
  ] as const)('is the share of its output’s norm, text by text: %s %j', async (name, options, config) => {
    const method = prepared(name, options, config)
    const revealed = await compute(method, { config, contributions: true })
    for (const [part, label] of (method.united ?? []).entries()) {
      // After its last layer a pre-norm backbone normalises once more: what it gives is not the layer's own output.
      for (let layer = 0; layer < (config === prenorm ? config.layers - 1 : config.layers); layer++) {
        const output = `hidden.${layer + 1}`
        const other = await compute(offInLayer(method, label, layer), { config })
        const [h, without] = [revealed[output], other[output]]
        if (!h || !without) throw new Error('no hidden states')
        const expected = relativeChange(h, without, config.hiddenSize)
        expect(revealed[`revealed.contribution.${layer}.${part}`]?.[0]).toBeCloseTo(expected, 4)
      }
    }
  })

  it('is nothing at all where the part does not sit, or adds zeros', async () => {
    const change = async (part: number, computation = {}, options: object = mixed): Promise<number[]> => {
      const outputs = await compute(prepared('mam', options), { contributions: true, ...computation })
      return [0, 1, 2].map((layer) => outputs[`revealed.contribution.${layer}.${part}`]?.[0] ?? Number.NaN)
    }
    const silent = (name: string, shape: readonly number[]) => {
      const data = randomValues(name, shape)
      return name.includes('.adapter_up.') ? data.fill(0) : data
    }
    expect(await change(1, { values: silent })).toEqual([0, 0, 0])
    expect((await change(0, { values: silent })).every((share) => share > 0.001)).toBe(true)
    const [first, second, third] = await change(0, {}, { ...mixed, leave_out: [1] })
    expect([second, (first ?? 0) > 0, (third ?? 0) > 0]).toEqual([0, true, true])
  })
})

describe('a part that is switched off', () => {
  it('leaves the others as they are by themselves', async () => {
    const without = async (parts: string[]) =>
      (await compute(prepared('mam', mixed), { readings: [{ task: 0, variant: { without: parts } }] }))[
        'logits'
      ]
    const alone = async (name: string, options: object) => (await compute(prepared(name, options)))['logits']
    const prefix = await alone('prefix_tuning', { prefix_length: 3, bottleneck_size: 8 })
    const adapter = await alone('par_bn', { reduction_factor: 4, scaling: 2 })
    expect(difference(await without(['adapter']), prefix)).toBe(0)
    expect(difference(await without(['prefix']), adapter)).toBe(0)
    expect(difference(await without(['prefix', 'adapter']), await alone('head', {}))).toBe(0)
  })

  it('has a name of its own where a union has two of a kind', () => {
    const parts = 'seq_bn[leave_out=[0]] + seq_bn[leave_out=[1,2]]'
    expect(prepared('union', { parts }).united).toEqual(['seq_bn', 'seq_bn 2'])
  })
})

describe('a run', () => {
  let folder: TrainingFolder
  beforeAll(async () => {
    folder = await makeTrainingFolder()
  })
  afterAll(() => folder.remove())

  const contributions = async (name: string, method: string, options: object, training: object) => {
    const { result } = await run(
      folder.jobFor(name, { method, options: { ...options }, training: { ...training } }),
    )
    return { result, found: result?.analysis.contributions }
  }

  it('measures what each part adds to the best parameters', async () => {
    const { result, found } = await contributions('trained', 'mam', mixed, { epochs: 6, learningRate: 1e-2 })
    expect(found?.parts).toEqual(['prefix', 'adapter'])
    expect(found?.ablations.map(({ without }) => without)).toEqual([
      [],
      ['prefix'],
      ['adapter'],
      ['prefix', 'adapter'],
    ])
    const [whole, , , none] = found?.ablations ?? []
    expect(whole?.scores).toEqual(result?.validation)
    expect(none?.scores.loss).toBeGreaterThan(whole?.scores.loss ?? Infinity)
    expect(found?.changes).toHaveLength(2)
    expect(found?.changes.flat().every((share) => share > 0 && share < 2)).toBe(true)
  })

  it('loses nothing without an adapter that has not learned: its up-projection begins with zeros', async () => {
    const { found } = await contributions('untrained', 'mam', mixed, {
      ...{ epochs: 1, learningRate: 1e-30, weightDecay: 0 },
    })
    const [whole, withoutPrefix, withoutAdapter] = found?.ablations ?? []
    expect(withoutAdapter?.scores).toEqual(whole?.scores)
    expect(withoutPrefix?.scores.loss).not.toBe(whole?.scores.loss)
    expect(found?.changes.map(([, adapter]) => adapter)).toEqual([0, 0])
  })

  it('has no parts to tell apart where the method is one', async () => {
    const { found } = await contributions('single', 'prefix_tuning', {}, { epochs: 1 })
    expect(found).toBeUndefined()
  })
})
