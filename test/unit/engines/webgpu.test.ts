import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'

import { describe, expect, it } from 'vitest'

import { openDevice, openEngine } from '../../../main/engines/devices.ts'
import { graphicsAdapterName } from '../../../main/engines/tfjs-backends.ts'
import { describeEnvironment } from '../../../main/training/environment.ts'
import { verifyOn } from '../../../main/verify.ts'
import { isComplete } from '../../complete.ts'
import { expectReadings, readHalf } from '../../fixtures/half-readings.ts'
import { useSoftwareVulkan } from '../../software-vulkan.ts'
import { cases, compareOn, feedsOf, graphOf } from '../graph/operation-cases.ts'
import { interpret } from '../graph/reference.ts'

await useSoftwareVulkan()
const adapter = await graphicsAdapterName()

if (adapter !== undefined) {
  describe.each(['onnxruntime', 'tensorflow'] as const)('%s on webgpu', async (name) => {
    const engine = await openDevice({ engine: name, device: 'webgpu' }, 0)
    it.each(cases)('$name', async (operation) => {
      const { graph, values, weights } = graphOf(operation)
      const feeds = feedsOf(operation, values, weights)
      await compareOn(engine, graph, feeds, interpret(graph, feeds))
    })
  })

  it('tensorflow on webgpu tells a run which card it is, measured or not', async () => {
    const opened = await openEngine({ engine: 'tensorflow', device: 'webgpu', threads: 0 }, tmpdir())
    expect(describeEnvironment(opened)).toMatchObject({ device: 'webgpu', hardware: adapter })
  })

  describe('onnxruntime on webgpu', () => {
    it('says of half precision what the adapter says, and reads a matrix that is stored so', async () => {
      const engine = await openDevice({ engine: 'onnxruntime', device: 'webgpu' }, 0)
      const found = await globalThis.navigator.gpu.requestAdapter()
      const compute = await engine.computesHalf?.()
      expect(compute).toBe(found?.features.has('shader-f16'))
      expectReadings(await readHalf(engine, compute === true), compute ? 0.05 : 1e-4)
    })
  })

  // A shader is compiled for every operation and shape, which takes long on a processor.
  it.each(['onnxruntime', 'tensorflow'])(
    '%s trains there as the reference library does',
    { timeout: 300_000 },
    async (name) => {
      const folder = fileURLToPath(new URL('../../golden/cases/bert_seq_bn', import.meta.url))
      expect(await verifyOn(folder, name, 'webgpu')).toMatchObject({ ok: true, problems: [] })
    },
  )
} else {
  const reason = 'no graphics adapter was found; add one in software with: npm run setup:test'
  if (!isComplete) console.warn(`left out webgpu: ${reason}`)
  it('computes on webgpu, or is left out', () => {
    if (isComplete) throw new Error(reason)
  })
}
