import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { TrainJob } from '../../../main/training/messages.ts'
import { EngineChoice } from '../../../preload/contract.ts'
import { engines } from '../../engines.ts'
import {
  makeTrainingFolder,
  numbers,
  run,
  type Heard,
  type TrainingFolder,
} from '../../fixtures/training-run.ts'

const tfjs = engines.filter(({ engine }) => engine.name === 'tensorflow')

let folder: TrainingFolder
let onnxruntime: Heard
beforeAll(async () => {
  folder = await makeTrainingFolder()
  onnxruntime = await run(jobOn('reference', 'onnxruntime', 'cpu'))
})
afterAll(() => folder.remove())

function jobOn(name: string, engine: string, device: string): TrainJob {
  const job = folder.jobFor(name, { training: { epochs: 2 } })
  return { ...job, config: { ...job.config, engine: EngineChoice.parse({ engine, device }) } }
}

describe.each(tfjs)('a whole run with $title', ({ engine: { name, device } }) => {
  it('goes as with onnxruntime, and says what it ran on', async () => {
    const heard = await run(jobOn(`run-${device}`, name, device))
    const started = heard.messages.find((message) => message.type === 'started')
    expect(started?.environment).toMatchObject({
      engine: 'tensorflow',
      device,
      deviceReason: 'It was asked for.',
    })
    expect(started?.backboneHashBefore).toBe(heard.result?.backboneHashAfter)
    const losses = [...onnxruntime.points].filter(([key]) => key.startsWith('train.loss@'))
    expect(losses.length).toBeGreaterThan(10)
    for (const [key, { value }] of losses) expect(heard.points.get(key)?.value, key).toBeCloseTo(value, 3)
    expect(heard.result?.test?.accuracy).toBeCloseTo(onnxruntime.result?.test?.accuracy ?? Number.NaN, 1)
  })

  it('that was paused and resumed gives the numbers of one that was not', async () => {
    const whole = await run(jobOn(`whole-${device}`, name, device))
    const job = jobOn(`paused-${device}`, name, device)
    const before = await run(job, (points) => (points.has('train.loss@6') ? 'pause' : undefined))
    expect(before.messages.at(-1)?.type).toBe('paused')
    const after = await run({ ...job, resume: true })
    const joined: Heard = { ...after, points: new Map([...before.points, ...after.points]) }
    expect(numbers(joined)).toEqual(numbers(whole))
  })
})
