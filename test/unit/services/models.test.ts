import { cpSync, mkdtempSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { RunConfig } from '../../../preload/contract.ts'
import { readSafetensors } from '../../../main/models/checkpoint/safetensors.ts'
import { createEvents } from '../../../main/services/events.ts'
import { createModelService, type ModelHandlers } from '../../../main/services/models.ts'
import { openDatabase, type Database } from '../../../main/store/database.ts'
import { insertRun, removeRun, updateRun } from '../../../main/store/runs.ts'
import { describeWithShared, sharedPath } from '../../shared.ts'
import { callingPickle, makeZip, tensorPickle } from '../models/checkpoint/torch-fixtures.ts'
import { tinyConfig, tinyTensors, writeTinyModel } from '../models/checkpoints.ts'

const assets = fileURLToPath(new URL('../../../assets/', import.meta.url))
const languageModels = fileURLToPath(new URL('../../fixtures/language-models/', import.meta.url))

let home = ''
let database: Database
let models: ModelHandlers
let changed: string[] = []
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'models-'))
  changed = []
  await open()
})
afterEach(() => {
  database.close()
  rmSync(home, { recursive: true, force: true })
})

async function open(): Promise<void> {
  database = openDatabase(join(home, 'workbench.sqlite'))
  const events = createEvents()
  events.subscribe('model.changed', ({ id }) => void changed.push(id))
  models = await createModelService({ database, assets, publish: events.publish })
}

const add = async (folder: string, name?: string) => models['models.add']({ folder, name })
const names = async () => (await models['models.list']({})).map(({ name }) => name)

describe('the encoder that ships with the program', () => {
  it('is always listed, first, under the name that commands know it by', async () => {
    expect(await models['models.list']({})).toMatchObject([
      { id: 'starter', name: 'starter', builtIn: true, layers: 4, hiddenSize: 192, parameters: 3_377_664 },
    ])
    const detail = await models['models.get']({ id: 'starter' })
    expect(detail.tokenizer).toEqual({
      kind: 'WordPiece',
      file: 'tokenizer.json',
      lowercase: true,
      vocabularySize: 8192,
    })
    expect(detail.tensors.find(({ name }) => name === 'cls.predictions.bias')).toEqual({
      name: 'cls.predictions.bias',
      shape: [8192],
      dtype: 'F16',
      usedAs: 'masked-language-model head',
    })
    expect(detail.example.tokens.length).toBeGreaterThan(5)
    expect(detail.example.tokens).not.toContain('[UNK]')
  })

  it('cannot be removed', async () => {
    await expect(async () => models['models.remove']({ id: 'starter' })).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  it('is the same model when the program starts again', async () => {
    const before = await models['models.list']({})
    database.close()
    await open()
    expect(await models['models.list']({})).toEqual(before)
  })
})

describe('a program whose files changed', () => {
  const shipped = () => join(home, 'starter')
  const start = async () => {
    models = await createModelService({ database, assets: home, publish: createEvents().publish })
  }
  const hash = async () => (await models['models.get']({ id: 'starter' })).hash

  it('lists the weights of the new version, also where unpacking kept an old modification time', async () => {
    await writeTinyModel(shipped())
    await start()
    const before = await hash()
    database.prepare(`UPDATE models SET created_at = '2020-01-01T00:00:00.000Z'`).run()
    const newer = tinyTensors().map((tensor) => ({ ...tensor, data: tensor.data.map((value) => value + 1) }))
    await writeTinyModel(shipped(), newer)
    utimesSync(join(shipped(), 'model.safetensors'), new Date('1985-10-26'), new Date('1985-10-26'))
    await start()
    expect(await hash()).not.toBe(before)
  })

  it('keeps the encoder built in when a copy stands in for its lost folder', async () => {
    await writeTinyModel(shipped())
    await start()
    rmSync(shipped(), { recursive: true })
    const copy = await writeTinyModel(join(home, 'copy'))
    expect(await add(copy)).toMatchObject({ id: 'starter', builtIn: true, folder: copy })
  })

  it('says which folder is missing', async () => {
    await expect(start()).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(`${shipped()} does not exist`),
    })
  })
})

describe('models.add', () => {
  it('refers to the folder where it lies and tells what it holds', async () => {
    const folder = await writeTinyModel(join(home, 'tiny'), [
      ...tinyTensors(),
      { name: 'pooler.dense.bias', shape: [4], data: new Float32Array(4) },
    ])
    const model = await add(folder)
    expect(model).toMatchObject({ name: 'tiny', folder, builtIn: false, layers: 2, maximumLength: 16 })
    expect(model.hash).toMatch(/^[0-9a-f]{64}$/)
    expect(changed).toEqual([model.id])
    const detail = await models['models.get']({ id: model.id })
    const uses = new Map(detail.tensors.map(({ name, usedAs }) => [name, usedAs]))
    expect(uses.get('embeddings.word_embeddings.weight')).toBe('backbone')
    expect(uses.get('pooler.dense.bias')).toBe('unused')
    expect(await names()).toEqual(['starter', 'tiny'])
  })

  it('calls a snapshot in the cache of Hugging Face by its repository', async () => {
    const snapshot = (repository: string) => join(home, repository, 'snapshots', 'ea4d0b6f')
    await add(await writeTinyModel(snapshot('models--acme--tiny-bert')))
    const other = tinyTensors().map((tensor) => ({ ...tensor, data: tensor.data.map((value) => value + 1) }))
    await add(await writeTinyModel(snapshot('models--old-bert'), other))
    expect(await names()).toEqual(['starter', 'tiny-bert', 'old-bert'])
  })

  it.each([
    { architecture: 'roberta', words: ['<s>', '<pad>', '</s>', '<unk>', '<mask>'], longest: 10, head: 5 },
    { architecture: 'gpt2', words: ['<|endoftext|>'], longest: 12, head: 0 },
  ])('takes $architecture with its byte-level tokenizer', async ({ architecture, words, longest, head }) => {
    const folder = join(home, architecture)
    cpSync(join(languageModels, architecture), folder, { recursive: true })
    const vocabulary = [...words, ...'Adptersungicol,bvyh!Ġ'.slice(0, 23 - words.length)]
    const ids = Object.fromEntries(vocabulary.map((word, id) => [word, id]))
    writeFileSync(join(folder, 'vocab.json'), JSON.stringify(ids))
    writeFileSync(join(folder, 'merges.txt'), '#version: 0.2\n')
    const { id } = await add(folder)
    const model = await models['models.get']({ id })
    expect(model).toMatchObject({ architecture, layers: 2, hiddenSize: 8, maximumLength: longest })
    expect(model.tokenizer).toMatchObject({ kind: 'byte-level BPE', file: 'vocab.json' })
    expect(model.example.tokens.slice(0, 3)).toEqual(['A', 'd', 'p'])
    const headTensors = model.tensors.filter(({ usedAs }) => usedAs === 'masked-language-model head')
    expect(headTensors).toHaveLength(head)
  })

  it('gives the model already there for the same weights, and follows a folder that moved', async () => {
    const folder = await writeTinyModel(join(home, 'tiny'))
    const first = await add(folder, 'mine')
    expect(await add(folder, 'again')).toEqual(first)
    const copy = await writeTinyModel(join(home, 'copy'))
    expect(await add(copy)).toEqual(first)
    renameSync(folder, join(home, 'moved'))
    expect(await add(join(home, 'moved'))).toEqual({ ...first, folder: join(home, 'moved') })
    expect(await names()).toEqual(['starter', 'mine'])
  })

  it('knows the same weights as halves, with prefixed names and in a pytorch_model.bin', async () => {
    const first = await add(await writeTinyModel(join(home, 'tiny')))
    const halves = tinyTensors().map((tensor) => ({ ...tensor, dtype: 'F16' as const }))
    expect(await add(await writeTinyModel(join(home, 'halves'), halves))).toEqual(first)
    const prefixed = tinyTensors().map((tensor) => ({ ...tensor, name: `bert.${tensor.name}` }))
    expect(await add(await writeTinyModel(join(home, 'prefixed'), prefixed))).toEqual(first)
    const folder = await writeTinyModel(join(home, 'torch'))
    rmSync(join(folder, 'model.safetensors'))
    const specs = tinyTensors().map(({ name, shape, data }, index) => ({
      name,
      key: String(index),
      elements: data.length,
      shape: [...shape],
      strides: shape.length === 2 ? [shape[1] ?? 1, 1] : [1],
    }))
    const values = tinyTensors().map(({ data }, index) => [`a/data/${index}`, new Uint8Array(data.buffer)])
    const zip = makeZip({ 'a/data.pkl': tensorPickle(specs), ...Object.fromEntries(values) })
    writeFileSync(join(folder, 'pytorch_model.bin'), zip)
    expect(await add(folder)).toEqual(first)
  })

  it('numbers a name that another model has', async () => {
    await add(await writeTinyModel(join(home, 'a', 'tiny')))
    const other = tinyTensors().map((tensor) => ({ ...tensor, data: tensor.data.map((value) => value + 1) }))
    const second = await add(await writeTinyModel(join(home, 'b', 'tiny'), other))
    expect(second.name).toBe('tiny 2')
  })

  it('refuses what is no usable model, says why, and lists nothing new', async () => {
    const folder = join(home, 'bad')
    const refused = (message: string | RegExp) => expect(add(folder)).rejects.toThrow(message)
    await refused(/does not exist.*config\.json.*model\.safetensors/)
    await writeTinyModel(folder)
    truncateSync(join(folder, 'model.safetensors'), 1500)
    await refused(/model\.safetensors/)
    await writeTinyModel(folder, tinyTensors().slice(1))
    await refused('lacks the tensor "embeddings.word_embeddings.weight"')
    await writeTinyModel(folder, tinyTensors(), { ...tinyConfig, max_position_embeddings: 17 })
    await refused('has shape [16, 4], but its config.json asks for [17, 4]')
    await writeTinyModel(folder, tinyTensors(), { ...tinyConfig, model_type: 'modernbert' })
    await refused('"modernbert", which is not supported. Supported: bert, roberta, distilbert, gpt2.')
    await writeTinyModel(folder)
    writeFileSync(join(folder, 'vocab.txt'), '[PAD]\n[UNK]\n[CLS]\n[SEP]\n' + 'word\n'.repeat(20))
    await refused("the tokenizer is another model's")
    rmSync(join(folder, 'vocab.txt'))
    await refused('holds no tokenizer')
    rmSync(join(folder, 'model.safetensors'))
    writeFileSync(
      join(folder, 'pytorch_model.bin'),
      makeZip({ 'a/data.pkl': callingPickle('os', 'system', 'x') }),
    )
    await refused('"os.system"')
    expect(await names()).toEqual(['starter'])
    expect(changed).toEqual([])
  })
})

describe('models.remove', () => {
  it('forgets a model and leaves its folder alone', async () => {
    const folder = await writeTinyModel(join(home, 'tiny'))
    const { id } = await add(folder)
    await models['models.remove']({ id })
    expect(await names()).toEqual(['starter'])
    expect((await add(folder)).name).toBe('tiny')
    await expect(async () => models['models.remove']({ id })).rejects.toMatchObject({ code: 'not-found' })
  })

  it.each(['queued', 'finished'] as const)(
    'refuses while a %s run uses the model, naming it',
    async (status) => {
      const { id, name } = await add(await writeTinyModel(join(home, 'tiny')))
      insertRun(database, {
        id: 'run',
        name: 'my run',
        method: 'seq_bn',
        family: 'adapter',
        modelId: id,
        modelName: name,
        datasetId: 'dataset',
        datasetName: 'reviews',
        datasetHash: 'rows',
        tasks: [],
        adapters: [],
        config: RunConfig.parse({ modelId: id, datasetId: 'dataset', method: { name: 'seq_bn' } }),
        createdAt: new Date().toISOString(),
      })
      updateRun(database, 'run', { status })
      await expect(async () => models['models.remove']({ id })).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('“my run”'),
      })
      expect(await names()).toEqual(['starter', 'tiny'])
      removeRun(database, 'run')
      await models['models.remove']({ id })
      expect(await names()).toEqual(['starter'])
    },
  )
})

describeWithShared('real checkpoints', ['checkpoints/starter-encoder', 'checkpoints/minilm-l6'], () => {
  it('the shipped weights are those of starter-encoder to half precision, its head among them', async () => {
    const shipped = await readSafetensors(join(assets, 'starter', 'model.safetensors'))
    const source = await readSafetensors(sharedPath('checkpoints/starter-encoder/model.safetensors'))
    expect([...shipped.tensors.keys()].sort()).toEqual([...source.tensors.keys()].sort())
    for (const [name, { shape }] of source.tensors) {
      expect(shipped.tensors.get(name)).toMatchObject({ shape, dtype: 'F16' })
      const halves = await shipped.read(name)
      const values = await source.read(name)
      // A half has 11 significant bits, and a step of 2^-24 near zero.
      const wrong = values.findIndex(
        (value, index) =>
          !(Math.abs(value - (halves[index] ?? NaN)) <= Math.abs(value) * 2 ** -11 + 2 ** -25),
      )
      expect(wrong, name).toBe(-1)
    }
    await shipped.close()
    await source.close()
  })

  it('a published encoder is added with its details', async () => {
    const model = await add(sharedPath('checkpoints/minilm-l6'))
    expect(model).toMatchObject({ name: 'minilm-l6', layers: 6, hiddenSize: 384, parameters: 22_565_376 })
    const { tensors, tokenizer } = await models['models.get']({ id: model.id })
    expect(tensors.find(({ name }) => name === 'embeddings.position_ids')).toMatchObject({
      dtype: 'I64',
      usedAs: 'unused',
    })
    expect(tokenizer).toMatchObject({ file: 'tokenizer.json', vocabularySize: 30_522 })
  })

  it('a folder of the wrong kind is refused by name', async () => {
    const folder = join(home, 'gpt2_tokenizer')
    cpSync(sharedPath('checkpoints/gpt2_tokenizer'), folder, { recursive: true })
    await expect(add(folder)).rejects.toThrow(`${folder} holds no config.json`)
  })
})
