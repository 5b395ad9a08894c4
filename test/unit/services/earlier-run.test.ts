import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { findEarlierRun, findEarlierRuns } from '../../../main/services/earlier-run.ts'
import { createJob } from '../../../main/services/run-job.ts'
import { insertDataset, removeDataset } from '../../../main/store/datasets.ts'
import { insertModel } from '../../../main/store/models.ts'
import { getRun, markImported, updateRun } from '../../../main/store/runs.ts'
import type { EarlierTask } from '../../../preload/contract.ts'
import {
  configOf,
  dataset,
  model,
  openRunsHome,
  removeHome,
  type RunsHome,
} from '../../fixtures/runs-home.ts'

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
    const { earlier = [] } = createJob(at.database, at.home, record)
    expect(earlier).toMatchObject([{ runId: first.id, name: 'first', adapters: [] }])
    expect(earlier[0]?.tasks).toMatchObject([
      { name: 'reviews', datasetFile: expect.stringContaining('rows') },
    ])
    expect(earlier[0]?.runFolder).toContain(first.id)
  })

  it('keeps the run that one goes on from until that one is over', async () => {
    const first = await start({ name: 'first' })
    await at.reaches(first.id, 'finished')
    const second = await at.runs['runs.start'](
      configOf({ steps: 20, waitAt: 5 }, { name: 'second', earlierRunId: first.id }),
    )
    await at.reachesStep(second.id, 5)
    const remove = async () => at.runs['runs.remove']({ id: first.id })
    await expect(remove()).rejects.toThrow('“second” goes on from “first” and has not finished')
    await at.runs['runs.pause']({ id: second.id })
    await expect(remove()).rejects.toThrow('can still be resumed')
    await at.runs['runs.remove']({ id: second.id })
    await remove()
    expect(getRun(at.database, first.id)).toBeUndefined()
  })

  it('goes on from none that was imported', async () => {
    const first = await start({ name: 'figures' })
    await at.reaches(first.id, 'finished')
    markImported(at.database, first.id)
    await expect(start({ earlierRunId: first.id })).rejects.toThrow('the run “figures” was imported')
  })

  it('goes on from all that came before, the oldest first', async () => {
    const ids: string[] = []
    for (const name of ['first', 'second', 'third', 'fourth']) {
      const { id } = await start({ name, ...(ids.length > 0 ? { earlierRunId: ids.at(-1) } : {}) })
      await at.reaches(id, 'finished')
      ids.push(id)
    }
    const [first = '', second = '', third = '', fourth = ''] = ids
    const after = (earlierRunId: string): string[] =>
      findEarlierRuns(at.database, configOf({}, { earlierRunId })).map(({ id }) => id)
    expect(after(fourth)).toEqual(ids)
    // What the third measured again says what came before it, when its link to them is gone.
    const scores = { accuracy: 1, macroF1: 1, matthews: 1, loss: 0 }
    const earlierTasks = [first, second].map((runId): EarlierTask => ({
      ...{ runId, name: runId, task: 'reviews', split: 'validation', before: scores, after: scores },
    }))
    updateRun(at.database, third, { analysis: { earlierTasks } })
    await at.runs['runs.remove']({ id: second })
    expect(after(fourth)).toEqual([first, third, fourth])
    await at.runs['runs.remove']({ id: first })
    expect(after(fourth)).toEqual([third, fourth])
  })

  it('names a task whose dataset has been removed without its file', async () => {
    const first = await start({ name: 'first' })
    await at.reaches(first.id, 'finished')
    const second = await start({ name: 'second', earlierRunId: first.id })
    await at.reaches(second.id, 'finished')
    const others = { ...dataset, id: 'others', name: 'others' }
    insertDataset(at.database, others, 'datasets/others')
    const third = await at.runs['runs.start'](
      configOf({ steps: 10 }, { datasetId: 'others', earlierRunId: second.id }),
    )
    await at.reaches(third.id, 'finished')
    removeDataset(at.database, dataset.id)
    const record = getRun(at.database, third.id)
    if (!record) throw new Error('the run is not stored')
    const { earlier = [] } = createJob(at.database, at.home, record)
    expect(earlier.map(({ name }) => name)).toEqual(['first', 'second'])
    expect(earlier.flatMap(({ tasks }) => tasks.map(({ datasetFile }) => datasetFile))).toEqual([
      undefined,
      undefined,
    ])
  })

  it('is one variant with those of other seeds, each on its own earlier run', async () => {
    const variants: (string | undefined)[] = []
    for (const seed of [1, 2]) {
      const first = await start({ name: `first ${seed}`, training: { seed } })
      await at.reaches(first.id, 'finished')
      const { variant } = await start({ name: `second ${seed}`, training: { seed }, earlierRunId: first.id })
      variants.push(first.variant, variant)
    }
    const [first, second, otherFirst, otherSecond] = variants
    expect([otherFirst, otherSecond]).toEqual([first, second])
    expect(second).not.toBe(first)
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
