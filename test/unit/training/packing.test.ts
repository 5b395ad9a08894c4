import { describe, expect, it } from 'vitest'

import type { Engine } from '../../../main/engines/engine.ts'
import { keptStepGraphs, packsWeights } from '../../../main/training/packing.ts'
import { smallConfig } from '../../fixtures/computed.ts'

const gigabyte = 2 ** 30
const base = { ...smallConfig, layers: 12, hiddenSize: 768, intermediateSize: 3072 }
const on = (name: Engine['name'], device: string) => ({ name, device }) as Engine

describe('packsWeights', () => {
  it('packs where the copies are a small part of the memory', () => {
    expect(packsWeights(smallConfig, 16, 'float32', gigabyte)).toBe(true)
    // Twice 340 MB.
    expect(packsWeights(base, 1, 'float32', 16 * gigabyte)).toBe(false)
    expect(packsWeights(base, 1, 'float32', 64 * gigabyte)).toBe(true)
  })

  it('counts every graph that is kept, and what a weight takes', () => {
    expect(packsWeights(base, 13, 'float32', 64 * gigabyte)).toBe(false)
    expect(packsWeights(base, 1, 'int8', 16 * gigabyte)).toBe(true)
  })
})

describe('keptStepGraphs', () => {
  it('keeps fewer where each has a copy of the weights on the device', () => {
    const large = 355e6
    expect(keptStepGraphs(on('onnxruntime', 'cpu'), large)).toBe(16)
    expect(keptStepGraphs(on('tensorflow', 'webgpu'), large)).toBe(16)
    expect(keptStepGraphs(on('onnxruntime', 'cuda'), large)).toBe(3)
    expect(keptStepGraphs(on('onnxruntime', 'webgpu'), 3e9)).toBe(2)
    expect(keptStepGraphs(on('onnxruntime', 'webgpu'), 3e6)).toBe(16)
  })
})
