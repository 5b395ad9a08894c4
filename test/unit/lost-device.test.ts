import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { graphicsAdapterName } from '../../main/engines/tfjs-backends.ts'
import { createWorkbench, type Workbench } from '../../main/services/index.ts'
import { forkTrainer } from '../../main/services/trainer-process.ts'
import type { RunDetail } from '../../preload/contract.ts'
import { isComplete } from '../complete.ts'
import { removeHome } from '../fixtures/runs-home.ts'
import { makeModelFolder } from '../fixtures/tiny-model.ts'
import { wordRows } from '../fixtures/training-run.ts'
import { useSoftwareVulkan } from '../software-vulkan.ts'

await useSoftwareVulkan()

const losingTrainer = fileURLToPath(new URL('../fixtures/losing-trainer.ts', import.meta.url))
const assets = fileURLToPath(new URL('../../assets', import.meta.url))

let home: string
let workbench: Workbench
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'workbench-lost-'))
  workbench = await createWorkbench({
    ...{ home, assets },
    host: 'server',
    spawnTrainer: forkTrainer(losingTrainer),
  })
})
afterEach(async () => {
  await workbench.close()
  removeHome(home)
})

/** Trains on rows that have one length, so that few shaders are compiled, and resolves when the run has ended. */
async function trained(engine: object): Promise<RunDetail> {
  await makeModelFolder(join(home, 'model'))
  const model = await workbench.invoke('models.add', { folder: join(home, 'model') })
  const rows = wordRows().map(({ text, label }) => `${label}\t${text.split(' ').slice(0, 4).join(' ')}`)
  writeFileSync(join(home, 'words.tsv'), `label\ttext\n${rows.join('\n')}\n`)
  const dataset = await workbench.invoke('datasets.import', { files: [{ path: join(home, 'words.tsv') }] })
  const { id } = await workbench.invoke('runs.start', {
    modelId: model.id,
    datasetId: dataset.id,
    method: { name: 'seq_bn', options: { reduction_factor: 4 } },
    training: { epochs: 2, batchSize: 8, learningRate: 5e-3, maximumLength: 16, checkpointSteps: 3 },
    engine: { threads: 1, cacheMegabytes: 0, ...engine },
  })
  await new Promise<void>((resolve) => {
    const stop = workbench.subscribe('run.changed', (run) => {
      if (run.id !== id || !['finished', 'failed'].includes(run.status)) return
      stop()
      resolve()
    })
  })
  return workbench.invoke('runs.get', { id })
}

async function lossesOf({ id }: RunDetail): Promise<number[]> {
  const [series] = await workbench.invoke('runs.metrics', { id, names: ['train.loss'] })
  return [...(series?.values ?? [])]
}

if ((await graphicsAdapterName()) === undefined) {
  it('loses a graphics device, or is left out where there is none', () => {
    if (isComplete) throw new Error('npm run setup:test brings one in software')
  })
} else {
  describe('a run whose graphics device is lost', { timeout: 300_000 }, () => {
    const onWebgpu = { engine: 'tensorflow', device: 'webgpu' }

    it('goes on from its checkpoint on cpu, and ends as one that was there all the time', async () => {
      const run = await trained({ ...onWebgpu, fallbackToCpu: true })
      expect(run.error).toBeUndefined()
      expect(run.status).toBe('finished')
      expect(run.environment).toMatchObject({
        engine: 'onnxruntime',
        device: 'cpu',
        failedDevice: {
          ...onWebgpu,
          savedStep: expect.toSatisfy((step: number) => step > 0) as number,
          reason: expect.stringMatching(
            /^tensorflow on webgpu failed in a run: the device was lost/,
          ) as string,
        },
      })
      expect(run.backboneUnchanged).toBe(true)
      const losses = await lossesOf(run)
      const whole = await workbench.invoke('runs.start', {
        ...run.config,
        name: 'whole',
        engine: { ...run.config.engine, engine: 'onnxruntime', device: 'cpu' },
      })
      await new Promise<void>((resolve) => {
        workbench.subscribe(
          'run.changed',
          ({ id, status }) => void (id === whole.id && status === 'finished' && resolve()),
        )
      })
      const detail = await workbench.invoke('runs.get', { id: whole.id })
      const expected = await lossesOf(detail)
      expect(losses).toHaveLength(expected.length)
      expected.forEach((loss, step) => expect(losses[step], `step ${step + 1}`).toBeCloseTo(loss, 3))
      expect(run.best?.value).toBeCloseTo(detail.best?.value ?? Number.NaN, 2)
    })

    it('ends with what to do where that is not allowed', async () => {
      const run = await trained(onWebgpu)
      expect(run.status).toBe('failed')
      expect(run.resumable).toBe(true)
      expect(run.error).toMatch(
        /the device was lost.*lower batch size or maximum length.*can be resumed on cpu/,
      )
    })
  })
}
