import { describe, expect, it } from 'vitest'

import {
  drawSettings,
  gridSettings,
  rungsOf,
  sweepProblem,
  sweepSettings,
  sweepSize,
} from '../../../main/services/experiments-sweep.ts'
import { Sweep, SweepParameter, type InputOf } from '../../../preload/contract.ts'

type Draft = NonNullable<InputOf<'experiments.plan'>['variants'][number]['sweep']>
const parameter = (draft: Draft['parameters'][number]): SweepParameter => SweepParameter.parse(draft)

describe('a grid', () => {
  it('is every combination, the last varying fastest', () => {
    expect(
      gridSettings([
        parameter({ path: 'training.epochs', values: [1, 2] }),
        parameter({ path: 'method.options.flat', values: [true, false] }),
      ]),
    ).toEqual([
      { 'training.epochs': 1, 'method.options.flat': true },
      { 'training.epochs': 1, 'method.options.flat': false },
      { 'training.epochs': 2, 'method.options.flat': true },
      { 'training.epochs': 2, 'method.options.flat': false },
    ])
  })
})

describe('drawn settings', () => {
  const rate = parameter({
    path: 'training.learningRate',
    range: { low: 1e-5, high: 1e-1, scale: 'log' },
  })
  const epochs = parameter({ path: 'training.epochs', range: { low: 2, high: 5, integer: true } })

  it('are the same for the same seed, and others for another', () => {
    expect(drawSettings([rate], 5, 7)).toEqual(drawSettings([rate], 5, 7))
    expect(drawSettings([rate], 5, 7)).not.toEqual(drawSettings([rate], 5, 8))
  })

  it('lie evenly over the orders of magnitude of a logarithmic range', () => {
    const drawn = drawSettings([rate], 400, 1).map((settings) => Number(settings['training.learningRate']))
    const inDecade = [1e-5, 1e-4, 1e-3, 1e-2].map(
      (low) => drawn.filter((value) => value >= low && value < low * 10).length,
    )
    for (const count of inDecade) expect(Math.abs(count - 100)).toBeLessThan(35)
  })

  it('take whole numbers with both ends, none twice as long as there are others', () => {
    const drawn = drawSettings([epochs], 4, 1).map((settings) => settings['training.epochs'])
    expect(drawn.toSorted()).toEqual([2, 3, 4, 5])
    expect(drawSettings([epochs], 9, 1)).toHaveLength(4)
  })
})

describe('successive halving', () => {
  it.each([
    [{ count: 27, factor: 3, firstEpochs: 1, epochs: 27 }, ['27 × 1', '9 × 3', '3 × 9', '1 × 27']],
    [{ count: 8, factor: 2, firstEpochs: 2, epochs: 8 }, ['8 × 2', '4 × 4', '2 × 8']],
    // Fewer settings than the factor: what is left is trained to the end.
    [{ count: 4, factor: 3, firstEpochs: 1, epochs: 20 }, ['4 × 1', '1 × 20']],
    [{ count: 5, factor: 3, firstEpochs: 10, epochs: 10 }, ['5 × 10']],
  ])('of %o has the rungs %j', (options, expected) => {
    expect(rungsOf(options).map(({ count, epochs }) => `${count} × ${epochs}`)).toEqual(expected)
  })
})

describe('the size of a sweep', () => {
  const parameters = [
    { path: 'training.learningRate', values: [0.1, 0.2, 0.3] },
    { path: 'head.dropout', values: [0, 0.1] },
  ]
  it.each<[Draft | undefined, number]>([
    [undefined, 1],
    [{ kind: 'grid', parameters }, 6],
    [{ kind: 'random', count: 4, parameters }, 4],
    [{ kind: 'random', count: 100, parameters }, 6],
    [{ kind: 'halving', count: 6, factor: 2, parameters }, 6 + 3 + 1],
  ])('%o is the number of runs that it makes: %i', (draft, size) => {
    const sweep = draft && Sweep.parse(draft)
    expect(sweepSize(sweep, 4)).toBe(size)
    if (sweep?.kind !== 'halving') expect(sweepSettings(sweep)).toHaveLength(size)
  })
})

describe('a sweep that cannot be meant', () => {
  const problem = (draft: Draft) => sweepProblem(Sweep.parse(draft))

  it('says which setting is wrong', () => {
    const range = { low: 1, high: 2 }
    expect(problem({ kind: 'grid', parameters: [{ path: 'training.epochs', range }] })).toMatch(
      /grid needs values/,
    )
    expect(
      problem({
        kind: 'random',
        count: 2,
        parameters: [{ path: 'head.dropout', range: { low: 2, high: 1 } }],
      }),
    ).toMatch(/head\.dropout has a range from 2 to 1/)
    const log = { low: 0, high: 1, scale: 'log' as const }
    expect(
      problem({ kind: 'random', count: 2, parameters: [{ path: 'training.learningRate', range: log }] }),
    ).toMatch(/logarithmic range from 0/)
    const twice = { path: 'training.epochs', values: [1] }
    expect(problem({ kind: 'grid', parameters: [twice, twice] })).toMatch(/varied twice/)
    expect(problem({ kind: 'grid', parameters: [twice] })).toBeUndefined()
  })

  it('is refused by the contract where it names no setting, or both values and a range', () => {
    expect(() => parameter({ path: 'modelId', values: ['a'] })).toThrow(/training\.learningRate/)
    expect(() => parameter({ path: 'training.epochs', values: [1], range: { low: 1, high: 2 } })).toThrow(
      /either values or a range/,
    )
  })
})
