import { describe, expect, it } from 'vitest'

import { selectionsToEvaluate, strongestAdapters } from '../../../main/training/selection.ts'

const textsFor = (...names: string[]): string[] => selectionsToEvaluate(names).map(({ text }) => text)

describe('the selections that a run of several tasks is evaluated with', () => {
  it('of two tasks are all, each one’s own and the largest gate', () => {
    expect(textsFor('a', 'b')).toEqual(['all', 'own', 'top1'])
  })

  it('of three and four tasks have every set of two or more that is not all', () => {
    expect(textsFor('a', 'b', 'c')).toEqual(['all', 'own', 'top1', 'top2', 'a,b', 'a,c', 'b,c'])
    const four = textsFor('a', 'b', 'c', 'd')
    expect(four.slice(0, 5)).toEqual(['all', 'own', 'top1', 'top2', 'top3'])
    expect(new Set(four.slice(5))).toEqual(
      new Set(['a,b', 'a,c', 'b,c', 'a,d', 'b,d', 'c,d', 'a,b,c', 'a,b,d', 'a,c,d', 'b,c,d']),
    )
    expect(four).toHaveLength(15)
  })

  it('of more leave one task out at a time', () => {
    const names = Array.from({ length: 30 }, (_, index) => `t${index}`)
    const all = selectionsToEvaluate(names)
    expect(all).toHaveLength(2 + 29 + 30)
    const [, second] = all.slice(-30)
    expect(second?.text).toBe(names.filter((name) => name !== 't1').join(','))
    expect(second?.selection).toEqual({
      kind: 'named',
      adapters: names.flatMap((_, index) => (index === 1 ? [] : [index])),
    })
  })
})

describe('the strongest adapters of a fusion', () => {
  const at = (layer: number, place: 'attention' | 'output', ...weights: number[]) => ({
    ...{ layer, place, weights },
  })
  const fusion = {
    adapters: ['a', 'b', 'c'],
    weights: [at(0, 'output', 0.5, 0.3, 0.2), at(1, 'output', 0.1, 0.2, 0.7)],
  }
  const config = { layers: 2 } as Parameters<typeof strongestAdapters>[2]

  it('are chosen layer by layer, at all places of a layer together', () => {
    expect(strongestAdapters(fusion, 1, config)).toEqual({ active: [[0], [2]] })
    expect(strongestAdapters(fusion, 2, config)).toEqual({
      active: [
        [0, 1],
        [1, 2],
      ],
    })
    const both = [at(0, 'attention', 0.1, 0.8, 0.1), ...fusion.weights]
    expect(strongestAdapters({ ...fusion, weights: both }, 1, config).active?.[0]).toEqual([1])
  })

  it('are chosen over the training rows where these are known', () => {
    const trainingWeights = [at(0, 'output', 0.2, 0.7, 0.1), at(1, 'output', 0.8, 0.1, 0.1)]
    expect(strongestAdapters({ ...fusion, trainingWeights }, 1, config)).toEqual({ active: [[1], [0]] })
  })
})
