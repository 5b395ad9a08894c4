import { afterEach, beforeEach, expect, it } from 'vitest'

import type { RunEnvironment } from '../../../preload/contract.ts'
import { createJob } from '../../../main/services/run-job.ts'
import { getRun, updateRun } from '../../../main/store/runs.ts'
import { configOf, openRunsHome, removeHome, type RunsHome } from '../../fixtures/runs-home.ts'

let at: RunsHome
beforeEach(() => {
  at = openRunsHome()
})
afterEach(async () => {
  await at.close()
  removeHome(at.home)
})

const environment: RunEnvironment = {
  ...{ workbench: '1.0.0', node: '24.0.0', engine: 'tensorflow', engineVersion: '4.22.0', device: 'wasm' },
  ...{ threads: 1, processor: 'a processor', platform: 'linux-x64' },
}

async function engineOfJob(began: RunEnvironment | undefined) {
  const { id } = await at.runs['runs.start'](configOf({ steps: 1 }))
  await at.reaches(id, 'finished')
  updateRun(at.database, id, { environment: began })
  const run = getRun(at.database, id)
  return run && createJob(at.database, at.home, run).config.engine
}

it('lets a run go on with the engine and device that it began with', async () => {
  expect(await engineOfJob(environment)).toMatchObject({ engine: 'tensorflow', device: 'wasm', threads: 0 })
})

it('leaves the choice to a run that has not begun, or began with an engine that there is no more', async () => {
  for (const began of [undefined, { ...environment, engine: 'abacus' }]) {
    expect(await engineOfJob(began)).toMatchObject({ engine: 'auto', device: 'auto' })
  }
})
