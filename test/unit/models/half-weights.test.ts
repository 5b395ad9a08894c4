import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { isHalfOf, writeHalfFile } from '../../../main/models/half-weights.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'workbench-half-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const tensor = (shape: number[], data: number[]) => ({ shape, read: async () => Float32Array.from(data) })
const backboneWith = (values: number[]) => ({
  hash: 'abc',
  tensors: new Map([
    ['embeddings.weight', tensor([2, 2], [1, 2, 3, 4])],
    ['layer.weight', tensor([2, 2], values)],
    ['layer.bias', tensor([2], [1, 2])],
  ]),
})
/** A tenth, a number below half precision, the largest one of it, and a negative one. */
const backbone = backboneWith([0.1, 1e-9, 65504, -2.5])

describe('the file of half-precision weights', () => {
  it('holds every matrix, rounded to the nearest half-precision number', async () => {
    const { path, entries } = await writeHalfFile(backbone, folder)
    expect([...entries.keys()]).toEqual(['embeddings.weight', 'layer.weight'])
    const bytes = readFileSync(path)
    const { offset, byteLength } = entries.get('layer.weight') ?? expect.fail('no entry')
    expect([...new Float16Array(bytes.buffer.slice(bytes.byteOffset + offset), 0, byteLength / 2)]).toEqual([
      0.0999755859375, 0, 65504, -2.5,
    ])
  })

  it('is what the backbone rounds to, until a bit of it is another', async () => {
    const file = await writeHalfFile(backbone, folder)
    expect(await isHalfOf(backbone, file)).toBe(true)
    const bytes = readFileSync(file.path)
    const { offset = 0 } = file.entries.get('layer.weight') ?? {}
    bytes[offset] = (bytes[offset] ?? 0) ^ 1
    writeFileSync(file.path, bytes)
    expect(await isHalfOf(backbone, file)).toBe(false)
  })

  it.each([65520, -1e9])('refuses a matrix with the value %d, naming it', async (value) => {
    await expect(writeHalfFile(backboneWith([0, 0, value, 0]), folder)).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(new RegExp(`“layer.weight” has the value ${value}.*choose float32`)),
    })
  })
})
