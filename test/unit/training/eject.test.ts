import { describe, expect, it } from 'vitest'

import type { PreparedMethod } from '../../../main/adapters/method.ts'
import { findMethod } from '../../../main/adapters/registry.ts'
import { createOnnxRuntimeEngine } from '../../../main/engines/onnxruntime.ts'
import { ejectPrefix } from '../../../main/training/eject.ts'
import { compute, difference, randomValues, smallConfig } from '../../fixtures/computed.ts'

const engine = createOnnxRuntimeEngine({ threads: 1 })

const prepared = ({ name, options }: { name: string; options: object }): PreparedMethod =>
  findMethod(name).prepare(options, { config: smallConfig, adapterName: 'a', tasks: ['task'], adapters: [] })

describe('a prefix freed of its network', () => {
  it.each([
    ['prefix_tuning', { prefix_length: 5, bottleneck_size: 7, leave_out: [1] }, 'prefix_tuning_flat'],
    [
      'prefix_tuning',
      { non_linearity: 'gelu', use_gating: true, shared_gating: false },
      'prefix_tuning_flat',
    ],
    ['prefix_tuning_flat', { flat: false, prefix_length: 4, bottleneck_size: 5 }, 'prefix_tuning_flat'],
    ['mam', { prefix_length: 4, prefix_bottleneck: 9, adapter_width: 5 }, 'mam'],
    ['unipelt', {}, 'union'],
  ])('computes what it computed with it: %s %j', async (name, options, without) => {
    const method = prepared({ name, options })
    const shapes = new Map(method.parameters.map((spec) => [spec.name, spec.shape]))
    const ejected = await ejectPrefix(engine, { name, options }, smallConfig, 'a', (parameter) => {
      const shape = shapes.get(parameter)
      if (!shape) throw new Error(`${name} has no ${parameter}`)
      return randomValues(parameter, shape)
    })
    expect(ejected.method.name).toBe(without)
    const flat = prepared(ejected.method)
    expect([...ejected.parameters.keys()]).toEqual(flat.parameters.map((spec) => spec.name))
    const values = (parameter: string) => {
      const found = ejected.parameters.get(parameter)
      return found && Float32Array.from(found)
    }
    const [before, after] = [await compute(method), await compute(flat, { values })]
    expect(difference(before['logits'], after['logits'])).toBeLessThan(1e-6)
    const plain = await compute(prepared({ name: 'head', options: {} }))
    expect(difference(before['logits'], plain['logits'])).toBeGreaterThan(1e-3)
  })

  it.each([
    ['prefix_tuning_flat', {}],
    ['prefix_tuning', { flat: true }],
    ['mam', { flat: true }],
    ['union', {}],
    ['seq_bn', {}],
  ])('is refused where there is none: %s %j', async (name, options) => {
    const none = () => new Float32Array()
    await expect(ejectPrefix(engine, { name, options }, smallConfig, 'a', none)).rejects.toThrow(
      /no network to leave out/,
    )
  })
})
