import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { beforeEach, describe, expect, it } from 'vitest'

import { openCheckpoint } from '../../../../main/models/checkpoint/index.ts'
import { writeSafetensors } from '../../../../main/models/checkpoint/safetensors.ts'
import { callingPickle, makeZip, tensorPickle } from './torch-fixtures.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  await writeFile(join(folder, 'config.json'), '{"model_type":"bert"}')
})

const write = (name: string, tensor: string, value: number) =>
  writeSafetensors(join(folder, name), [{ name: tensor, shape: [1], data: new Float32Array([value]) }])

const writeTorch = (name: string, tensor: string, value: number) =>
  writeFile(
    join(folder, name),
    makeZip({
      'a/data.pkl': tensorPickle([{ name: tensor, key: '0', elements: 1, shape: [1], strides: [1] }]),
      'a/data/0': new Uint8Array(new Float32Array([value]).buffer),
    }),
  )

const writeIndex = (name: string, map: object) =>
  writeFile(join(folder, name), JSON.stringify({ metadata: {}, weight_map: map }))

async function readAll(): Promise<Record<string, number | undefined>> {
  const checkpoint = await openCheckpoint(folder)
  const values: Record<string, number | undefined> = {}
  for (const name of checkpoint.tensors.keys()) values[name] = (await checkpoint.read(name))[0]
  await checkpoint.close()
  return values
}

describe('openCheckpoint', () => {
  it('reads config.json and model.safetensors, before pytorch_model.bin', async () => {
    await writeTorch('pytorch_model.bin', 'a', 1)
    expect(await readAll()).toEqual({ a: 1 })
    await write('model.safetensors', 'a', 2)
    expect(await readAll()).toEqual({ a: 2 })
    const checkpoint = await openCheckpoint(folder)
    expect(checkpoint.config).toEqual({ model_type: 'bert' })
    expect(checkpoint.tensors.get('a')).toMatchObject({ shape: [1], dtype: 'F32' })
    await checkpoint.close()
  })

  it('reads shards of either kind', async () => {
    await write('model-00001-of-00002.safetensors', 'a', 1)
    await write('model-00002-of-00002.safetensors', 'b', 2)
    await writeIndex('model.safetensors.index.json', {
      a: 'model-00001-of-00002.safetensors',
      b: 'model-00002-of-00002.safetensors',
    })
    expect(await readAll()).toEqual({ a: 1, b: 2 })
    await rm(join(folder, 'model.safetensors.index.json'))
    await writeTorch('pytorch_model-00001-of-00001.bin', 'c', 3)
    await writeIndex('pytorch_model.bin.index.json', { c: 'pytorch_model-00001-of-00001.bin' })
    expect(await readAll()).toEqual({ c: 3 })
  })

  it('says which files are expected when the folder is the wrong one', async () => {
    const expected = /config\.json.*model\.safetensors.*pytorch_model\.bin.*tokenizer\.json/
    await expect(openCheckpoint(folder)).rejects.toThrow(expected)
    await expect(openCheckpoint(folder)).rejects.toThrow(`${folder} holds no weights`)
    await rm(join(folder, 'config.json'))
    await expect(openCheckpoint(folder)).rejects.toThrow(`${folder} holds no config.json`)
    await expect(openCheckpoint(join(folder, 'no'))).rejects.toMatchObject({ code: 'not-found' })
    await expect(openCheckpoint(join(folder, 'no'))).rejects.toThrow(expected)
    await writeFile(join(folder, 'model.safetensors'), '')
    await expect(openCheckpoint(join(folder, 'model.safetensors'))).rejects.toThrow(
      /is a file; name the folder/,
    )
  })

  it('names the file that is damaged', async () => {
    await writeFile(join(folder, 'model.safetensors'), 'short')
    await expect(openCheckpoint(folder)).rejects.toThrow(join(folder, 'model.safetensors'))
    await writeFile(join(folder, 'config.json'), '{')
    await expect(openCheckpoint(folder)).rejects.toThrow(`${join(folder, 'config.json')} is not JSON`)
  })

  it('reads a config.json with a byte order mark', async () => {
    await write('model.safetensors', 'a', 1)
    await writeFile(join(folder, 'config.json'), '\ufeff{"model_type":"bert"}')
    const checkpoint = await openCheckpoint(folder)
    expect(checkpoint.config).toEqual({ model_type: 'bert' })
    await checkpoint.close()
  })

  it.each(['model.safetensors', 'pytorch_model.bin'])(
    'knows a %s that Git LFS has not fetched',
    async (name) => {
      const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n'
      await writeFile(join(folder, name), pointer)
      await expect(openCheckpoint(folder)).rejects.toThrow(`${join(folder, name)} is a Git LFS pointer`)
    },
  )

  it('refuses a pytorch_model.bin whose pickle calls code', async () => {
    const zip = makeZip({ 'a/data.pkl': callingPickle('os', 'system', 'exit 1') })
    await writeFile(join(folder, 'pytorch_model.bin'), zip)
    await expect(openCheckpoint(folder)).rejects.toThrow(/pytorch_model\.bin is not read: .*"os\.system"/)
  })

  it('refuses an index that names shards elsewhere, missing, or without the tensor', async () => {
    const index = (map: object) => writeIndex('model.safetensors.index.json', map)
    await index({ a: '../other.safetensors' })
    await expect(openCheckpoint(folder)).rejects.toThrow(/names the shard "\.\.\/other\.safetensors"/)
    await index({ a: 'shard.safetensors' })
    await expect(openCheckpoint(folder)).rejects.toThrow(
      `${join(folder, 'shard.safetensors')} does not exist`,
    )
    await write('shard.safetensors', 'b', 1)
    await expect(openCheckpoint(folder)).rejects.toThrow('says that shard.safetensors holds tensor "a"')
    await writeFile(join(folder, 'model.safetensors.index.json'), '{}')
    await expect(openCheckpoint(folder)).rejects.toThrow('names no shards')
  })
})
