import { describe, expect, it } from 'vitest'

import { classificationHead } from '../../../main/adapters/head.ts'
import type { PreparedMethod } from '../../../main/adapters/method.ts'
import { sizeOf } from '../../../main/graph/index.ts'
import { evaluationGraph, trainingGraph } from '../../../main/training/graphs.ts'
import { tunedModel } from '../../../main/training/tuned-model.ts'
import { compute, difference, prepared, randomValues, smallConfig } from '../../fixtures/computed.ts'

const pool = 'prefix_tuning.prefix_tunings.a.self_prefix'

describe('prefix tuning', () => {
  it('trains a table and a network that makes keys and values of all layers', () => {
    const { parameters } = prepared('prefix_tuning', { prefix_length: 5, bottleneck_size: 7 })
    expect(parameters.map(({ name, shape }) => [name, shape])).toEqual([
      [`${pool}.wte.weight`, [5, 24]],
      [`${pool}.control_trans.0.weight`, [7, 24]],
      [`${pool}.control_trans.0.bias`, [7]],
      [`${pool}.control_trans.2.weight`, [2 * 3 * 24, 7]],
      [`${pool}.control_trans.2.bias`, [2 * 3 * 24]],
    ])
  })

  it('begins as PyTorch’s embedding and linear layers do', () => {
    const { parameters } = prepared('prefix_tuning', { bottleneck_size: 7 })
    const uniform = (fanIn: number) => ({ kind: 'kaiming-uniform', fanIn })
    expect(parameters.map(({ initialization }) => initialization)).toEqual([
      { kind: 'normal', deviation: 1 },
      uniform(24),
      uniform(24),
      uniform(7),
      uniform(7),
    ])
  })

  it('counts only the layers that have a prefix', () => {
    const { parameters } = prepared('prefix_tuning_flat', { prefix_length: 5, leave_out: [0] })
    expect(parameters.map(({ name, shape }) => [name, sizeOf(shape)])).toEqual([
      [`${pool}.control_trans`, 5 * 2 * 2 * 24],
    ])
  })

  it('puts into each layer its own keys and values, and into a layer left out none', async () => {
    const length = 4
    const values = (leaveOut: number[]) => {
      const layers = [0, 1, 2].filter((layer) => !leaveOut.includes(layer))
      const all = randomValues('all', [length, 6, 24])
      // Of `[length, 2 · layers, hidden]` those of the layers that are there, in order.
      const kept = layers.flatMap((layer) => [2 * layer, 2 * layer + 1])
      return Float32Array.from(
        Array.from({ length }, (_, position) =>
          kept.flatMap((row) => [...all.subarray((position * 6 + row) * 24, (position * 6 + row + 1) * 24)]),
        ).flat(),
      )
    }
    const run = (leaveOut: number[]) =>
      compute(prepared('prefix_tuning_flat', { prefix_length: length, leave_out: leaveOut }), {
        values: (name) => (name.endsWith('.control_trans') ? values(leaveOut) : undefined),
      })
    const [all, withoutLast, plain] = [await run([]), await run([2]), await compute(prepared('head'))]
    expect(difference(all['hidden.2'], withoutLast['hidden.2'])).toBe(0)
    expect(difference(all['hidden.3'], withoutLast['hidden.3'])).toBeGreaterThan(1e-4)
    expect(difference((await run([0]))['hidden.1'], plain['hidden.1'])).toBe(0)
  })

  it('lets each text’s gate decide how much of it is let through', async () => {
    const gated = prepared('prefix_tuning', { use_gating: true })
    const gate = 'encoder.layer.0.attention.self.prefix_tuning.prefix_gates.a'
    const shapes = (method: PreparedMethod) =>
      method.parameters.filter(({ name }) => name.startsWith(gate)).map(({ shape }) => shape)
    expect(shapes(gated)).toEqual([[1, 24], [1]])
    expect(shapes(prepared('prefix_tuning', { use_gating: true, shared_gating: false }))).toEqual([
      [2, 24],
      [2],
    ])
    const open = await compute(gated, {
      values: (name, shape) =>
        name.includes('prefix_gates') && name.endsWith('bias')
          ? randomValues(name, shape).fill(100)
          : undefined,
    })
    const plain = await compute(prepared('prefix_tuning'))
    expect(difference(open['logits'], plain['logits'])).toBeLessThan(1e-6)
    expect(difference((await compute(gated))['logits'], plain['logits'])).toBeGreaterThan(1e-4)
  })

  it('drops keys and values of each example by themselves while training, and only then', () => {
    const model = tunedModel(smallConfig, prepared('prefix_tuning', { dropout: 0.2, prefix_length: 5 }), [
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
    const { drawn } = trainingGraph(model, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 1 })
    expect(drawn.map(({ shape }) => shape)).toEqual(Array(6).fill(['batch', 3, 5, 8]))
    expect(evaluationGraph(model).drawn).toEqual([])
  })

  it.each([
    [{ prefix_length: 0 }, /prefix_length/],
    [{ bottleneck_size: 0 }, /bottleneck_size/],
    [{ leave_out: [0, 1, 2] }, /"leave_out" names every layer/],
    [{ leave_out: [3] }, /"leave_out" names layer 3/],
    [{ non_linearity: 'swoosh' }, /non_linearity/],
    [{ encoder_prefix: true }, /encoder_prefix/],
  ])('refuses %j with a sentence', (options, sentence) => {
    expect(() => prepared('prefix_tuning', options)).toThrow(sentence)
  })
})
