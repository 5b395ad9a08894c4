import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { openCheckpoint } from '../../../main/models/checkpoint/index.ts'
import { readSafetensors, writeSafetensors } from '../../../main/models/checkpoint/safetensors.ts'
import { loadBackbone } from '../../../main/models/weights.ts'
import { convertAdapter } from '../../../main/training/convert.ts'
import type { ConvertJob, JobAdapter } from '../../../main/training/messages.ts'
import { readStoredAdapters } from '../../../main/training/stored-adapters.ts'
import { run, trainingFolderForEachTest } from '../../fixtures/training-run.ts'

const folder = trainingFolderForEachTest()

async function trained(method: string, options: Record<string, unknown> = {}): Promise<JobAdapter> {
  const job = folder.jobFor(method, { method, options, training: { epochs: 1 } })
  const { result } = await run(job)
  const part = result?.parts.find(({ kind }) => kind === 'adapter')
  return { id: 'x', name: 'run', method: part?.method ?? job.config.method, file: part?.path ?? '' }
}

const jobFor = (adapter: JobAdapter, to: ConvertJob['to'], target: string): ConvertJob => ({
  modelFolder: join(folder.path, 'model'),
  adapter,
  to,
  target: join(folder.path, target),
})

describe('an ejected prefix', () => {
  it('is an adapter of its own without a network, which can be read again', async () => {
    const adapter = await trained('prefix_tuning', { prefix_length: 3, bottleneck_size: 8 })
    const job = jobFor(adapter, 'ejected', 'flat.safetensors')
    const { method, parameters } = await convertAdapter(job)
    expect(method).toEqual({ name: 'prefix_tuning_flat', options: { prefix_length: 3 } })
    expect(parameters).toBe(3 * 2 * 2 * 32)
    const checkpoint = await openCheckpoint(job.modelFolder)
    const { config } = await loadBackbone(checkpoint)
    const read = await readStoredAdapters([{ ...adapter, method, file: job.target }], config)
    expect([...read.values.keys()]).toEqual(['prefix_tuning.prefix_tunings.run.self_prefix.control_trans'])
    await checkpoint.close()
  })

  it('is refused for an adapter without one', async () => {
    const job = jobFor(await trained('seq_bn'), 'ejected', 'flat.safetensors')
    await expect(convertAdapter(job)).rejects.toThrow(/seq_bn has no network/)
  })
})

describe('a merged adapter', () => {
  it('is a model that differs in the weights that the adapter changes, and opens as any other', async () => {
    const job = jobFor(await trained('lora', { r: 2 }), 'merged', 'merged')
    await convertAdapter(job)
    const [before, after] = [await openCheckpoint(job.modelFolder), await openCheckpoint(job.target)]
    expect((await loadBackbone(after)).config).toEqual((await loadBackbone(before)).config)
    const changed: string[] = []
    for (const name of before.tensors.keys()) {
      const [old, merged] = [await before.read(name), await after.read(name)]
      if (old.some((value, i) => value !== merged[i])) changed.push(name)
    }
    expect(changed).toEqual(
      [0, 1].flatMap((layer) =>
        ['query', 'value'].map((part) => `bert.encoder.layer.${layer}.attention.self.${part}.weight`),
      ),
    )
    await before.close()
    await after.close()
  })

  it('is one that transformers reads: marked as its format, float32, without tensors that are no weights', async () => {
    const job = jobFor(await trained('ia3'), 'merged', 'merged')
    const weights = join(job.modelFolder, 'model.safetensors')
    const checkpoint = await openCheckpoint(job.modelFolder)
    const tensors = await Promise.all(
      Array.from(checkpoint.tensors.values(), async ({ name, shape }) => {
        return { name, shape, data: await checkpoint.read(name) }
      }),
    )
    await checkpoint.close()
    const positions = { name: 'bert.embeddings.position_ids', shape: [2], data: new BigInt64Array([0n, 1n]) }
    await writeSafetensors(weights, [...tensors, positions])
    const configFile = join(job.modelFolder, 'config.json')
    const config = JSON.parse(readFileSync(configFile, 'utf8')) as object
    writeFileSync(configFile, JSON.stringify({ ...config, torch_dtype: 'float16' }))

    await convertAdapter(job)
    const merged = await readSafetensors(join(job.target, 'model.safetensors'))
    expect(merged.metadata).toEqual({ format: 'pt' })
    expect([...merged.tensors.keys()].toSorted()).toEqual(tensors.map(({ name }) => name).toSorted())
    await merged.close()
    expect(JSON.parse(readFileSync(join(job.target, 'config.json'), 'utf8'))).toEqual({
      ...config,
      torch_dtype: 'float32',
    })
  })

  it('does not overwrite a folder that holds something', async () => {
    const job = jobFor(await trained('ia3'), 'merged', 'full')
    mkdirSync(job.target)
    writeFileSync(join(job.target, 'notes.txt'), 'mine')
    await expect(convertAdapter(job)).rejects.toThrow(/is not empty/)
  })

  it('is refused for an adapter that adds layers', async () => {
    await expect(convertAdapter(jobFor(await trained('seq_bn'), 'merged', 'm'))).rejects.toThrow(
      /only LoRA and IA3/,
    )
  })
})
