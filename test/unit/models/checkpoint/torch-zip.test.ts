import { existsSync } from 'node:fs'
import { mkdtemp, readFile, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { beforeEach, describe, expect, it } from 'vitest'

import { readSafetensors } from '../../../../main/models/checkpoint/safetensors.ts'
import { readTorchZip } from '../../../../main/models/checkpoint/torch-zip.ts'
import { describeWithShared, sharedPath } from '../../../shared.ts'
import { callingPickle, makeZip, tensorPickle, type TensorSpec } from './torch-fixtures.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torch-'))
})

const bytesOf = (values: { buffer: ArrayBuffer }) => new Uint8Array(values.buffer)
const floats = (...values: number[]) => bytesOf(new Float32Array(values))

async function save(entries: Record<string, Uint8Array>): Promise<string> {
  const path = join(folder, 'pytorch_model.bin')
  await writeFile(path, makeZip(entries))
  return path
}

async function readAll(
  path: string,
): Promise<Record<string, { shape: readonly number[]; values: number[] }>> {
  const file = await readTorchZip(path)
  try {
    const read: Record<string, { shape: readonly number[]; values: number[] }> = {}
    for (const [name, { shape }] of file.tensors) read[name] = { shape, values: [...(await file.read(name))] }
    return read
  } finally {
    await file.close()
  }
}

describe('readTorchZip', () => {
  it('reads tensors, parameters, shared storages and strides; leaves out what is no tensor', async () => {
    const shared: TensorSpec = { name: 'a', key: '0', elements: 6, shape: [2, 3], strides: [3, 1] }
    const path = await save({
      'archive/data.pkl': tensorPickle([
        shared,
        { ...shared, name: 'transposed', shape: [3, 2], strides: [1, 3], parameter: true },
        { ...shared, name: 'column', shape: [2], strides: [3], offset: 1 },
        { ...shared, name: 'expanded', shape: [2, 3], strides: [0, 1], offset: 3 },
        { ...shared, name: 'scalar', shape: [], strides: [], offset: 5 },
        { ...shared, name: 'empty', shape: [0, 3], strides: [3, 1] },
      ]),
      'archive/byteorder': Buffer.from('little'),
      'archive/data/0': floats(1, 2, 3, 4, 5, 6),
      'archive/version': Buffer.from('3\n'),
    })
    expect(await readAll(path)).toEqual({
      a: { shape: [2, 3], values: [1, 2, 3, 4, 5, 6] },
      transposed: { shape: [3, 2], values: [1, 4, 2, 5, 3, 6] },
      column: { shape: [2], values: [2, 5] },
      expanded: { shape: [2, 3], values: [4, 5, 6, 4, 5, 6] },
      scalar: { shape: [], values: [6] },
      empty: { shape: [0, 3], values: [] },
    })
  })

  it('reads every type of storage', async () => {
    const one: TensorSpec = { name: '', key: '', elements: 2, shape: [2], strides: [1] }
    const path = await save({
      'm/data.pkl': tensorPickle([
        { ...one, name: 'half', key: 'h', storage: 'HalfStorage' },
        { ...one, name: 'brain', key: 'b', storage: 'BFloat16Storage' },
        { ...one, name: 'double', key: 'd', storage: 'DoubleStorage' },
        { ...one, name: 'long', key: 'l', storage: 'LongStorage', shape: [1, 2], strides: [1, 1] },
        { ...one, name: 'bool', key: 'o', storage: 'BoolStorage' },
      ]),
      'm/data/h': bytesOf(new Uint16Array([0x3c00, 0xc000])),
      'm/data/b': bytesOf(new Uint16Array([0x3f80, 0xc000])),
      'm/data/d': bytesOf(new Float64Array([0.5, -8])),
      'm/data/l': bytesOf(new BigInt64Array([3n, -4n])),
      'm/data/o': new Uint8Array([1, 0]),
    })
    expect(await readAll(path)).toEqual({
      half: { shape: [2], values: [1, -2] },
      brain: { shape: [2], values: [1, -2] },
      double: { shape: [2], values: [0.5, -8] },
      long: { shape: [1, 2], values: [3, -4] },
      bool: { shape: [2], values: [1, 0] },
    })
  })
})

describe('a torch file that is not to be trusted', () => {
  const refused = async (entries: Record<string, Uint8Array>, message: string | RegExp) => {
    const path = await save(entries)
    await expect(readTorchZip(path)).rejects.toThrow(message)
    await expect(readTorchZip(path)).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining(path),
    })
  }
  const weight: TensorSpec = { name: 'weight', key: '0', elements: 2, shape: [2], strides: [1] }

  it('is refused when its pickle calls code, and nothing is run', async () => {
    const marker = join(folder, 'was-run')
    for (const module of ['os', 'posix', 'nt']) {
      await refused(
        { 'a/data.pkl': callingPickle(module, 'system', `touch ${marker}`) },
        `it names the global "${module}.system"`,
      )
    }
    await refused({ 'a/data.pkl': callingPickle('builtins', 'eval', '1') }, 'the global "builtins.eval"')
    await refused({ 'a/data.pkl': callingPickle('torch', 'load', 'x') }, 'the global "torch.load"')
    await refused({ 'a/data.pkl': callingPickle('torch', 'constructor', 'x') }, '"torch.constructor"')
    await refused({ 'a/data.pkl': callingPickle('collections', 'OrderedDict', 'x') }, 'called with values')
    expect(existsSync(marker)).toBe(false)
  })

  it('is refused with the opcode it may not use', async () => {
    const pickle = (...codes: (number | string)[]) =>
      Buffer.concat(
        codes.map((code) => (typeof code === 'string' ? Buffer.from(code, 'latin1') : Buffer.from([code]))),
      )
    const head = pickle(0x80, 2)
    const cases: [Buffer, string][] = [
      [pickle('ios\nsystem\n.'), 'opcode 0x69'],
      [pickle(head.toString('latin1'), '(cos\nsystem\no.'), '"os.system"'],
      [pickle(0x80, 2, '\x8c\x02os\x8c\x06system\x93.'), '"os.system"'],
      [pickle(0x80, 2, 0x82, 1, '.'), 'opcode 0x82'],
      [pickle(0x80, 2, ')', 0x81, '.'), 'opcode 0x81'],
      [pickle(0x80, 0, '.'), 'protocol is 0'],
      [pickle(0x80, 2, '})R.'), 'calls something that is no function'],
      [pickle(0x80, 2, 'h\x05.'), 'recalls what it never stored'],
      [pickle(0x80, 2, '0'), 'opcode 0x30'],
      [pickle(0x80, 2, 't'), 'no mark where it needs one'],
      [pickle(0x80, 2, 'R'), 'takes more than it put'],
      [pickle(0x80, 2, 'X\xff\xff\xff\x7fabc'), 'ends too early'],
      [pickle(0x80, 2, '}'), 'ends too early'],
      [pickle(0x80, 2, 'Nb.'), 'takes more than it put'],
      [pickle(0x80, 2, '].'), 'no dictionary of tensors'],
      [pickle(0x80, 2, 0x8a, 8, '\x00\x00\x00\x00\x00\x00\x40\x00.'), 'an integer beyond 2^53'],
    ]
    for (const [bytes, message] of cases) await refused({ 'a/data.pkl': bytes }, message)
  })

  it('is refused when a tensor reaches beyond its storage or the storage is another size', async () => {
    const data = { 'a/data/0': floats(1, 2) }
    await refused(
      { 'a/data.pkl': tensorPickle([{ ...weight, offset: 1 }]), ...data },
      /"weight" .*beyond its storage/,
    )
    await refused(
      { 'a/data.pkl': tensorPickle([{ ...weight, shape: [2 ** 30, 2 ** 30], strides: [0, 0] }]), ...data },
      /"weight" .*beyond its storage/,
    )
    await refused(
      { 'a/data.pkl': tensorPickle([{ ...weight, elements: 3 }]), ...data },
      /"weight" has a storage of 8 bytes, but 3 values/,
    )
    await refused(
      { 'a/data.pkl': tensorPickle([{ ...weight, key: '1' }]), ...data },
      'lacks its part "data/1"',
    )
    await refused({ 'a/data.pkl': tensorPickle([{ ...weight, shape: [-1] }]), ...data }, 'described wrongly')
    await refused({ 'a/data.pkl': tensorPickle([{ ...weight, shape: [1, 2] }]), ...data }, 'as many strides')
  })

  it('is refused when its parts are compressed, or in the other byte order', async () => {
    const parts = { 'a/data.pkl': tensorPickle([weight]), 'a/data/0': floats(1, 2) }
    const path = join(folder, 'packed.bin')
    await writeFile(path, makeZip(parts, 8))
    await expect(readTorchZip(path)).rejects.toThrow('"data.pkl" is compressed or encrypted')
    const swapped = await save({ ...parts, 'a/byteorder': Buffer.from('big') })
    await expect(readTorchZip(swapped)).rejects.toThrow('saved in big-endian order')
  })

  it('is refused when it is legacy, truncated, or no checkpoint', async () => {
    const path = join(folder, 'old.bin')
    await writeFile(path, Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex'))
    await expect(readTorchZip(path)).rejects.toThrow(/before 1\.6.*Save it again/)
    await writeFile(path, 'hello, this is text')
    await expect(readTorchZip(path)).rejects.toThrow(/truncated or not a PyTorch checkpoint/)
    await writeFile(path, '')
    await expect(readTorchZip(path)).rejects.toThrow(/truncated or not a PyTorch checkpoint/)
    await refused({ 'a/readme': Buffer.from('x') }, 'has 0 files data.pkl')
    const whole = await save({ 'a/data.pkl': tensorPickle([weight]), 'a/data/0': floats(1, 2) })
    await truncate(whole, (await readFile(whole)).byteLength - 30)
    await expect(readTorchZip(whole)).rejects.toThrow(/truncated or not a PyTorch checkpoint/)
  })
})

const savedCases = [
  'bert_seq_bn',
  'bert_double_seq_bn',
  'bert_mam',
  'bert_prefix_mlp',
  'bert_fusion_dynamic2',
]

describeWithShared('torch files of the reference library', ['golden/bert_seq_bn/saved'], () => {
  it.each(savedCases)('of %s hold what their safetensors twins hold', async (name) => {
    const { globSync } = await import('node:fs')
    const root = sharedPath(`golden/${name}/saved/bin`)
    const files = globSync('**/*.bin', { cwd: root })
    expect(files.length).toBeGreaterThan(0)
    for (const file of files) {
      const twin = sharedPath(`golden/${name}/saved/safetensors/${file}`).replace(
        /pytorch_(\w+)\.bin$/,
        '$1.safetensors',
      )
      expect(existsSync(dirname(twin)), twin).toBe(true)
      const torch = await readTorchZip(join(root, file))
      const reference = await readSafetensors(twin)
      expect([...torch.tensors.keys()].sort()).toEqual([...reference.tensors.keys()].sort())
      for (const [tensor, { shape }] of reference.tensors) {
        expect(torch.tensors.get(tensor)?.shape).toEqual(shape)
        expect(await torch.read(tensor)).toEqual(await reference.read(tensor))
      }
      await torch.close()
      await reference.close()
    }
  })
})

describeWithShared('a published torch adapter', ['checkpoints/adapterhub_mbert_metaphor'], () => {
  it('has its 48 tensors and 894,528 values', async () => {
    const file = await readTorchZip(sharedPath('checkpoints/adapterhub_mbert_metaphor/pytorch_adapter.bin'))
    let values = 0
    for (const name of file.tensors.keys()) {
      const read = await file.read(name)
      expect(read.every(Number.isFinite)).toBe(true)
      values += read.length
    }
    expect(file.tensors.size).toBe(48)
    expect(values).toBe(894_528)
    expect(file.tensors.get('bert.encoder.layer.0.output.adapters.md.adapter_up.weight')?.shape).toEqual([
      768, 48,
    ])
    await file.close()
  })
})
