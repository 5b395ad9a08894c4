import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { verifyCase } from '../../main/verify.ts'
import { engines } from '../engines.ts'

const cases = fileURLToPath(new URL('./cases/', import.meta.url))
const names = readdirSync(cases).filter((name) => /^(?:bert|more)_/.test(name))

/** A case of each kind: what the slow devices, which share their operations with a fast one, are held to. */
const someNames = [
  'bert_average_outputs',
  'bert_batch_split',
  'bert_bn_gelu_new',
  'bert_bn_swish',
  'bert_double_seq_bn',
  'bert_full_finetune',
  'bert_fusion_dynamic2',
  'bert_ia3',
  'bert_lora_r4',
  'bert_mam',
  'bert_parallel2',
  'bert_prefix_gated',
]
const slow = new Set(['wasm', 'cpu'])
const verified = engines.flatMap(({ title, engine }) => {
  const isSlow = engine.name === 'tensorflow' && slow.has(engine.device)
  return (isSlow ? someNames : names).map((name) => ({ name, title, engine }))
})

describe('golden cases', () => {
  it('are all there', () => {
    // The reference set, and further ones of the same library (`more_`): other backbones, sizes and nestings.
    expect(names.filter((name) => name.startsWith('bert_')).length).toBe(52)
    expect(names.filter((name) => name.startsWith('more_')).length).toBeGreaterThanOrEqual(31)
  })

  it.each(verified)('$name on $title', async ({ name, engine }) => {
    const { ok, problems, maxAbs } = await verifyCase(join(cases, name), engine)
    expect(problems).toEqual([])
    expect(ok).toBe(true)
    for (const compared of ['loss', 'logits', 'after3.logits', 'after3.losses']) {
      expect(maxAbs).toHaveProperty([compared])
    }
  })
})

describe('verify', () => {
  let scratch: string
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'workbench-golden-'))
  })
  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  /** A copy of a case in which one file was changed. */
  function altered(name: string, file: string, change: (bytes: Buffer) => Buffer | string): string {
    const folder = mkdtempSync(join(scratch, `${name}-`))
    cpSync(join(cases, name), folder, { recursive: true })
    writeFileSync(join(folder, file), change(readFileSync(join(folder, file))))
    return folder
  }

  it('says which tensor differs when a reference value is another', async () => {
    const folder = altered('bert_seq_bn', 'expected.safetensors', (bytes) => {
      const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString()) as Record<
        string,
        { data_offsets: [number, number] }
      >
      const start = 8 + Number(bytes.readBigUInt64LE(0)) + (header['logits']?.data_offsets[0] ?? 0)
      bytes.writeFloatLE(bytes.readFloatLE(start) + 1e-3, start)
      return bytes
    })
    const { ok, problems } = await verifyCase(folder)
    expect(ok).toBe(false)
    expect(problems).toEqual([expect.stringMatching(/^logits: differs by 1\.00e-3/)])
  })

  it('says so when another non-linearity was meant', async () => {
    const folder = altered('bert_bn_tanh', 'config.json', (bytes) =>
      bytes.toString().replace('"non_linearity": "tanh"', '"non_linearity": "relu"'),
    )
    const { ok, problems } = await verifyCase(folder)
    expect(ok).toBe(false)
    expect(problems.some((problem) => problem.startsWith('grad.'))).toBe(true)
  })

  it('calls a case wrong whose method there is not, and says so', async () => {
    const folder = altered('bert_seq_bn', 'config.json', (bytes) =>
      bytes.toString().replace('"inv_adapter": null', '"inv_adapter": "glow"'),
    )
    const { ok, problems } = await verifyCase(folder)
    expect(ok).toBe(false)
    expect(problems).toEqual([expect.stringMatching(/invertible adapters of kind "glow"/)])
  })

  it('refuses a folder that is no case, naming what one has', async () => {
    await expect(verifyCase(scratch)).rejects.toThrow(/config\.json.*expected\.safetensors/)
  })
})
