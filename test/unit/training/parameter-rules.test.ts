import { describe, expect, it } from 'vitest'

import type { ParameterSpec } from '../../../main/adapters/method.ts'
import { readSafetensors } from '../../../main/models/checkpoint/safetensors.ts'
import { bestPath } from '../../../main/training/checkpoint.ts'
import { parameterRules } from '../../../main/training/parameter-rules.ts'
import { frozenUnchanged, prepare } from '../../../main/training/prepare.ts'
import { run, trainingFolderForEachTest } from '../../fixtures/training-run.ts'

const folder = trainingFolderForEachTest()

function spec(name: string, group: ParameterSpec['group']): ParameterSpec {
  return { name, shape: [1], group, initialization: { kind: 'constant', value: 0 } }
}

describe('unfrozen layers', () => {
  it('are trained from what they were, and the rest is proven to stay', async () => {
    const job = folder.jobFor('part', { training: { epochs: 1, unfreezeLayers: [1] } })
    const { messages, result } = await run(job)
    const started = messages.find((message) => message.type === 'started')
    expect(result?.backboneHashAfter).not.toBe(started?.backboneHashBefore)
    const best = await readSafetensors(bestPath(job.runFolder))
    const backbone = [...best.tensors.keys()].filter((name) => !/adapters|heads/.test(name))
    expect(backbone.length).toBe(16)
    expect(backbone.every((name) => name.startsWith('encoder.layer.1.'))).toBe(true)
    const prepared = await prepare(job)
    const trained = await best.read('encoder.layer.1.output.dense.weight')
    const before = await prepared.backbone.tensors.get('encoder.layer.1.output.dense.weight')?.read()
    const distance = trained.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (before?.[i] ?? 0))),
      0,
    )
    expect(distance).toBeGreaterThan(0)
    // Ten steps of 5e-3 at the most.
    expect(distance).toBeLessThan(0.06)
    expect(await frozenUnchanged(prepared)).toBe(true)
    const other = { ...prepared.backbone, tensors: new Map(prepared.backbone.tensors) }
    other.tensors.set('embeddings.LayerNorm.bias', {
      shape: [32],
      read: async () => new Float32Array(32).fill(1),
    })
    expect(await frozenUnchanged({ ...prepared, backbone: other })).toBe(false)
    await prepared.checkpoint.close()
    await best.close()
  })

  it('that the model does not have are refused', async () => {
    const job = folder.jobFor('wrong', { training: { unfreezeLayers: [0, 2] } })
    await expect(run(job)).rejects.toThrow(/unfreezeLayers names layer 2.*0 to 1/)
  })

  it('add nothing to full fine-tuning', async () => {
    const training = { epochs: 1, learningRate: 1e-3 }
    const count = async (unfreezeLayers: number[]) => {
      const { messages } = await run(
        folder.jobFor(`full${unfreezeLayers.length}`, {
          method: 'full',
          training: { ...training, unfreezeLayers },
        }),
      )
      const started = messages.find((message) => message.type === 'started')
      return started?.trainableParameters
    }
    expect(await count([0])).toBe(await count([]))
  })
})

describe('learning rates of groups', () => {
  it('move each group at its own pace', async () => {
    const training = { epochs: 1, schedule: 'constant', warmup: 0, weightDecay: 0, clipNorm: 0 }
    const distances = async (name: string, groupLearningRates: Record<string, number>) => {
      const job = folder.jobFor(name, { training: { ...training, groupLearningRates } })
      await run(job)
      const still = folder.jobFor(`${name}-still`, { training: { ...training, learningRate: 1e-12 } })
      await run(still)
      const [moved, begun] = [
        await readSafetensors(bestPath(job.runFolder)),
        await readSafetensors(bestPath(still.runFolder)),
      ]
      const distance = async (tensor: string): Promise<number> => {
        const [a, b] = [await moved.read(tensor), await begun.read(tensor)]
        return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? 0))), 0)
      }
      const result = {
        adapter: await distance('encoder.layer.0.output.adapters.run.adapter_up.bias'),
        head: await distance('heads.run.4.bias'),
      }
      await moved.close()
      await begun.close()
      return result
    }
    const slow = await distances('slow', { head: 1e-9 })
    expect(slow.head).toBeLessThan(1e-6)
    expect(slow.adapter).toBeGreaterThan(1e-3)
    const swapped = await distances('swapped', { adapter: 1e-9 })
    expect(swapped.adapter).toBeLessThan(1e-6)
    expect(swapped.head).toBeGreaterThan(1e-3)
  })

  it('for a group that is not trained are refused', async () => {
    const job = folder.jobFor('wrong', { training: { groupLearningRates: { fusion: 1e-3 } } })
    await expect(run(job)).rejects.toThrow(/"fusion".*trains adapter, head/)
  })

  it('are multiples of the run’s', () => {
    const ruleOf = parameterRules({ groupLearningRates: { head: 2e-3 }, decayExempt: false }, 1e-3, [
      spec('a', 'adapter'),
      spec('b', 'head'),
    ])
    expect(ruleOf(spec('a', 'adapter'))).toEqual({ rateScale: 1, decays: true })
    expect(ruleOf(spec('b', 'head'))).toEqual({ rateScale: 2, decays: true })
  })
})

describe('exemption from weight decay', () => {
  it.each([
    ['encoder.layer.0.output.adapters.run.adapter_down.0.bias', false],
    ['encoder.layer.0.output.adapters.run.adapter_down.0.weight', true],
    ['encoder.layer.0.output.adapters.run.adapter_norm_before.weight', false],
    ['encoder.layer.0.output.LayerNorm.weight', false],
    ['transformer.layer.3.sa_layer_norm.weight', false],
    ['h.0.ln_1.weight', false],
    ['ln_f.weight', false],
    ['h.0.mlp.c_fc.weight', true],
    ['heads.run.1.bias', false],
    ['heads.run.1.weight', true],
  ])('of %s: decays %s', (name, decays) => {
    const all = [spec(name, 'backbone')]
    const exempt = parameterRules({ groupLearningRates: {}, decayExempt: true }, 1e-3, all)
    const plain = parameterRules({ groupLearningRates: {}, decayExempt: false }, 1e-3, all)
    expect(exempt(spec(name, 'backbone')).decays).toBe(decays)
    expect(plain(spec(name, 'backbone')).decays).toBe(true)
  })
})
