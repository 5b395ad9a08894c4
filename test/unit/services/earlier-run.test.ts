import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { findEarlierRun } from '../../../main/services/earlier-run.ts'
import { createJob } from '../../../main/services/run-execution.ts'
import { insertModel } from '../../../main/store/models.ts'
import { getRun } from '../../../main/store/runs.ts'
import { configOf, model, openRunsHome, removeHome, type RunsHome } from '../../fixtures/runs-home.ts'

let at: RunsHome
beforeEach(() => {
  at = openRunsHome()
})
afterEach(async () => {
  await at.close()
  removeHome(at.home)
})

const start = async (rest: object = {}) => at.runs['runs.start'](configOf({ steps: 10 }, rest))

describe('a run that goes on from another', () => {
  it('tells the trainer of the earlier run all that measuring it again takes', async () => {
    const first = await start({ name: 'first' })
    await at.reaches(first.id, 'finished')
    const second = await start({ name: 'second', earlierRunId: first.id })
    await at.reaches(second.id, 'finished')
    const record = getRun(at.database, second.id)
    if (!record) throw new Error('the run is not stored')
    const { earlier } = createJob(at.database, at.home, record)
    expect(earlier).toMatchObject({ runId: first.id, name: 'first', adapters: [] })
    expect(earlier?.tasks.map(({ name }) => name)).toEqual(['reviews'])
    expect(earlier?.runFolder).toContain(first.id)
  })

  it('has none unless one is named', () => {
    expect(findEarlierRun(at.database, configOf())).toBeUndefined()
  })

  it('is refused where the other is not there, has not finished, or trained another model', async () => {
    await expect(start({ earlierRunId: 'nothing' })).rejects.toMatchObject({ code: 'not-found' })
    const unfinished = await at.runs['runs.start'](configOf({ steps: 10, waitAt: 5 }, { name: 'slow' }))
    await at.reachesStep(unfinished.id, 5)
    await expect(start({ earlierRunId: unfinished.id })).rejects.toThrow(/“slow” has not finished/)
    await at.runs['runs.stop']({ id: unfinished.id })
    await at.reaches(unfinished.id, 'stopped')
    const first = await start({ name: 'first' })
    await at.reaches(first.id, 'finished')
    insertModel(at.database, { ...model, id: 'other', name: 'other', folder: 'models/other' })
    await expect(start({ earlierRunId: first.id, modelId: 'other' })).rejects.toThrow(
      /“first” trained the model/,
    )
  })
})
