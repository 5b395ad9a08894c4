import { ProgramSettings, type Handlers } from '../../preload/contract.ts'
import { refuseDevice } from '../engines/device-choice.ts'
import type { Database } from '../store/database.ts'
import { readSetting, writeSetting } from '../store/settings.ts'
import type { Publish } from './events.ts'

export type SettingsHandlers = Pick<Handlers, 'settings.get' | 'settings.set'>

/** Under which the store keeps them. */
const name = 'program'

/** What new runs take where nothing else is said for them. */
export function createSettingsService(options: { database: Database; publish: Publish }): SettingsHandlers {
  const { database, publish } = options
  return {
    'settings.get': () => readSettings(database),
    'settings.set': (settings) => {
      refuseDevice(settings.engine, settings.backbonePrecision)
      writeSetting(database, name, settings)
      publish('settings.changed', settings)
      return settings
    },
  }
}

/** Those of an older program lack what came later, and have its defaults. */
function readSettings(database: Database): ProgramSettings {
  const parsed = ProgramSettings.safeParse(readSetting(database, name) ?? {})
  return parsed.success ? parsed.data : ProgramSettings.parse({})
}
