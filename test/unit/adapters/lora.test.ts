import { describe, expect, it } from 'vitest'

import { classificationHead } from '../../../main/adapters/head.ts'
import { mergeAdapter } from '../../../main/adapters/merge.ts'
import type { PreparedMethod } from '../../../main/adapters/method.ts'
import { sizeOf } from '../../../main/graph/index.ts'
import { backboneTensors } from '../../../main/models/weights.ts'
import { evaluationGraph, trainingGraph } from '../../../main/training/graphs.ts'
import { tunedModel } from '../../../main/training/tuned-model.ts'
import {
  compute,
  difference,
  prepared,
  randomValues,
  smallConfig,
  smallConfigs,
} from '../../fixtures/computed.ts'

const { gpt2 } = smallConfigs

const count = ({ parameters }: PreparedMethod): number =>
  parameters.reduce((total, { shape }) => total + sizeOf(shape), 0)

const everywhere = {
  attn_matrices: ['q', 'k', 'v'],
  intermediate_lora: true,
  output_lora: true,
}

describe('LoRA', () => {
  it('trains two thin matrices for queries and values of each layer', () => {
    expect(count(prepared('lora'))).toBe(3 * 2 * 2 * 24 * 8)
    expect(count(prepared('lora', { r: 2, leave_out: '0,2' }))).toBe(2 * 2 * 24 * 2)
    const { parameters } = prepared('lora', {
      r: 2,
      attn_matrices: 'k',
      intermediate_lora: true,
      leave_out: [1, 2],
    })
    expect(parameters.map(({ name, shape }) => [name, shape])).toEqual([
      ['encoder.layer.0.attention.self.key.loras.a.lora_A', [2, 24]],
      ['encoder.layer.0.attention.self.key.loras.a.lora_B', [24, 2]],
      ['encoder.layer.0.intermediate.dense.loras.a.lora_A', [2, 24]],
      ['encoder.layer.0.intermediate.dense.loras.a.lora_B', [36, 2]],
    ])
  })

  it('counts its change alpha / r', async () => {
    const strong = await compute(prepared('lora', { r: 2, alpha: 8 }))
    const enlarged = await compute(prepared('lora', { r: 2, alpha: 2 }), {
      values: (name, shape) =>
        name.endsWith('lora_B') ? randomValues(name, shape).map((value) => 4 * value) : undefined,
    })
    expect(difference(strong['logits'], enlarged['logits'])).toBeLessThan(1e-5)
    const weak = await compute(prepared('lora', { r: 2, alpha: 2 }))
    expect(difference(strong['logits'], weak['logits'])).toBeGreaterThan(1e-3)
  })

  it('lets a gate take the place of alpha', async () => {
    const gated = prepared('lora', { use_gating: true, alpha: 8 })
    const other = prepared('lora', { use_gating: true, alpha: 1 })
    expect(difference((await compute(gated))['logits'], (await compute(other))['logits'])).toBe(0)
    const open = await compute(gated, {
      values: (name, shape) => (name.endsWith('gate.bias') ? randomValues(name, shape).fill(100) : undefined),
    })
    expect(difference(open['logits'], (await compute(prepared('lora')))['logits'])).toBeLessThan(1e-6)
  })

  it('drops what it reads while training, and only then', () => {
    const model = tunedModel(smallConfig, prepared('lora', { dropout: 0.1 }), [
      {
        name: 'task',
        head: classificationHead(
          { layers: 1, activation: 'tanh', pooling: 'first', dropout: 0 },
          smallConfig,
          2,
          'task',
        ),
        labels: 2,
      },
    ])
    const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 1 }
    const { drawn } = trainingGraph(model, optimizer, { cutLastLayer: false })
    expect(drawn.length).toBe(6)
    expect(drawn.every(({ draw }) => draw.kind === 'dropout' && draw.rate === 0.1)).toBe(true)
    expect(evaluationGraph(model).drawn).toEqual([])
  })

  it.each([
    [{ r: 0 }, /"r"/],
    [{ alpha: 0 }, /"alpha": must be above 0/],
    [{ attn_matrices: ['q', 'x'] }, /must be one or more of q, k, v/],
    [{ leave_out: [3] }, /"leave_out" names layer 3; this model has the layers 0 to 2/],
    [{ leave_out: [0, 1, 2] }, /"leave_out" names every layer/],
    [{ selfattn_lora: false }, /nothing to change/],
    [{ attn_matrices: [] }, /nothing to change/],
    [{ composition_mode: 'scale' }, /"scale" needs r = 1, not 8/],
    [{ composition_mode: 'scale', r: 1, dropout: 0.1 }, /"scale" has no dropout/],
    [{ composition_mode: 'scale', r: 1 }, /multiplying by 0; choose "ia3"/],
    [{ rank: 4 }, /lora has no option "rank"; it has r, alpha, dropout,/],
  ])('refuses %j with a sentence', (options, sentence) => {
    expect(() => prepared('lora', options)).toThrow(sentence)
  })
})

describe('an adapter merged into the backbone', () => {
  it.each([
    ['bert', 'lora', { r: 4, alpha: 16, ...everywhere }, smallConfig],
    ['bert', 'lora', { leave_out: [1] }, smallConfig],
    ['bert', 'ia3', { output_lora: true, alpha: 2 }, smallConfig],
    ['gpt2', 'lora', { r: 2, ...everywhere }, gpt2],
    ['gpt2', 'lora', { r: 2, attn_matrices: ['k'] }, gpt2],
    ['gpt2', 'ia3', {}, gpt2],
    ['gpt2', 'ia3', { alpha: 2 }, gpt2],
  ])('computes in %s what it computed beside it: %s %j', async (_, name, options, config) => {
    const method = prepared(name, options, { config })
    const shapes = new Map(
      [...method.parameters, ...backboneTensors(config)].map((tensor) => [tensor.name, tensor.shape]),
    )
    const values = (tensor: string): Float32Array => randomValues(tensor, shapes.get(tensor) ?? [])
    const merged = await mergeAdapter({ name, options }, config, 'a', {
      backbone: async (tensor) => values(tensor),
      adapter: values,
    })
    expect(merged.size).toBeGreaterThan(0)
    const plain = prepared('head', {}, { config })
    // Every position's, since a causal model's first sees no other.
    const last = `hidden.${config.layers}`
    const apart = (await compute(method, { config }))[last]
    const together = await compute(plain, {
      config,
      values: (tensor) => {
        const found = merged.get(tensor)
        return found && Float32Array.from(found)
      },
    })
    expect(difference(together[last], apart)).toBeLessThan(2e-5)
    expect(difference((await compute(plain, { config }))[last], apart)).toBeGreaterThan(1e-2)
  })

  const nothing = { backbone: async () => new Float32Array(), adapter: () => new Float32Array() }

  it('is refused where a gate depends on the text', async () => {
    const choice = { name: 'lora', options: { use_gating: true } }
    await expect(mergeAdapter(choice, smallConfig, 'a', nothing)).rejects.toThrow(/depends on the text/)
  })

  it('is refused where it is no change of weights', async () => {
    const choice = { name: 'seq_bn', options: {} }
    await expect(mergeAdapter(choice, smallConfig, 'a', nothing)).rejects.toThrow(
      /seq_bn cannot be merged.*only LoRA and IA3/,
    )
  })
})
