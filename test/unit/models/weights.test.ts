import { createHash } from 'node:crypto'
import { copyFile, mkdtemp, readdir, readFile, stat, truncate, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { beforeEach, describe, expect, it } from 'vitest'

import { openCheckpoint } from '../../../main/models/checkpoint/index.ts'
import { readSafetensors, type TensorToWrite } from '../../../main/models/checkpoint/safetensors.ts'
import { parseBackboneConfig } from '../../../main/models/config.ts'
import {
  backboneTensors,
  canonicalName,
  hashTensors,
  loadBackbone,
  tensorUse,
  writeWeightFile,
  type Backbone,
} from '../../../main/models/weights.ts'
import { describeWithShared, sharedPath } from '../../shared.ts'
import { tinyConfig, tinyTensors, writeTinyModel } from './checkpoints.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weights-'))
})

/** Runs `use` on the backbone of a model folder, which is open only meanwhile. */
async function withBackbone<Result>(path: string, use: (backbone: Backbone) => Promise<Result> | Result) {
  const checkpoint = await openCheckpoint(path)
  try {
    return await use(await loadBackbone(checkpoint))
  } finally {
    await checkpoint.close()
  }
}

const load = (tensors: readonly TensorToWrite[], config?: object) =>
  writeTinyModel(folder, tensors, config).then((path) => withBackbone(path, (backbone) => backbone))

const rename = (change: (name: string) => string) =>
  tinyTensors().map((tensor) => ({ ...tensor, name: change(tensor.name) }))

describe('loadBackbone', () => {
  it('gives every tensor under its canonical name, with its values', async () => {
    await writeTinyModel(folder)
    await withBackbone(folder, async (backbone) => {
      expect([...backbone.tensors.keys()]).toEqual(tinyTensors().map(({ name }) => name))
      for (const { name, shape, data } of tinyTensors()) {
        expect(backbone.tensors.get(name)?.shape).toEqual(shape)
        expect(await backbone.tensors.get(name)?.read()).toEqual(data)
      }
      expect(backbone.parameters).toBe(tinyTensors().reduce((sum, { data }) => sum + data.length, 0))
      expect(backbone.extras.size).toBe(0)
    })
  })

  it('gives the same with prefix, with old names, and with tensors beside the backbone', async () => {
    const { hash } = await load(tinyTensors())
    expect((await load(rename((name) => `bert.${name}`))).hash).toBe(hash)
    const old = rename((name) =>
      name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'),
    )
    expect((await load(old)).hash).toBe(hash)
    const more = await load([
      ...rename((name) => `bert.${name}`),
      { name: 'bert.embeddings.position_ids', shape: [1, 2], data: new BigInt64Array([0n, 1n]) },
      { name: 'bert.pooler.dense.bias', shape: [4], data: new Float32Array(4) },
      { name: 'cls.predictions.transform.LayerNorm.gamma', shape: [4], data: new Float32Array(4) },
      { name: 'classifier.weight', shape: [1], data: new Float32Array(1) },
    ])
    expect(more.hash).toBe(hash)
    expect([...more.extras.keys()].sort()).toEqual([
      'cls.predictions.transform.LayerNorm.weight',
      'pooler.dense.bias',
    ])
  })

  it('names a missing tensor and the shape expected', async () => {
    const missing = 'encoder.layer.1.output.dense.weight'
    const loading = load(tinyTensors().filter(({ name }) => name !== missing))
    await expect(loading).rejects.toThrow(
      `${folder} lacks the tensor "${missing}" (also looked for as "bert.${missing}"); expected shape [4, 8]`,
    )
  })

  it('names a tensor with values that are no finite numbers', async () => {
    const [first, ...others] = tinyTensors()
    if (first === undefined) throw new Error('a model has tensors')
    const data = Float32Array.from(first.data, (value, at) => (at === 1 ? NaN : at === 2 ? -Infinity : value))
    await expect(load([{ ...first, data }, ...others])).rejects.toThrow(
      `${folder}: the tensor "${first.name}" has 2 of ${data.length} values that are infinite or not a number`,
    )
  })

  it('names a misshapen tensor with the shape found and the shape expected', async () => {
    await expect(load(tinyTensors(), { ...tinyConfig, vocab_size: 13 })).rejects.toThrow(
      'the tensor "embeddings.word_embeddings.weight" has shape [12, 4], but its config.json asks for [13, 4]',
    )
    const transposed = rename((name) => `bert.${name}`).map((tensor) =>
      tensor.name.endsWith('layer.0.intermediate.dense.weight') ? { ...tensor, shape: [4, 8] } : tensor,
    )
    await expect(load(transposed)).rejects.toThrow(
      'the tensor "bert.encoder.layer.0.intermediate.dense.weight" has shape [4, 8], but its config.json asks for [8, 4]',
    )
  })
})

describe('loadBackbone of other architectures', () => {
  const fixtures = fileURLToPath(new URL('../../fixtures/language-models/', import.meta.url))

  it.each([
    ['roberta', 'roberta.', ['lm_head.bias']],
    ['distilbert', 'distilbert.', ['vocab_projector.bias']],
    ['gpt2', 'transformer.', []],
  ])('gives the same with and without the prefix of %s', async (architecture, prefix, extras) => {
    const source = join(fixtures, architecture)
    const whole = await readSafetensors(join(source, 'model.safetensors'))
    const bare = await Promise.all(
      Array.from(whole.tensors, async ([name, { shape }]) => ({
        name: name.startsWith(prefix) ? name.slice(prefix.length) : name,
        shape,
        data: await whole.read(name),
      })),
    )
    await whole.close()
    expect(bare.length).toBeGreaterThan(20)
    const config: unknown = JSON.parse(await readFile(join(source, 'config.json'), 'utf8'))
    const stripped = await load(bare, Object(config))
    await withBackbone(source, (backbone) => {
      expect(backbone.config.architecture).toBe(architecture)
      expect([...backbone.extras.keys()]).toEqual(expect.arrayContaining(extras))
      expect(stripped.hash).toBe(backbone.hash)
    })
    const bias = backboneTensors(stripped.config).at(-1)?.name ?? ''
    const without = bare.filter(({ name }) => name !== bias)
    await expect(load(without, Object(config))).rejects.toThrow(`"${prefix}${bias}"`)
  })

  it('does not take the causal mask that old GPT-2 files hold for a weight', async () => {
    const config = parseBackboneConfig(
      JSON.parse(await readFile(join(fixtures, 'gpt2/config.json'), 'utf8')),
      '',
    )
    expect(tensorUse('transformer.h.0.attn.bias', config)).toBe('unused')
    expect(tensorUse('h.0.attn.c_attn.bias', config)).toBe('backbone')
    expect(tensorUse('lm_head.weight', config)).toBe('language-model head')
  })
})

describe('canonicalName', () => {
  it('takes the prefix of the architecture and no other', () => {
    expect(canonicalName('bert.encoder.layer.0.output.LayerNorm.gamma', 'bert')).toBe(
      'encoder.layer.0.output.LayerNorm.weight',
    )
    expect(canonicalName('distilbert.transformer.layer.0.ffn.lin1.bias', 'distilbert')).toBe(
      'transformer.layer.0.ffn.lin1.bias',
    )
    expect(canonicalName('transformer.layer.0.ffn.lin1.bias', 'distilbert')).toBe(
      'transformer.layer.0.ffn.lin1.bias',
    )
    expect(canonicalName('transformer.wte.weight', 'gpt2')).toBe('wte.weight')
  })

  it('gives a pool of prefixes one name, in whichever layer it stands', () => {
    const prefix = 'prefix_tuning.prefix_tunings.a.self_prefix.wte.weight'
    for (const layer of [0, 1]) {
      const pool = 'prefix_tuning.pool.prefix_tunings.a.self_prefix.wte.weight'
      expect(canonicalName(`bert.encoder.layer.${layer}.attention.self.${pool}`, 'bert')).toBe(prefix)
      expect(canonicalName(`transformer.h.${layer}.attn.${pool}`, 'gpt2')).toBe(prefix)
    }
    const gate = 'encoder.layer.0.attention.self.prefix_tuning.prefix_gates.a.weight'
    expect(canonicalName(`bert.${gate}`, 'bert')).toBe(gate)
  })
})

describe('hashTensors', () => {
  const tensor = (name: string, shape: number[], values: number[]) => ({
    name,
    shape,
    read: () => new Float32Array(values),
  })

  it('is SHA-256 over names, shapes and values', async () => {
    const expected = createHash('sha256')
      .update('["a",[2]]')
      .update(new Uint8Array(new Float32Array([1, 2]).buffer))
      .update('["b",[]]')
      .update(new Uint8Array(new Float32Array([3]).buffer))
      .digest('hex')
    expect(await hashTensors([tensor('a', [2], [1, 2]), tensor('b', [], [3])])).toBe(expected)
  })

  it('differs when a name, a shape or one bit of a value differs', async () => {
    const hashes = await Promise.all(
      [
        tensor('a', [2], [1, 0]),
        tensor('b', [2], [1, 0]),
        tensor('a', [2, 1], [1, 0]),
        tensor('a', [2], [1, -0]),
      ].map((one) => hashTensors([one])),
    )
    expect(new Set(hashes).size).toBe(4)
  })
})

describe('writeWeightFile', () => {
  it('lays out little-endian float32 values at page-aligned offsets', async () => {
    await writeTinyModel(folder)
    await withBackbone(folder, async (backbone) => {
      const { path, entries } = await writeWeightFile(backbone, folder)
      expect(path).toBe(join(folder, `${backbone.hash}.weights.bin`))
      const bytes = await readFile(path)
      for (const { name, shape, data } of tinyTensors()) {
        const entry = entries.get(name)
        if (entry === undefined) throw new Error(`no entry for ${name}`)
        expect(entry.offset % 4096).toBe(0)
        expect(entry.shape).toEqual(shape)
        expect(entry.byteLength).toBe(data.byteLength)
        const stored = bytes.subarray(entry.offset, entry.offset + entry.byteLength)
        expect(Array.from(data.keys(), (index) => stored.readFloatLE(index * 4))).toEqual([...data])
      }
      const list = JSON.parse(await readFile(join(folder, `${backbone.hash}.weights.json`), 'utf8'))
      expect(list).toEqual({ size: bytes.byteLength, entries: Object.fromEntries(entries) })
    })
  })

  it('is made once, and again when the file was truncated or its list is gone', async () => {
    await writeTinyModel(folder)
    const cache = await mkdtemp(join(tmpdir(), 'weights-cache-'))
    await withBackbone(folder, async (backbone) => {
      const { path } = await writeWeightFile(backbone, cache)
      const content = await readFile(path)
      const long = new Date(2001, 1, 1)
      await utimes(path, long, long)
      await writeWeightFile(backbone, cache)
      expect((await stat(path)).mtime).toEqual(long)
      await truncate(path, content.byteLength - 1)
      await writeWeightFile(backbone, cache)
      expect(await readFile(path)).toEqual(content)
      await truncate(path.replace(/bin$/, 'json'), 3)
      await utimes(path, long, long)
      await writeWeightFile(backbone, cache)
      expect((await stat(path)).mtime).not.toEqual(long)
      expect(await readdir(cache)).toHaveLength(2)
    })
  })

  it('says that its folder cannot be written', async () => {
    await writeTinyModel(folder)
    await withBackbone(folder, async (backbone) => {
      await expect(writeWeightFile(backbone, join(folder, 'no'))).rejects.toMatchObject({ code: 'storage' })
    })
  })
})

describeWithShared('published checkpoints', ['checkpoints/minilm-l6'], () => {
  it.each([
    ['minilm-l6', { layers: 6, hiddenSize: 384, heads: 12, vocabularySize: 30_522 }, 22_565_376],
    ['starter-encoder', { layers: 4, hiddenSize: 192, heads: 6, vocabularySize: 8192 }, 3_377_664],
    ['tiny_bert_random', { layers: 1, hiddenSize: 32, heads: 2, vocabularySize: 256 }, 25_120],
  ])('%s loads', async (name, config, parameters) => {
    await withBackbone(sharedPath(`checkpoints/${name}`), async (backbone) => {
      expect(backbone.config).toMatchObject(config)
      expect(backbone.parameters).toBe(parameters)
      const embeddings = await backbone.tensors.get('embeddings.word_embeddings.weight')?.read()
      expect(embeddings?.every(Number.isFinite)).toBe(true)
    })
  })

  it('has the masked-language-model head of starter-encoder among the extras', async () => {
    await withBackbone(sharedPath('checkpoints/starter-encoder'), (backbone) => {
      expect(backbone.extras.get('cls.predictions.bias')?.shape).toEqual([8192])
      expect(backbone.extras.get('cls.predictions.transform.dense.weight')?.shape).toEqual([192, 192])
    })
  })

  it('refuses ModernBERT, which is not supported', async () => {
    const loading = withBackbone(sharedPath('checkpoints/tiny_modernbert_classifier_random'), () => undefined)
    await expect(loading).rejects.toThrow(
      'says model_type "modernbert", which is not supported. Supported: bert, roberta, distilbert, gpt2.',
    )
  })

  it('finds a real file that was truncated', async () => {
    const source = sharedPath('checkpoints/tiny_bert_random')
    for (const file of ['config.json', 'model.safetensors'])
      await copyFile(join(source, file), join(folder, file))
    await truncate(join(folder, 'model.safetensors'), 60_000)
    await expect(withBackbone(folder, () => undefined)).rejects.toThrow(
      /model\.safetensors: tensor ".*truncated/,
    )
  })
})
