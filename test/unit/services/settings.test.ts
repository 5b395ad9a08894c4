import { afterEach, beforeEach, expect, it } from 'vitest'

import { createSettingsService, type SettingsHandlers } from '../../../main/services/settings.ts'
import { openDatabase, type Database } from '../../../main/store/database.ts'
import { writeSetting } from '../../../main/store/settings.ts'
import { ProgramSettings } from '../../../preload/contract.ts'

let database: Database
let settings: SettingsHandlers
let told: unknown[]
beforeEach(() => {
  database = openDatabase(':memory:')
  told = []
  settings = createSettingsService({
    database,
    publish: (topic, message) => void told.push([topic, message]),
  })
})
afterEach(() => database.close())

const changed = ProgramSettings.parse({
  engine: { engine: 'tensorflow', device: 'webgpu', threads: 3, cacheMegabytes: 100, fallbackToCpu: true },
  backbonePrecision: 'float16',
})

it('are the contract’s own defaults until they are set', async () => {
  expect(await settings['settings.get']({})).toEqual(ProgramSettings.parse({}))
})

it('stay as they are set, and are told to every window', async () => {
  expect(await settings['settings.set'](changed)).toEqual(changed)
  expect(await settings['settings.get']({})).toEqual(changed)
  expect(told).toEqual([['settings.changed', changed]])
})

it('refuse a precision that the device does not compute in, and stay as they were', async () => {
  const impossible = { ...changed, backbonePrecision: 'int8' as const }
  expect(() => settings['settings.set'](impossible)).toThrow(/tensorflow on webgpu has no products of 8 bits/)
  expect(await settings['settings.get']({})).toEqual(ProgramSettings.parse({}))
})

it('of an older or another program are filled up with defaults, or left', async () => {
  writeSetting(database, 'program', { engine: { threads: 2 } })
  expect((await settings['settings.get']({})).engine).toMatchObject({ threads: 2, cacheMegabytes: 2048 })
  writeSetting(database, 'program', { engine: { colour: 'red' } })
  expect(await settings['settings.get']({})).toEqual(ProgramSettings.parse({}))
})
