import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createComparisonService } from '../../../main/services/comparison.ts'
import {
  ComparisonInput,
  CurvesInput,
  DisagreementsInput,
  type Comparison,
  type InputOf,
} from '../../../preload/contract.ts'
import { addFinishedRun, openComparedHome, wrongAt, type ComparedHome } from '../../fixtures/compared-runs.ts'
import { removeHome } from '../../fixtures/runs-home.ts'

let at: ComparedHome

beforeEach(() => {
  at = openComparedHome()
})

afterEach(() => {
  at.database.close()
  removeHome(at.home)
})

const handlers = () => createComparisonService(at).handlers
const compare = async (input: InputOf<'comparison.get'>): Promise<Comparison> =>
  handlers()['comparison.get'](ComparisonInput.parse(input))

describe('comparing', () => {
  it('gathers the seeds of a variant and gives their mean with an interval over seeds', async () => {
    await addFinishedRun(at, { id: 'a1', seed: 1, predicted: wrongAt(0) })
    await addFinishedRun(at, { id: 'a2', seed: 2, predicted: wrongAt(0, 1) })
    await addFinishedRun(at, { id: 'a3', seed: 3, predicted: wrongAt(0, 1, 2) })
    await addFinishedRun(at, { id: 'b1', method: 'head', family: 'baseline', predicted: wrongAt(1, 2, 3) })
    const { groups, split } = await compare({ runIds: ['a1', 'a2', 'a3', 'b1'] })
    expect(split).toBe('test')
    expect(groups.map(({ name, runs }) => [name, runs.map(({ id }) => id)])).toEqual([
      ['seq_bn', ['a1', 'a2', 'a3']],
      ['head', ['b1']],
    ])
    const [first, second] = groups
    // numpy: mean 0.8, std(ddof=1) 0.1, t(0.975, 2) × 0.1 / √3 = 0.2484
    expect(first?.score).toMatchObject({ basis: 'seeds', values: [0.9, 0.8, 0.7] })
    expect(first?.score?.mean).toBeCloseTo(0.8)
    expect(first?.score?.deviation).toBeCloseTo(0.1)
    expect(first?.score?.high).toBeCloseTo(1.0484, 3)
    expect(first?.score?.box).toMatchObject({ minimum: 0.7, median: 0.8, maximum: 0.9 })
    expect(second?.score).toMatchObject({ basis: 'bootstrap', mean: 0.7 })
    expect(second?.score?.low).toBeGreaterThan(0.3)
    expect(second?.score?.low).toBeLessThan(0.6)
    expect(second?.score?.high).toBeGreaterThan(0.85)
  })

  it('keeps every run by itself where that is asked for', async () => {
    await addFinishedRun(at, { id: 'a1', seed: 1, predicted: wrongAt(0) })
    await addFinishedRun(at, { id: 'a2', seed: 2, predicted: wrongAt() })
    const { groups } = await compare({ runIds: ['a1', 'a2'], groupBy: 'run' })
    expect(groups.map(({ name }) => name)).toEqual(['a1', 'a2'])
  })

  it("tests single runs by McNemar's test on the same rows", async () => {
    await addFinishedRun(at, { id: 'a', predicted: wrongAt() })
    await addFinishedRun(at, { id: 'b', method: 'head', predicted: wrongAt(0, 1, 2, 3, 4, 5, 6, 7) })
    await addFinishedRun(at, { id: 'c', method: 'lora', predicted: wrongAt(0) })
    const { pairs, groups } = await compare({ runIds: ['a', 'b', 'c'] })
    const named = (id: string): string | undefined => groups.find((group) => group.id === id)?.method
    expect(pairs.map(({ first, second, test, rows }) => [named(first), named(second), test, rows])).toEqual([
      ['seq_bn', 'head', 'mcnemar', 10],
      ['seq_bn', 'lora', 'mcnemar', 10],
      ['head', 'lora', 'mcnemar', 10],
    ])
    // Eight rows to none: 2 × 0.5⁸; one to none: 1; seven to none: 2 × 0.5⁷.
    const expected = [0.0078125, 1, 0.015625]
    pairs.forEach(({ p }, pair) => expect(p).toBeCloseTo(expected[pair] ?? 0, 12))
    const corrected = [3 * 0.0078125, 1, 2 * 0.015625]
    pairs.forEach(({ adjustedP }, pair) => expect(adjustedP).toBeCloseTo(corrected[pair] ?? 0, 12))
    expect(pairs.map(({ significant }) => significant)).toEqual([true, false, true])
    expect(pairs[0]?.difference).toBeCloseTo(0.8)
  })

  it('tests means over seeds by the paired bootstrap', async () => {
    for (const seed of [1, 2]) {
      await addFinishedRun(at, { id: `a${seed}`, seed, predicted: wrongAt(seed) })
      await addFinishedRun(at, {
        id: `b${seed}`,
        seed,
        method: 'head',
        predicted: wrongAt(0, 1, 2, 3, 4, 5, 6, 7, 8),
      })
    }
    const { pairs } = await compare({ runIds: ['a1', 'a2', 'b1', 'b2'] })
    expect(pairs).toHaveLength(1)
    expect(pairs[0]).toMatchObject({ test: 'bootstrap', significant: true })
    expect(pairs[0]?.difference).toBeCloseTo(0.8)
    expect(pairs[0]?.low).toBeGreaterThan(0.4)
  })

  it('says why two groups cannot be tested', async () => {
    await addFinishedRun(at, { id: 'a', predicted: wrongAt() })
    await addFinishedRun(at, { id: 'old', method: 'head', predicted: wrongAt(1), keepAnswers: false })
    await addFinishedRun(at, { id: 'other', method: 'lora', predicted: wrongAt(1), datasetHash: 'others' })
    const { pairs, untested } = await compare({ runIds: ['a', 'old', 'other'] })
    expect(pairs).toEqual([])
    expect(untested.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/answers of “head” are not kept/),
      expect.stringMatching(/different rows/),
      expect.stringMatching(/answers of “head” are not kept/),
    ])
  })

  it('tests of very many only the best against the others', async () => {
    for (let run = 0; run < 41; run++) {
      await addFinishedRun(at, { id: `r${run}`, predicted: run === 7 ? wrongAt() : wrongAt(run % 10) })
    }
    const runIds = Array.from({ length: 41 }, (_, run) => `r${run}`)
    const { pairs, groups } = await compare({ runIds, groupBy: 'run' })
    expect(pairs).toHaveLength(40)
    const best = groups[7]?.id ?? ''
    expect(pairs.every(({ first, second }) => [first, second].includes(best))).toBe(true)
  })

  it('tells what is missing, and compares the rest', async () => {
    await addFinishedRun(at, { id: 'a', predicted: wrongAt() })
    const { groups, missing } = await compare({ runIds: ['a', 'gone'] })
    expect(missing).toEqual(['gone'])
    expect(groups).toHaveLength(1)
  })

  it('names variants of one method by the settings that tell them apart', async () => {
    await addFinishedRun(at, { id: 'a', options: { reduction_factor: 4 }, predicted: wrongAt() })
    await addFinishedRun(at, { id: 'b', options: { reduction_factor: 16 }, predicted: wrongAt(1) })
    const { groups } = await compare({ runIds: ['a', 'b'] })
    expect(groups.map(({ name }) => name)).toEqual([
      'seq_bn · reduction_factor 4',
      'seq_bn · reduction_factor 16',
    ])
    expect(groups.map(({ settings }) => settings)).toEqual([
      { 'method.options.reduction_factor': 4 },
      { 'method.options.reduction_factor': 16 },
    ])
  })

  it('finds the Pareto fronts and says the answer in words', async () => {
    await addFinishedRun(at, { id: 'mam', method: 'mam', predicted: wrongAt(), parameters: 900, seconds: 90 })
    await addFinishedRun(at, { id: 'adapter', predicted: wrongAt(0), parameters: 100, seconds: 30 })
    await addFinishedRun(at, {
      id: 'full',
      method: 'full',
      predicted: wrongAt(0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
      parameters: 5000,
      seconds: 200,
    })
    const { groups, pareto, answers } = await compare({ runIds: ['mam', 'adapter', 'full'] })
    const ids = groups.map(({ id }) => id)
    expect(pareto).toEqual([
      { datasetId: 'dataset', parameters: [ids[1], ids[0]], seconds: [ids[1], ids[0]] },
    ])
    expect(answers[0]).toMatchObject({
      best: ids[0],
      cheaper: { group: ids[1], parameterRatio: 9, adjustedP: 1 },
      below: [ids[2]],
      within: [ids[1]],
    })
    expect(answers[0]?.text).toBe(
      'On reviews, mam scores highest: 100.0 ± 0.0 % accuracy. ' +
        'seq_bn (90.0 ± 15.0 % accuracy) is not significantly below it (p = 1.00) with 1/9 of the trained parameters. ' +
        'Significantly below the best: full.',
    )
  })

  it('adds up matrices and scores classes as scikit-learn does', async () => {
    await addFinishedRun(at, { id: 'a1', seed: 1, predicted: wrongAt(0, 2, 1) })
    await addFinishedRun(at, { id: 'a2', seed: 2, predicted: wrongAt(0) })
    const [group] = (await compare({ runIds: ['a1', 'a2'] })).groups
    expect(group?.confusion?.counts).toEqual([
      [7, 3],
      [1, 9],
    ])
    // sklearn.metrics.precision_recall_fscore_support of those 20 answers
    expect(group?.classScores?.[0]).toMatchObject({ label: 'bad', rows: 10, precision: 0.875, recall: 0.7 })
    expect(group?.classScores?.[0]?.f1).toBeCloseTo(0.7777777777777778, 12)
    expect(group?.classScores?.[1]?.f1).toBeCloseTo(0.8181818181818182, 12)
    // All answers have the confidence 1 / (1 + e⁻¹) and 16 of 20 are right.
    expect(group?.calibration?.error).toBeCloseTo(0.8 - 0.7310585786, 6)
  })

  it('takes drop curves, fusion weights, parts, latency and forgetting as means over seeds', async () => {
    const scores = (accuracy: number) => ({ accuracy, macroF1: 0, matthews: 0, loss: 0 })
    for (const [index, seed] of [1, 2].entries()) {
      await addFinishedRun(at, {
        id: `a${seed}`,
        seed,
        predicted: wrongAt(),
        analysis: {
          latency: { p50: 1 + index, p95: 3 + index, examples: 10 },
          forgetting: { before: 2, after: 2.5 + index, tokens: 100 },
          contributions: {
            parts: ['prefix', 'adapter'],
            changes: [[0.1 + index * 0.2, 0]],
            ablations: [
              { without: [], scores: scores(0.9) },
              { without: ['prefix'], scores: scores(0.8 - index * 0.1) },
            ],
          },
          dropCurve: [{ droppedLayers: 0, scores: scores(0.9 - index * 0.1), msPerExample: 2 + index }],
          fusion: {
            adapters: ['x', 'y'],
            weights: [{ layer: 0, place: 'output', weights: index === 0 ? [0.2, 0.8] : [0.4, 0.6] }],
            pruned: [
              { kept: 2, scores: scores(0.9) },
              { kept: 1, scores: scores(0.6 + index * 0.2), msPerExample: 1 + index },
            ],
          },
        },
      })
    }
    const [group] = (await compare({ runIds: ['a1', 'a2'] })).groups
    expect(group?.latency).toEqual({ p50: 1.5, p95: 3.5 })
    expect(group?.forgetting).toMatchObject({ values: [0.5, 1.5], mean: 1 })
    expect(group?.dropCurve?.[0]?.score.mean).toBeCloseTo(0.85)
    expect(group?.contributions?.parts).toEqual(['prefix', 'adapter'])
    expect(group?.contributions?.changes[0]?.map(({ mean }) => mean)).toEqual([0.2, 0])
    const [whole, withoutPrefix] = group?.contributions?.ablations ?? []
    expect(whole?.fall.values).toEqual([0, 0])
    expect(withoutPrefix?.without).toEqual(['prefix'])
    expect(withoutPrefix?.score.mean).toBeCloseTo(0.75)
    expect(withoutPrefix?.fall.mean).toBeCloseTo(0.15)
    expect(group?.dropCurve?.[0]?.msPerExample.mean).toBe(2.5)
    expect(group?.fusion?.weights[0]?.weights[0]).toBeCloseTo(0.3)
    const [unpruned, pruned] = group?.fusion?.pruned ?? []
    expect(pruned?.score.mean).toBeCloseTo(0.7)
    expect(pruned?.msPerExample?.values).toEqual([1, 2])
    expect(unpruned?.msPerExample).toBeUndefined()
  })
})

describe('learning curves', () => {
  const points = (values: number[], name = 'train.loss') =>
    values.map((value, index) => ({ name, step: index + 1, value }))

  const curves = async (input: InputOf<'comparison.curves'>) =>
    handlers()['comparison.curves'](CurvesInput.parse(input))

  it('lie on the axis that is asked for', async () => {
    await addFinishedRun(at, {
      id: 'a',
      predicted: wrongAt(),
      training: { batchSize: 8, epochs: 2 },
      points: [...points([4, 3, 2, 1]), ...points([8, 4, 2, 16], 'train.examplesPerSecond')],
    })
    const xOf = async (x: 'step' | 'epoch' | 'seconds' | 'examples') =>
      (await curves({ runIds: ['a'], names: ['train.loss'], x })).curves[0]?.x
    expect(await xOf('step')).toEqual([1, 2, 3, 4])
    expect(await xOf('epoch')).toEqual([0.5, 1, 1.5, 2])
    expect(await xOf('examples')).toEqual([8, 16, 24, 32])
    expect(await xOf('seconds')).toEqual([1, 3, 7, 7.5])
  })

  it('count the rows of each step where batches have so many tokens', async () => {
    await addFinishedRun(at, {
      id: 'a',
      predicted: wrongAt(),
      training: { batchTokens: 64, epochs: 2 },
      points: [
        ...points([4, 3, 2, 1]),
        ...points([8, 4, 2, 16], 'train.examplesPerSecond'),
        ...points([4, 8, 2, 8], 'train.rows'),
      ],
    })
    const xOf = async (x: 'seconds' | 'examples') =>
      (await curves({ runIds: ['a'], names: ['train.loss'], x })).curves[0]?.x
    expect(await xOf('examples')).toEqual([4, 12, 14, 22])
    expect(await xOf('seconds')).toEqual([0.5, 2.5, 3.5, 4])
  })

  it('are thinned, and read again where they are zoomed', async () => {
    const values = Array.from({ length: 5000 }, (_, i) => Math.sin(i / 300))
    await addFinishedRun(at, { id: 'a', predicted: wrongAt(), points: points(values) })
    const whole = (await curves({ runIds: ['a'], names: ['train.loss'], points: 50 })).curves[0]
    expect(whole?.x).toHaveLength(50)
    expect(whole?.total).toBe(5000)
    const zoomed = (await curves({ runIds: ['a'], names: ['train.loss'], points: 50, from: 1000, to: 1020 }))
      .curves[0]
    expect(zoomed?.x).toEqual(Array.from({ length: 21 }, (_, i) => 1000 + i))
    expect(zoomed?.y[0]).toBeCloseTo(Math.sin(999 / 300))
  })

  it('are smoothed from their own beginning, also where they are zoomed', async () => {
    await addFinishedRun(at, { id: 'a', predicted: wrongAt(), points: points([1, 2, 4, 3]) })
    const input = { runIds: ['a'], names: ['train.loss'], smoothing: 0.6 }
    const { curves: whole } = await curves(input)
    expect(whole[0]?.smoothed?.[3]).toBeCloseTo(2.911764705882353)
    const { curves: zoomed } = await curves({ ...input, from: 4 })
    expect(zoomed[0]?.smoothed).toEqual([whole[0]?.smoothed?.[3]])
  })

  it('have bands over runs, as far as at least two of them go', async () => {
    await addFinishedRun(at, { id: 'a', seed: 1, predicted: wrongAt(), points: points([1, 2, 3, 4]) })
    await addFinishedRun(at, { id: 'b', seed: 2, predicted: wrongAt(), points: points([3, 4, 5]) })
    const { bands } = await curves({ runIds: ['a', 'b'], names: ['train.loss'], bands: [['a', 'b']] })
    expect(bands[0]).toMatchObject({ band: 0, name: 'train.loss', x: [1, 2, 3], mean: [2, 3, 4] })
    expect(bands[0]?.deviation[0]).toBeCloseTo(Math.SQRT2)
  })
})

describe('rows on which runs disagree', () => {
  const find = (input: InputOf<'comparison.disagreements'>) =>
    handlers()['comparison.disagreements'](DisagreementsInput.parse(input))

  beforeEach(async () => {
    await addFinishedRun(at, { id: 'a', predicted: wrongAt(3, 4) })
    await addFinishedRun(at, { id: 'b', method: 'head', predicted: wrongAt(4, 5) })
  })

  it('come with their texts and what each answers', async () => {
    const { rows, total, counts } = await find({ runIds: ['a', 'b'] })
    expect(rows.map(({ text }) => text)).toEqual(['text number 3', 'text number 5'])
    expect(rows[0]?.answers).toMatchObject([
      { label: 'bad', right: false },
      { label: 'good', right: true },
    ])
    expect(rows[0]?.answers[0]?.confidence).toBeCloseTo(0.731, 3)
    expect(total).toBe(2)
    expect(counts).toEqual({ rows: 10, allRight: 7, allWrong: 1, disagree: 2 })
  })

  it('can be those that all get wrong, one label’s, or found by a word, page by page', async () => {
    expect((await find({ runIds: ['a', 'b'], show: 'all-wrong' })).rows.map(({ index }) => index)).toEqual([
      5,
    ])
    expect((await find({ runIds: ['a', 'b'], show: 'all', label: 'good' })).total).toBe(5)
    expect((await find({ runIds: ['a', 'b'], show: 'all', search: 'NUMBER 7' })).total).toBe(1)
    const page = await find({ runIds: ['a', 'b'], show: 'all', offset: 8, limit: 5 })
    expect(page.rows.map(({ text }) => text)).toEqual(['text number 8', 'text number 9'])
  })

  it('cannot be found between datasets, nor without answers', async () => {
    await addFinishedRun(at, { id: 'c', method: 'lora', predicted: wrongAt(), datasetHash: 'others' })
    await addFinishedRun(at, { id: 'd', method: 'full', predicted: wrongAt(), keepAnswers: false })
    await expect(find({ runIds: ['a', 'c'] })).rejects.toThrow(/not trained on the same dataset/)
    await expect(find({ runIds: ['a', 'd'] })).rejects.toThrow(/“d” has kept no answers to test rows/)
    await expect(find({ runIds: ['a', 'b'], split: 'validation' })).rejects.toThrow(/validation rows/)
  })
})

describe('a sweep', () => {
  it('ascribes the score to the setting that moved it', async () => {
    for (const reduction of [2, 8, 32]) {
      for (const rate of [0.001, 0.01, 0.1]) {
        await addFinishedRun(at, {
          id: `r${reduction}-${rate}`,
          options: { reduction_factor: reduction },
          training: { learningRate: rate },
          predicted: wrongAt(...({ 2: [], 8: [1, 2], 32: [1, 2, 3, 4] }[reduction] ?? [])),
        })
      }
    }
    const ids = [2, 8, 32].flatMap((reduction) => [0.001, 0.01, 0.1].map((rate) => `r${reduction}-${rate}`))
    const { settings, lines } = await handlers()['comparison.sweep'](ComparisonInput.parse({ runIds: ids }))
    const reduction = settings.find(({ path }) => path === 'method.options.reduction_factor')
    expect(reduction).toMatchObject({ numeric: true, values: [2, 8, 32] })
    expect(reduction?.importance).toBeGreaterThan(0.9)
    expect(reduction?.correlation).toBeCloseTo(-1)
    expect(lines).toHaveLength(9)
    expect(lines[0]?.values).toMatchObject({ 'training.learningRate': 0.001 })
  })
})
