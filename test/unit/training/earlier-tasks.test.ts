import { describe, expect, it } from 'vitest'

import type { EarlierRun, TrainJob, TrainResult } from '../../../main/training/messages.ts'
import { run, trainingFolderForEachTest, wordRows } from '../../fixtures/training-run.ts'

const folder = trainingFolderForEachTest()

/** What the workbench tells of a finished run to the one that goes on from it. */
function asEarlier({ runId, config, tasks, adapters, runFolder }: TrainJob): EarlierRun {
  return { runId, name: `run ${runId}`, config, tasks, adapters, runFolder }
}

/** A later task with other words: where `thing` and `it` decide. */
function laterTask() {
  return folder.task('others', wordRows(['thing', 'it']))
}

async function afterRun(
  earlierMethod: string,
  laterMethod: string,
  training: Record<string, unknown> = { epochs: 4 },
) {
  const first = folder.jobFor('first', { method: earlierMethod, training })
  const { result: before } = await run(first)
  const second = folder.jobFor('second', { method: laterMethod, tasks: [laterTask()], training })
  const { result } = await run({ ...second, earlier: [asEarlier(first)] })
  return { before, earlierTask: result?.analysis.earlierTasks?.[0] }
}

describe('an earlier task', () => {
  it('keeps its score exactly where each task has adapters on the frozen backbone', async () => {
    const { before, earlierTask } = await afterRun('seq_bn', 'seq_bn', { epochs: 8 })
    expect(before?.test?.accuracy).toBeGreaterThan(0.8)
    expect(earlierTask).toMatchObject({ runId: 'first', name: 'run first', task: 'words', split: 'test' })
    expect(earlierTask?.before).toEqual(before?.test)
    expect(earlierTask?.after).toEqual(earlierTask?.before)
  })

  it('is measured on the changed backbone where full fine-tuning goes on from full fine-tuning', async () => {
    const { before, earlierTask } = await afterRun('full', 'full', { epochs: 4, learningRate: 2e-3 })
    expect(before?.test?.accuracy).toBeGreaterThan(0.8)
    expect(earlierTask?.before.accuracy).toBe(before?.test?.accuracy)
    expect(earlierTask?.after.loss).not.toBe(earlierTask?.before.loss)
  })

  it('is measured with its adapters as they are where a later run changes the backbone below them', async () => {
    const { before, earlierTask } = await afterRun('seq_bn', 'full', { epochs: 3, learningRate: 5e-3 })
    expect(earlierTask?.before).toEqual(before?.test)
    expect(earlierTask?.after.loss).not.toBe(earlierTask?.before.loss)
  })

  it('gives a later run the backbone that it left', async () => {
    const training = { epochs: 6, learningRate: 2e-3 }
    const first = folder.jobFor('first', { method: 'full', training })
    await run(first)
    // With steps of next to nothing, the later run's backbone is the earlier one's, and so is the earlier score.
    const still = { epochs: 1, learningRate: 1e-12, weightDecay: 0 }
    const second = folder.jobFor('second', { method: 'full', tasks: [laterTask()], training: still })
    const { result } = await run({ ...second, earlier: [asEarlier(first)] })
    const { before, after } = result?.analysis.earlierTasks?.[0] ?? {}
    expect(after?.accuracy).toBe(before?.accuracy)
    expect(after?.loss).toBeCloseTo(before?.loss ?? Number.NaN, 5)
    const { result: alone } = await run(
      folder.jobFor('alone', { method: 'full', tasks: [laterTask()], training: still }),
    )
    expect(result?.test?.loss).not.toBe(alone?.test?.loss)
  })

  it('refuses a run that would keep frozen what the earlier one changed', async () => {
    await expect(afterRun('full', 'seq_bn', { epochs: 1 })).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/run first.*changed the backbone.*Choose a method that trains it/s),
    })
  })
})

/** Three tasks with words of their own, one after the other with the same method. */
async function chain(method: string, training: Record<string, unknown>) {
  const words: [string, string][] = [
    ['bad', 'good'],
    ['thing', 'it'],
    ['the', 'film'],
  ]
  const runs: { job: TrainJob; result: TrainResult | undefined; log: string[] }[] = []
  for (const [stage, own] of words.entries()) {
    const task = folder.task(`task ${stage}`, wordRows(own))
    const job = folder.jobFor(`${method} ${stage}`, { method, tasks: [task], training })
    const earlier = runs.map((one) => asEarlier(one.job))
    const { result, messages } = await run({ ...job, ...(stage > 0 ? { earlier } : {}) })
    const log = messages.flatMap((message) => (message.type === 'log' ? [message.text] : []))
    runs.push({ job, result, log })
  }
  return runs
}

describe('a chain of three tasks', () => {
  it('measures all earlier ones after each, on the backbone as it went from one to the next', async () => {
    const [first, second, third] = await chain('full', { epochs: 4, learningRate: 3e-3 })
    const [afterSecond, afterThird] = [second, third].map((one) => one?.result?.analysis.earlierTasks ?? [])
    expect(first?.result?.analysis.earlierTasks).toBeUndefined()
    expect(afterSecond?.map(({ task }) => task)).toEqual(['task 0'])
    expect(afterThird?.map(({ task, runId }) => [task, runId])).toEqual([
      ['task 0', 'full 0'],
      ['task 1', 'full 1'],
    ])
    expect(afterSecond?.[0]?.before).toEqual(first?.result?.test)
    expect(afterThird?.[1]?.before).toEqual(second?.result?.test)
    // Where the second ended, the third began: the same backbone for the first task, in a graph that trains more.
    expect(afterThird?.[0]?.before.accuracy).toBe(afterSecond?.[0]?.after.accuracy)
    expect(afterThird?.[0]?.before.loss).toBeCloseTo(afterSecond?.[0]?.after.loss ?? Number.NaN, 5)
    expect(afterThird?.[0]?.after.loss).not.toBe(afterThird?.[0]?.before.loss)
    expect(third?.log.find((line) => line.includes('Task task 0 of “run full 0”'))).toMatch(
      /test accuracy .* %/,
    )
  })

  it('forgets nothing where each has adapters of its own on the frozen backbone', async () => {
    const [first, second, third] = await chain('seq_bn', { epochs: 2 })
    const earlier = third?.result?.analysis.earlierTasks ?? []
    expect(earlier.map(({ after }) => after)).toEqual([first?.result?.test, second?.result?.test])
    expect(earlier.map(({ before }) => before)).toEqual(earlier.map(({ after }) => after))
  })
})

describe('a task that cannot be measured again', () => {
  it('is told in the log, and the others are measured', async () => {
    const training = { epochs: 1 }
    const first = folder.jobFor('first', { training })
    const second = folder.jobFor('second', { tasks: [laterTask()], training })
    await run(first)
    await run(second)
    const withoutData = asEarlier(first)
    withoutData.tasks = withoutData.tasks.map(({ datasetFile: _removed, ...task }) => task)
    const lost = { ...asEarlier(first), name: 'lost', runFolder: `${first.runFolder}-lost` }
    const third = folder.jobFor('third', { training })
    const { result, messages } = await run({ ...third, earlier: [withoutData, lost, asEarlier(second)] })
    expect(result?.analysis.earlierTasks?.map(({ runId }) => runId)).toEqual(['second'])
    const warnings = messages.flatMap((message) =>
      message.type === 'log' && message.level === 'warning' && message.text.includes('measured again')
        ? [message.text]
        : [],
    )
    expect(warnings).toEqual([
      expect.stringMatching(/Task words of “run first” is not measured again: its dataset has been removed/),
      expect.stringMatching(/The tasks of “lost” could not be measured again: /),
    ])
  })
})

describe('an earlier run of several tasks', () => {
  it('has each of them measured', async () => {
    const tasks = [folder.task('a', wordRows()), folder.task('b', wordRows(['thing', 'it']))]
    const training = { epochs: 2 }
    const first = folder.jobFor('both', { method: 'masked', tasks, training })
    const { result: before } = await run(first)
    const second = folder.jobFor('second', { method: 'full', tasks: [laterTask()], training })
    const { result } = await run({ ...second, earlier: [asEarlier(first)] })
    expect(result?.analysis.earlierTasks?.map(({ task, before: at }) => [task, at])).toEqual(
      before?.tasks.map(({ name, test }) => [name, test]),
    )
  })
})
