import { rmSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { argmax } from '../../../main/training/metrics.ts'
import { readAnswers } from '../../../main/training/predictions.ts'
import { run, trainingFolderForEachTest } from '../../fixtures/training-run.ts'

const folder = trainingFolderForEachTest()

describe('what a run answered', () => {
  it('is kept row by row, and makes the confusion matrices that it told', async () => {
    const { result } = await run(folder.jobFor('a', { training: { epochs: 2 } }))
    for (const { split, counts } of result?.confusion ?? []) {
      if (split === 'train') continue
      const answers = await readAnswers(join(folder.path, 'a'), split)
      const counted = [
        [0, 0],
        [0, 0],
      ]
      answers?.classes.forEach((actual, row) => {
        const line = counted[actual] ?? []
        const predicted = argmax(answers.logits, 2, row)
        line[predicted] = (line[predicted] ?? 0) + 1
      })
      expect(counted).toEqual(counts)
    }
    expect(result?.confusion.map(({ split }) => split)).toEqual(['validation', 'test'])
  })

  it('is nothing where the file is missing or the task is another', async () => {
    await run(folder.jobFor('b', { training: { epochs: 1 } }))
    expect(await readAnswers(join(folder.path, 'b'), 'test', 1)).toBeUndefined()
    rmSync(join(folder.path, 'b', 'predictions.safetensors'))
    expect(await readAnswers(join(folder.path, 'b'), 'test')).toBeUndefined()
  })

  it('comes with the time that one example takes', async () => {
    const { result } = await run(folder.jobFor('c', { training: { epochs: 1 } }))
    const { p50 = 0, p95 = 0, examples } = result?.analysis.latency ?? {}
    expect(p50).toBeGreaterThan(0)
    expect(p95).toBeGreaterThanOrEqual(p50)
    expect(examples).toBe(20)
  })
})
