import { afterEach, beforeEach, expect, it } from 'vitest'

import { createEvents } from '../../../main/services/events.ts'
import { createSchedule } from '../../../main/services/experiments-schedule.ts'
import { updateExperiment } from '../../../main/store/experiments.ts'
import { openExperimentsHome, type ExperimentsHome } from '../../fixtures/experiments-home.ts'

let home: ExperimentsHome

beforeEach(() => {
  home = openExperimentsHome()
})
afterEach(() => home.close())

it('sees what it is told while it ends its last look, however close to that', async () => {
  const { database, home: folder, runs } = home.at
  for (let moments = 0; moments < 20; moments++) {
    const { id } = await home.create({ name: `after ${moments}` }, false)
    updateExperiment(database, id, { status: 'running' })
    let room = 0
    // Events of its own: what earlier runs tell would wake it as well.
    const options = { database, home: folder, events: createEvents(), continueQueue: true }
    const schedule = createSchedule({ ...options, runs: { handlers: runs, room: () => room } })
    for (let moment = 0; moment < moments; moment++) await Promise.resolve()
    room = 1
    void schedule.look()
    await new Promise((resolve) => setTimeout(resolve, 20))
    const started = await runs['runs.list']({ experimentId: id })
    expect(started.length, `told after ${moments} moments`).toBe(1)
    schedule.close()
    updateExperiment(database, id, { status: 'paused' })
  }
})
