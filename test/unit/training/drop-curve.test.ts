import { describe, expect, it } from 'vitest'

import type { JobAdapter } from '../../../main/training/messages.ts'
import { run, trainingFolderForEachTest, wordRows } from '../../fixtures/training-run.ts'

const folder = trainingFolderForEachTest()

const options = { reduction_factor: 4 }
const training = { epochs: 1 }

async function stored(name: string, leaveOut: number[] = []): Promise<JobAdapter> {
  const job = folder.jobFor(name, { options: { ...options, leave_out: leaveOut }, training })
  const { result } = await run(job)
  const file = result?.parts.find(({ kind }) => kind === 'adapter')?.path ?? ''
  return { id: name, name, method: job.config.method, file }
}

const curveOf = async (...settings: Parameters<typeof folder.jobFor>) =>
  (await run(folder.jobFor(...settings))).result?.analysis.dropCurve

describe('the drop curve of adapters together', () => {
  it.each(['fusion', 'fusion_mean', 'stack', 'average_outputs', 'average_parameters'])(
    'by %s begins with the whole method and ends with the backbone',
    async (method) => {
      const adapters = [await stored('first'), await stored('second')]
      const heard = await run(folder.jobFor('together', { method, adapters, training }))
      const { dropCurve = [], selections } = heard.result?.analysis ?? {}
      expect(dropCurve.map(({ droppedLayers }) => droppedLayers)).toEqual([0, 1, 2])
      expect(dropCurve[0]?.scores).toEqual(heard.result?.validation)
      expect(dropCurve[2]?.scores.loss).not.toBe(dropCurve[0]?.scores.loss)
      for (const { msPerExample, tasks } of dropCurve) {
        expect(msPerExample).toBeGreaterThan(0)
        expect(tasks).toBeUndefined()
      }
      expect(selections).toBeUndefined()
    },
  )

  it('begins at the first layer where one of them sits', async () => {
    const adapters = [await stored('first', [0]), await stored('second', [0])]
    const curve = await curveOf('above', { method: 'fusion_mean', adapters, training })
    expect(curve?.map(({ droppedLayers }) => droppedLayers)).toEqual([1, 2])
  })
})

describe('the drop curve of several tasks', () => {
  it.each(['parallel', 'task_drop', 'masked'])('by %s has each task and their mean', async (method) => {
    const tasks = [
      folder.task('one', wordRows(['bad', 'good'])),
      folder.task('two', wordRows(['thing', 'it'], 60)),
    ]
    const { result } = await run(folder.jobFor('both', { method, options, tasks, training }))
    const curve = result?.analysis.dropCurve ?? []
    expect(curve.map(({ droppedLayers }) => droppedLayers)).toEqual([0, 1, 2])
    expect(curve[0]?.tasks?.map(({ task }) => task)).toEqual(['one', 'two'])
    expect(curve[0]?.tasks?.map(({ scores }) => scores)).toEqual(
      result?.tasks.map(({ validation }) => validation),
    )
    for (const { scores, tasks: own = [] } of curve) {
      const [one = Number.NaN, two = Number.NaN] = own.map((task) => task.scores.accuracy)
      expect(scores.accuracy).toBeCloseTo((one + two) / 2, 6)
    }
  })
})

it.each(['head', 'lora', 'bitfit', 'full'])('there is no drop curve of %s', async (method) => {
  expect(await curveOf('none', { method, training })).toBeUndefined()
})
