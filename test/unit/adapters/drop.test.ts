import { describe, expect, it } from 'vitest'

import { wholeMethod } from '../../../main/adapters/method.ts'
import { countOperations, nodesFor } from '../../../main/graph/index.ts'
import { evaluationGraph, trainingGraph } from '../../../main/training/graphs.ts'
import { measured, numbers, run, trainingFolderForEachTest, type Heard } from '../../fixtures/training-run.ts'
import { prepared } from '../../fixtures/computed.ts'
import { tunedPass } from '../../fixtures/tuned-pass.ts'

const folder = trainingFolderForEachTest()

const options = { reduction_factor: 4 }
const short = { epochs: 2 }

describe('robust AdapterDrop', () => {
  it('that never drops is a plain adapter, to the last bit', async () => {
    const plain = await run(folder.jobFor('plain', { options, training: short }))
    const robust = await run(
      folder.jobFor('robust', {
        method: 'adapter_drop_robust',
        options: { ...options, dropped_from: 0, dropped_to: 0 },
        training: short,
      }),
    )
    expect(measured(robust)).toEqual(measured(plain))
  })

  it('that drops at random learns, resumes as if it had not stopped, and shows its curve', async () => {
    const overrides = { method: 'adapter_drop_robust', options, training: { epochs: 12 } }
    const whole = await run(folder.jobFor('whole', overrides))
    const job = folder.jobFor('parted', overrides)
    await run(job, (points) => (points.has('train.loss@13') ? 'pause' : undefined))
    const rest = await run({ ...job, resume: true })
    expect(numbers(rest).result).toEqual(numbers(whole).result)
    expect(whole.result?.test?.accuracy).toBeGreaterThan(0.9)
    const curve = whole.result?.analysis.dropCurve ?? []
    expect(curve.map(({ droppedLayers }) => droppedLayers)).toEqual([0, 1, 2])
    expect(curve[0]?.scores.accuracy).toBe(whole.result?.validation.accuracy)
    expect(curve.every(({ msPerExample }) => msPerExample > 0)).toBe(true)
  })

  it.each([
    [{ dropped_from: 1, dropped_to: 3 }, [1, 2, 3]],
    [{ dropped_from: 1 }, [1, 2]],
    [{}, [0, 1, 2]],
  ])('draws every number of layers in its range, and none outside: %j', (range, layers) => {
    const { draw } = prepared('adapter_drop_robust', range)
    const drawn = Array.from(
      { length: 24 },
      (_, i) => draw?.(() => Float32Array.of(i / 24), 8).variant.droppedLayers ?? 0,
    )
    expect([...new Set(drawn)]).toEqual(layers)
  })

  it('computes no backward pass below the layers that a batch drops', async () => {
    const { movedByStep, close } = await tunedPass(
      folder.jobFor('robust', {
        method: 'adapter_drop_robust',
        options: { ...options, dropped_from: 1, dropped_to: 1 },
      }),
    )
    const moved = (await movedByStep()).map(({ name }) => name)
    expect(moved.some((name) => name.includes('layer.1.'))).toBe(true)
    expect(moved.some((name) => name.includes('layer.0.'))).toBe(false)
    await close()
  })
})

describe('a training step', () => {
  it('costs less the more layers it drops: neither their adapters nor a backward pass through them', async () => {
    const { prepared: own, close } = await tunedPass(
      folder.jobFor('robust', { method: 'adapter_drop_robust', options }),
    )
    const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 1 }
    const costs = [0, 1, 2].map((droppedLayers) => {
      const readings = [{ task: 0, variant: { droppedLayers } }]
      const { graph } = trainingGraph(own.model, optimizer, { readings })
      return countOperations(nodesFor(graph, graph.outputs.values()), { batch: 8, sequence: 16 })
    })
    const [all = 0, one = 0, none = 0] = costs
    const { graph: forward } = evaluationGraph(own.model)
    const plain = countOperations(nodesFor(forward, forward.outputs.values()), { batch: 8, sequence: 16 })
    // An adapter forward and backward is an eighth of that: the rest is the gradient through the layer above it.
    expect(all - one).toBeGreaterThan(0.2 * plain)
    // With no adapter left there is no backward pass but the head's.
    expect(none).toBeLessThan(1.1 * plain)
    await close()
  })
})

describe('specialised AdapterDrop', () => {
  it('with no adapter left is the backbone with its head', async () => {
    const dropped = await run(
      folder.jobFor('dropped', {
        method: 'adapter_drop',
        options: { ...options, dropped_layers: 2 },
        training: short,
      }),
    )
    const head = await run(folder.jobFor('head', { method: 'head', training: short }))
    expect(measured(dropped)).toEqual(measured(head))
  })

  it('trains only the adapters above, and its curve begins there', async () => {
    const { result, messages } = await run(
      folder.jobFor('half', {
        method: 'adapter_drop',
        options: { ...options, dropped_layers: 1 },
        training: short,
      }),
    )
    const plain = await run(folder.jobFor('plain', { options, training: { epochs: 1 } }))
    const count = (heard: Heard['messages']) => heard.find(({ type }) => type === 'started')
    expect(count(messages)).not.toEqual(count(plain.messages))
    expect(result?.analysis.dropCurve?.map(({ droppedLayers }) => droppedLayers)).toEqual([1, 2])
  })
})

describe('dropping all layers of a trained adapter', () => {
  const methods = ['seq_bn', 'double_seq_bn', 'par_bn', 'lora', 'ia3', 'prefix_tuning_flat', 'mam']
  it.each(methods)('of %s leaves the backbone’s own output', async (method) => {
    const adapter = await tunedPass(folder.jobFor('adapter', { method }))
    const head = await tunedPass(folder.jobFor('head', { method: 'head' }))
    const bare = await head.logits(wholeMethod)
    expect(await adapter.logits({ task: 0, variant: { droppedLayers: 2 } })).toEqual(bare)
    expect(await adapter.logits(wholeMethod)).not.toEqual(bare)
    await adapter.close()
    await head.close()
  })
})

describe('options of AdapterDrop that are not usable', () => {
  it.each([
    ['adapter_drop', { dropped_layers: 3 }, /dropped_layers.*3.*2 layers/],
    ['adapter_drop', { dropped_layers: 1.5 }, /dropped_layers/],
    ['adapter_drop_robust', { dropped_to: 9 }, /dropped_to.*9.*2 layers/],
    ['adapter_drop_robust', { dropped_from: 2, dropped_to: 1 }, /dropped_from.*2.*more than the 1/],
    ['adapter_drop_robust', { inv_adapter: 'nice' }, /inv_adapter/],
  ])('%s %j', async (method, wrong, message) => {
    await expect(run(folder.jobFor('wrong', { method, options: wrong }))).rejects.toThrow(message)
  })
})
