import { rmSync } from 'node:fs'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createPlayground, toPrediction, type Playground } from '../../../main/services/playground.ts'
import { forkTrainer } from '../../../main/services/trainer-process.ts'
import {
  configOf,
  openRunsHome,
  removeHome,
  scriptedTrainer,
  type RunsHome,
} from '../../fixtures/runs-home.ts'

let at: RunsHome
let playground: Playground

beforeEach(() => {
  at = openRunsHome()
  const { home, database } = at
  playground = createPlayground({
    home,
    database,
    spawnTrainer: forkTrainer(scriptedTrainer),
    silence: 10_000,
  })
})

afterEach(async () => {
  await playground.close()
  await at.close()
  removeHome(at.home)
})

const predict = async (id: string, ...texts: string[]) =>
  playground.handlers['runs.predict']({ id, texts: texts.map((text) => ({ text })), active: 'all' })

async function finishedRun(): Promise<string> {
  const { id } = await at.runs['runs.start'](configOf({ steps: 10 }))
  await at.reaches(id, 'finished')
  return id
}

describe('predicting', () => {
  it('gives each text its label and every label’s score, the highest first', async () => {
    const id = await finishedRun()
    expect(await predict(id, 'a good film', 'a film')).toEqual([
      {
        task: 'reviews',
        label: 'good',
        scores: [
          { label: 'good', score: 0.8 },
          { label: 'bad', score: 0.2 },
        ],
      },
      {
        task: 'reviews',
        label: 'bad',
        scores: [
          { label: 'bad', score: 0.7 },
          { label: 'good', score: 0.3 },
        ],
      },
    ])
  })

  it('answers several requests at once, each its own', async () => {
    const id = await finishedRun()
    const answers = await Promise.all([predict(id, 'good'), predict(id, 'bad'), predict(id, 'good')])
    expect(answers.map(([answer]) => answer?.label)).toEqual(['good', 'bad', 'good'])
  })

  it('survives a trainer that crashes, and answers the next request', async () => {
    const id = await finishedRun()
    const crashing = predict(id, 'crash')
    const next = predict(id, 'good')
    await expect(crashing).rejects.toMatchObject({ code: 'engine' })
    expect((await next)[0]?.label).toBe('good')
    expect((await at.runs['runs.get']({ id })).status).toBe('finished')
  })

  it('refuses a run that is still running, and one without a best checkpoint', async () => {
    const { id } = await at.runs['runs.start'](configOf({ steps: 100, waitAt: 12 }))
    await at.reachesStep(id, 12)
    await expect(predict(id, 'good')).rejects.toMatchObject({ code: 'conflict' })
    await at.runs['runs.pause']({ id })
    expect(await predict(id, 'good')).toHaveLength(1)
    const { checkpoints } = await at.runs['runs.get']({ id })
    for (const { kind, path } of checkpoints) if (kind === 'best') rmSync(path)
    await expect(predict(id, 'good')).rejects.toThrow(/no best checkpoint/)
  })

  it('refuses half a pair, and a pair where single texts were trained', async () => {
    const id = await finishedRun()
    const ask = async (...texts: { text: string; secondText?: string }[]) =>
      playground.handlers['runs.predict']({ id, texts, active: 'all' })
    const [single, pair] = [{ text: 'good' }, { text: 'good', secondText: 'better' }]
    await expect(ask(single, pair)).rejects.toThrow(
      'texts: “reviews” was trained on single texts, and number 2 has a second text.',
    )
    at.database.prepare(`UPDATE datasets SET task = 'text-pair'`).run()
    expect(await ask(pair)).toHaveLength(1)
    await expect(ask(single)).rejects.toThrow(
      'texts: “reviews” was trained on pairs of texts, and number 1 has no second text.',
    )
    at.database.prepare(`DELETE FROM datasets`).run()
    expect(await ask(single)).toHaveLength(1)
  })

  it('refuses a run that is not there and a model that has been removed', async () => {
    const id = await finishedRun()
    await expect(predict('none', 'good')).rejects.toMatchObject({ code: 'not-found' })
    at.database.prepare('DELETE FROM models').run()
    await expect(predict(id, 'good')).rejects.toThrow(/model “tiny” .* has been removed/)
  })

  it('ends what is under way when the program closes', async () => {
    const id = await finishedRun()
    const waiting = predict(id, 'wait')
    const next = predict(id, 'good')
    const refused = Promise.all([
      expect(waiting).rejects.toMatchObject({ code: 'unavailable' }),
      expect(next).rejects.toMatchObject({ code: 'unavailable' }),
    ])
    await new Promise((resolve) => setTimeout(resolve, 100))
    await playground.close()
    await refused
  })

  it('does not pass on scores that do not fit the labels', () => {
    const tasks = [{ name: 'reviews', labels: ['bad', 'good'] }]
    expect(() => toPrediction(tasks, { task: 0, scores: [1] })).toThrow(/1 scores for 2 labels/)
    expect(() => toPrediction(tasks, { task: 1, scores: [1] })).toThrow(/no labels/)
  })
})
