import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { writeSafetensors } from '../../../main/models/checkpoint/safetensors.ts'
import { elementCount } from '../../../main/models/checkpoint/tensor-file.ts'
import { createMethodService, type MethodHandlers } from '../../../main/services/methods.ts'
import { insertAdapter } from '../../../main/store/adapters.ts'
import { openDatabase, type Database } from '../../../main/store/database.ts'
import { insertModel } from '../../../main/store/models.ts'
import { endpoints, type InputOf } from '../../../preload/contract.ts'
import { makeModelFolder } from '../../fixtures/tiny-model.ts'
import { model } from '../../fixtures/runs-home.ts'
import { storeAdapter } from '../../fixtures/stored-adapter.ts'

let home: string
let database: Database
let methods: MethodHandlers

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'workbench-methods-'))
  database = openDatabase(':memory:')
  await makeModelFolder(join(home, 'tiny'))
  insertModel(database, { ...model, folder: join(home, 'tiny') })
  methods = createMethodService({ database, home })
})

afterEach(() => {
  database.close()
  rmSync(home, { recursive: true, force: true })
})

const count = async (input: Partial<InputOf<'methods.count'>>) =>
  methods['methods.count'](
    endpoints['methods.count'].input.parse({
      modelId: 'model',
      method: { name: 'seq_bn' },
      head: {},
      labels: 2,
      ...input,
    }),
  )

/** Stores a `seq_bn` adapter of this reduction factor with values of 0. */
async function store(id: string, reduction: number): Promise<void> {
  const method = { name: 'seq_bn', options: { reduction_factor: reduction } }
  await storeAdapter({ database, home, modelFolder: join(home, 'tiny') }, id, method)
}

describe('counting before a run', () => {
  it('adds up method and head, and computes what one example costs', async () => {
    const found = await count({ method: { name: 'seq_bn', options: { reduction_factor: 4 } } })
    // Two layers of 32 → 8 → 32 with biases; a head of 32 → 32 → 2.
    expect(found.trainable - found.head).toBe(2 * (32 * 8 + 8 + 8 * 32 + 32))
    expect(found.head).toBe(32 * 32 + 32 + 32 * 2 + 2)
    expect(found.groups).toEqual({ adapter: found.trainable - found.head, head: found.head })
    expect(found.share).toBeCloseTo(found.trainable / found.backbone)
    for (const figure of Object.values(found.cost)) expect(figure).toBeGreaterThan(0)
  })

  it('costs more for longer texts, and for all of the backbone', async () => {
    const short = await count({ maximumLength: 16 })
    expect((await count({ maximumLength: 32 })).cost.forwardFlops).toBeGreaterThan(short.cost.forwardFlops)
    const full = await count({ maximumLength: 16, method: { name: 'full' } })
    expect(full.cost.backwardFlops).toBeGreaterThan(short.cost.backwardFlops)
  })

  it('counts the layers of the backbone that are to be trained', async () => {
    const frozen = await count({})
    const unfrozen = await count({ unfreezeLayers: [1] })
    expect(unfrozen.trainable).toBeGreaterThan(frozen.trainable)
    await expect(count({ unfreezeLayers: [2] })).rejects.toMatchObject({ code: 'bad-input' })
  })

  it('builds on stored adapters, which are not trained again', async () => {
    await store('small', 8)
    await store('large', 2)
    const fused = await count({ method: { name: 'fusion' }, adapterIds: ['small', 'large'] })
    // Query and key with biases, and value, in both layers.
    expect(fused.trainable - fused.head).toBe(2 * (3 * 32 * 32 + 2 * 32))
  })

  it('begins with a stored adapter for each task, which is trained as any other', async () => {
    await store('one', 8)
    await store('two', 8)
    const asked = { method: { name: 'parallel', options: { reduction_factor: 8 } }, moreLabels: [2] }
    const anew = await count(asked)
    expect((await count({ ...asked, adapterIds: ['one', 'two'] })).groups).toEqual(anew.groups)
    await expect(count({ ...asked, adapterIds: ['one'] })).rejects.toThrow(/1 for 2 tasks were given/)
    await expect(
      count({ method: { name: 'parallel' }, moreLabels: [2], adapterIds: ['one', 'two'] }),
    ).rejects.toThrow(/"one" cannot be what .* "reduction_factor" is 8, and 16 here/)
  })

  it('refuses stored heads and fusions that cannot be begun with', async () => {
    await store('one', 8)
    await expect(count({ headIds: ['one'] })).rejects.toThrow(/“one” is an adapter, and no head/)
    await expect(count({ headIds: ['one', 'one'] })).rejects.toThrow(/2 stored heads for 1 task\./)
    await expect(count({ fusionId: 'none' })).rejects.toMatchObject({ code: 'not-found' })
  })

  it('looks at the header alone of a stored head', async () => {
    const stored = [
      { name: 'heads.run.1.weight', shape: [32, 32] },
      { name: 'heads.run.1.bias', shape: [32] },
      { name: 'heads.run.4.weight', shape: [2, 32] },
      { name: 'heads.run.4.bias', shape: [2] },
    ]
    const path = join(home, 'head.safetensors')
    const bytes = await writeSafetensors(
      path,
      stored.map(({ name, shape }) => ({ name, shape, data: new Float32Array(elementCount(shape)) })),
    )
    insertAdapter(database, {
      ...{
        id: 'head',
        name: 'head',
        kind: 'head',
        method: { name: 'head', options: {} },
        family: 'baseline',
      },
      ...{ modelHash: model.hash, modelName: 'tiny', datasetName: 'reviews', labels: ['bad', 'good'] },
      ...{ adapterIds: [], parameters: 1, bytes, createdAt: '2026-01-02T03:04:05.000Z', file: path },
    })
    const handle = await open(path)
    const read = vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, 'read')
    await handle.close()
    await count({ headIds: ['head'] })
    const lengths = read.mock.calls.map((given: unknown[]) => Number(given[2]))
    read.mockRestore()
    const data = stored.reduce((total, { shape }) => total + 4 * elementCount(shape), 0)
    expect(lengths.reduce((total, length) => total + length, 0)).toBe(bytes - data)
    await expect(count({ headIds: ['head'], labels: 3 })).rejects.toThrow(/it tells 2 classes apart/)
  })

  it('has a head for each task', async () => {
    const one = await count({ method: { name: 'parallel' } })
    const two = await count({ method: { name: 'parallel' }, moreLabels: [5] })
    expect(two.head).toBe(2 * (32 * 32 + 32) + 32 * 2 + 2 + 32 * 5 + 5)
    expect(two.trainable - two.head).toBe(2 * (one.trainable - one.head))
  })

  it('refuses what a run would refuse', async () => {
    await store('small', 8)
    await expect(count({ adapterIds: ['small'] })).rejects.toThrow(/takes no trained adapters/)
    await expect(count({ method: { name: 'fusion' } })).rejects.toThrow(/needs trained adapters/)
    await expect(count({ method: { name: 'fusion' }, adapterIds: ['x'] })).rejects.toMatchObject({
      code: 'not-found',
    })
    await expect(count({ moreLabels: [2] })).rejects.toThrow(/one task at a time/)
    for (const trained of [{ method: { name: 'full' } }, { unfreezeLayers: [0] }]) {
      await expect(count({ ...trained, backbonePrecision: 'float16' })).rejects.toThrow(
        /training.backbonePrecision: float16 is for a backbone whose weights stay as they are/,
      )
    }
    // Biases are not rounded.
    expect(
      (await count({ method: { name: 'bitfit' }, backbonePrecision: 'int8' })).trainable,
    ).toBeGreaterThan(0)
    await expect(count({ modelId: 'none' })).rejects.toMatchObject({ code: 'not-found' })
    await expect(count({ method: { name: 'seq_bn', options: { colour: 'red' } } })).rejects.toMatchObject({
      code: 'bad-input',
    })
  })
})
