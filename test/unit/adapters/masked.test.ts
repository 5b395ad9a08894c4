import { describe, expect, it } from 'vitest'

import { wholeMethod } from '../../../main/adapters/method.ts'
import {
  measured,
  numbers,
  run,
  trainingFolderForEachTest,
  wordRows,
  type Heard,
} from '../../fixtures/training-run.ts'
import { compute, difference, prepared, randomValues, threeTexts } from '../../fixtures/computed.ts'
import { tunedPass } from '../../fixtures/tuned-pass.ts'

const folder = trainingFolderForEachTest()

const options = { reduction_factor: 4 }

function lasting(heard: Heard, name: string): number[] {
  return [...heard.points.values()].filter((point) => point.name === name).map(({ value }) => value)
}

describe('the prediction of masks', () => {
  const always = () => 1
  const share = { mask_share: 0, mask_weight: 1 }
  const maskLoss = (outputs: Record<string, Float32Array>) => outputs['loss.mask']?.[0] ?? Number.NaN

  it('reads what the adapters add, and nothing of what they add it to', async () => {
    const values = (name: string, shape: readonly number[]) =>
      name.includes('.adapter_up.') ? randomValues(name, shape).fill(0) : undefined
    const [one, other] = await Promise.all(
      [[[2, 7, 9, 3]], [[2, 30, 11, 3]]].map((texts) =>
        compute(prepared('masked', share), { training: always, texts, values }),
      ),
    )
    expect(difference(one?.['hidden.3'], other?.['hidden.3'])).toBeGreaterThan(1e-2)
    expect(difference(one?.['loss.mask'], other?.['loss.mask'])).toBe(0)
  })

  it('reads every token and no padding, also where the last layer computes one position', async () => {
    const method = prepared('masked', share)
    const all = await compute(method, { training: always })
    const alone = await Promise.all(
      threeTexts.map((text) => compute(method, { training: always, texts: [text] })),
    )
    const mean = alone.reduce((sum, outputs) => sum + maskLoss(outputs), 0) / alone.length
    expect(maskLoss(all)).toBeCloseTo(mean, 5)
    const cut = await compute(method, { training: always, cutLastLayer: true })
    expect(maskLoss(cut)).toBeCloseTo(maskLoss(all), 6)
  })

  it('calls masked what it thinks likelier masked than units are on the whole', async () => {
    const options = { ...share, mask_share: 0.3, reduction_factor: 4 }
    const counts = async (bias: number, drawn: number) => {
      const outputs = await compute(prepared('masked', options), {
        training: () => drawn,
        values: (name, shape) =>
          name.includes('mask_predictors')
            ? randomValues(name, shape).fill(name.endsWith('bias') ? bias : 0)
            : undefined,
      })
      return [...(outputs['revealed.maskCounts.a.0.output'] ?? [])]
    }
    // ln(0.3 / 0.7) is −0.85. Three texts of six units, all of them masked or none.
    expect(await counts(-0.7, 0)).toEqual([18, 18, 0, 0])
    expect(await counts(-1, 0)).toEqual([0, 18, 0, 0])
    expect(await counts(-0.7, 1)).toEqual([0, 0, 0, 18])
    expect(await counts(-1, 1)).toEqual([0, 0, 18, 18])
  })
})

describe('masked MAM', () => {
  it('without masks and prediction is a plain adapter, to the last bit', async () => {
    const training = { epochs: 2 }
    const plain = await run(folder.jobFor('plain', { options, training }))
    const masked = await run(
      folder.jobFor('masked', {
        method: 'masked',
        options: { ...options, mask_share: 0, mask_weight: 0 },
        training,
      }),
    )
    expect(measured(masked)).toEqual(measured(plain))
  })

  it('learns its task and its masks, and reports both', async () => {
    const heard = await run(
      folder.jobFor('masked', {
        method: 'masked',
        options: { ...options, mask_share: 0.3, mask_weight: 1, init_weights: 'bert' },
        training: { epochs: 30, learningRate: 2e-2 },
      }),
    )
    expect(heard.result?.test?.accuracy).toBeGreaterThan(0.9)
    const losses = lasting(heard, 'train.loss')
    const task = lasting(heard, 'train.taskLoss')
    const mask = lasting(heard, 'train.loss.mask')
    expect(mask.length).toBe(losses.length)
    losses.forEach((loss, i) => expect(loss).toBeCloseTo((task[i] ?? 0) + (mask[i] ?? 0), 5))
    // A predictor that knows nothing says one half of every unit: −ln ½.
    expect(Math.abs((mask[0] ?? 0) - Math.LN2)).toBeLessThan(0.05)
    const found = lasting(heard, 'train.maskBalancedAccuracy')
    expect(found.length).toBe(30)
    expect(found.at(-1)).toBeGreaterThan(0.6)
  })

  it('masks nothing in use: there it is the plain adapter', async () => {
    const masked = await tunedPass(
      folder.jobFor('masked', { method: 'masked', options: { ...options, mask_share: 0.5 } }),
    )
    const plain = await tunedPass(folder.jobFor('plain', { options }))
    expect((await masked.graph(wholeMethod)).tuned.drawn).toEqual([])
    expect(await masked.logits(wholeMethod)).toEqual(await plain.logits(wholeMethod))
    await masked.close()
    await plain.close()
  })

  it('draws the same masks after a pause', async () => {
    const overrides = {
      method: 'masked',
      options: { ...options, mask_share: 0.3 },
      training: { epochs: 3, microBatchSize: 3 },
    }
    const whole = await run(folder.jobFor('whole', overrides))
    const job = folder.jobFor('parted', overrides)
    const first = await run(job, (points) => (points.has('train.loss@15') ? 'pause' : undefined))
    const rest = await run({ ...job, resume: true })
    const together = { ...rest, points: new Map([...first.points, ...rest.points]) }
    expect(numbers(together)).toEqual(numbers(whole))
  })

  it('gives each of several tasks its adapters and its predictors', async () => {
    const tasks = [
      folder.task('first', wordRows(['bad', 'good'])),
      folder.task('second', wordRows(['thing', 'it'], 60)),
    ]
    const { result, points } = await run(
      folder.jobFor('both', { method: 'masked', options, tasks, training: { epochs: 8 } }),
    )
    for (const { test } of result?.tasks ?? []) expect(test?.accuracy).toBeGreaterThan(0.9)
    expect(result?.analysis.selections?.map(({ selection }) => selection)).toContain('top1')
    expect([...points.keys()].some((key) => key.startsWith('train.maskBalancedAccuracy@'))).toBe(true)
  })

  it.each([
    [{ mask_share: 1 }, /mask_share/],
    [{ mask_weight: -1 }, /mask_weight/],
    [{ inv_adapter: 'nice' }, /inv_adapter/],
  ])('refuses %j', async (wrong, message) => {
    await expect(run(folder.jobFor('wrong', { method: 'masked', options: wrong }))).rejects.toThrow(message)
  })
})
