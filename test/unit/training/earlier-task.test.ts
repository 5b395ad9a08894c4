import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { EarlierRun, TrainJob } from '../../../main/training/messages.ts'
import { makeTrainingFolder, run, wordRows, type TrainingFolder } from '../../fixtures/training-run.ts'

let folder: TrainingFolder
beforeEach(async () => {
  folder = await makeTrainingFolder()
})
afterEach(() => folder.remove())

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
  const { result } = await run({ ...second, earlier: asEarlier(first) })
  return { before, earlierTask: result?.analysis.earlierTask }
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
    const { result } = await run({ ...second, earlier: asEarlier(first) })
    const { before, after } = result?.analysis.earlierTask ?? {}
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
