import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import {
  createAdapterConversions,
  type ConversionHandlers,
} from '../../../main/services/adapter-conversions.ts'
import { createEvents } from '../../../main/services/events.ts'
import { forkTrainer } from '../../../main/services/trainer-process.ts'
import { getAdapter, listAdapters } from '../../../main/store/adapters.ts'
import { openDatabase, type Database } from '../../../main/store/database.ts'
import { insertModel } from '../../../main/store/models.ts'
import { model } from '../../fixtures/runs-home.ts'
import { storeAdapter } from '../../fixtures/stored-adapter.ts'
import { makeModelFolder } from '../../fixtures/tiny-model.ts'

let home: string
let database: Database
let conversions: ConversionHandlers
let changed: string[]

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'workbench-conversions-'))
  database = openDatabase(':memory:')
  const modelFolder = join(home, 'tiny')
  await makeModelFolder(modelFolder)
  insertModel(database, { ...model, folder: modelFolder })
  await storeAdapter({ database, home, modelFolder }, 'prefix', {
    name: 'prefix_tuning',
    options: { prefix_length: 3 },
  })
  await storeAdapter({ database, home, modelFolder }, 'lora', { name: 'lora', options: {} })
  changed = []
  const events = createEvents()
  events.subscribe('adapter.changed', ({ id }) => changed.push(id))
  const { publish } = events
  conversions = createAdapterConversions({
    ...{ database, home, publish, spawnTrainer: forkTrainer(), silence: 60_000 },
  })
})

afterEach(() => {
  database.close()
  rmSync(home, { recursive: true, force: true })
})

const eject = async (id: string) => conversions['adapters.eject']({ id })
const merge = async (id: string, folder: string) => conversions['adapters.merge']({ id, folder })

describe('ejecting', () => {
  it('stores another adapter beside the first, with a file of its own', async () => {
    const made = await eject('prefix')
    expect(made).toMatchObject({ name: 'prefix (ejected)', method: { name: 'prefix_tuning_flat' } })
    expect(changed).toEqual([made.id])
    const files = [getAdapter(database, 'prefix'), getAdapter(database, made.id)].map(
      (one) => one?.file ?? '',
    )
    expect(new Set(files).size).toBe(2)
    for (const file of files) expect(existsSync(join(home, file))).toBe(true)
    expect((await eject('prefix')).name).toBe('prefix (ejected) 2')
  })

  it('leaves nothing behind where the adapter has no such form', async () => {
    const files = readdirSync(join(home, 'adapters'))
    await expect(eject('lora')).rejects.toMatchObject({ code: 'bad-input' })
    expect(listAdapters(database)).toHaveLength(2)
    expect(readdirSync(join(home, 'adapters'))).toEqual(files)
  })
})

describe('merging', () => {
  it('writes a model into a folder that is named from its root', async () => {
    const folder = join(home, 'merged')
    const { bytes } = await merge('lora', folder)
    expect(bytes).toBeGreaterThan(1000)
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(['config.json', 'model.safetensors']))
    await expect(merge('lora', 'merged')).rejects.toThrow(/“merged” is no absolute path/)
  })

  it('is refused where the adapter or its backbone is not there', async () => {
    await expect(merge('none', join(home, 'merged'))).rejects.toMatchObject({ code: 'not-found' })
    database.prepare('DELETE FROM models').run()
    await expect(merge('lora', join(home, 'merged'))).rejects.toThrow(/\(tiny\) is not among the models/)
  })
})
