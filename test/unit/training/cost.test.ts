import { describe, expect, it } from 'vitest'

import { HeadChoice, type GraphCost } from '../../../preload/contract.ts'
import { classificationHead } from '../../../main/adapters/head.ts'
import { findMethod } from '../../../main/adapters/registry.ts'
import { sizeOf } from '../../../main/graph/index.ts'
import type { BackboneConfig } from '../../../main/models/config.ts'
import { graphCost } from '../../../main/training/cost.ts'
import { tunedModel } from '../../../main/training/tuned-model.ts'

const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 1 }
const tiny: BackboneConfig = {
  architecture: 'bert',
  layers: 3,
  hiddenSize: 16,
  heads: 4,
  intermediateSize: 32,
  vocabularySize: 50,
  maximumPositions: 64,
  typeVocabularySize: 2,
  layerNormEpsilon: 1e-12,
  activation: 'gelu',
  padTokenId: 0,
  initializerRange: 0.02,
}
const labels = 3
const length = 12

function costOf(
  method: string,
  options: Record<string, unknown> = {},
  { config = tiny, head = {} }: { config?: BackboneConfig; head?: Partial<HeadChoice> } = {},
): GraphCost & { trained: number } {
  const context = { config, adapterName: 'run', tasks: ['run'], adapters: [] }
  const prepared = findMethod(method).prepare(options, context)
  const task = {
    name: 'run',
    labels,
    head: classificationHead(
      HeadChoice.parse({ layers: 1, pooling: 'mean', ...head }),
      config,
      labels,
      'run',
    ),
  }
  const model = tunedModel(config, prepared, [task])
  const trained = model.layout.size
  return { ...graphCost(model, { maximumLength: length, optimizer }), trained }
}

/** BERT's forward pass by hand: products, biases, sums, norms (7 per element), softmax and GELU (5 each). */
function forwardByHand({ layers, hiddenSize: h, intermediateSize: i, heads }: BackboneConfig): number {
  const s = length
  const mask = 2 * s
  const embeddings = 2 * s * h + 7 * s * h
  const attention =
    3 * (2 * s * h * h + s * h) + 2 * 2 * s * s * h + (1 + 5) * heads * s * s + 2 * s * h * h + s * h
  const feedForward = 2 * s * h * i + s * i + 5 * s * i + 2 * s * i * h + s * h
  const sumsAndNorms = 2 * (s * h + 7 * s * h)
  // Products and their sum, the number of tokens, which is made 1 at least, and the quotient.
  const pooled = 2 * s * h + (s + 1) + h
  const head = 2 * h * labels + labels
  const loss = 7 * labels + 4
  return mask + embeddings + layers * (attention + feedForward + sumsAndNorms) + pooled + head + loss
}

describe('graphCost', () => {
  it('counts the forward pass of a BERT as a hand count does', () => {
    expect(costOf('head').forwardFlops).toBe(forwardByHand(tiny))
  })

  it('counts of a bottleneck adapter its two products, biases, activation and sums', () => {
    const width = 4
    const { hiddenSize: h, layers } = tiny
    // A residual sum, and the sum and norm after it, which the block without an adapter has once.
    const adapter =
      2 * 2 * length * h * width + 2 * length * width + length * h + 2 * length * h + 7 * length * h
    expect(costOf('seq_bn', { reduction_factor: h / width }).forwardFlops - costOf('head').forwardFlops).toBe(
      layers * adapter,
    )
  })

  it('has hardly any backward pass where the head alone is trained, and keeps nothing of the layers', () => {
    const { forwardFlops, backwardFlops, activationBytes, trained } = costOf('head')
    // The weights' gradient, and per trained number the optimizer's operations.
    expect(backwardFlops).toBeGreaterThan(2 * tiny.hiddenSize * labels + 10 * trained)
    expect(backwardFlops).toBeLessThan(0.05 * forwardFlops)
    expect(activationBytes).toBeLessThan(4 * (tiny.hiddenSize + 10 * labels))
  })

  it('goes back no further than the lowest layer that has an adapter', () => {
    const everywhere = costOf('seq_bn', { reduction_factor: 4 })
    const above = costOf('seq_bn', { reduction_factor: 4, leave_out: [0, 1] })
    expect(above.backwardFlops).toBeLessThan(0.3 * everywhere.backwardFlops)
    expect(above.activationBytes).toBeLessThan(0.3 * everywhere.activationBytes)
    expect(above.forwardFlops).toBeLessThan(everywhere.forwardFlops)
  })

  it('goes back about twice as far in full fine-tuning as forward, without the optimizer', () => {
    const full = costOf('full')
    const products = 2 * forwardByHand(tiny)
    const optimizerOperations = 20 * full.trained
    expect(full.backwardFlops).toBeGreaterThan(0.8 * products)
    expect(full.backwardFlops).toBeLessThan(1.5 * products + optimizerOperations)
    expect(full.activationBytes).toBeGreaterThan(costOf('seq_bn', { reduction_factor: 4 }).activationBytes)
  })

  it('leaves the positions out that a head on the first token does not read', () => {
    const cut = costOf('head', {}, { head: { pooling: 'first' } })
    expect(cut.forwardFlops).toBeLessThan(0.8 * costOf('head').forwardFlops)
  })

  it('knows the cost of a twelve-layer model', () => {
    const base = {
      ...tiny,
      layers: 12,
      hiddenSize: 768,
      heads: 12,
      intermediateSize: 3072,
      vocabularySize: 30522,
    }
    const { forwardFlops, trained } = costOf('seq_bn', {}, { config: base })
    expect(forwardFlops).toBeGreaterThan(2 * length * 85_000_000)
    expect(trained).toBe(12 * (2 * 768 * 48 + 768 + 48) + sizeOf([labels, 768]) + labels)
  })
})
