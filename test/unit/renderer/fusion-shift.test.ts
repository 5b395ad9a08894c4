import { expect, it } from 'vitest'

import { fusionShift } from '../../../renderer/lib/fusion-shift.ts'

const adapters = ['reviews', 'questions']
const at = (layer: number, ...weights: number[]) => ({ layer, place: 'output' as const, weights })

it('names the adapter and the layer whose weight is farthest above its mean', () => {
  const mean = [at(0, 0.5, 0.5), at(1, 0.4, 0.6)]
  expect(fusionShift(adapters, mean, [at(0, 0.45, 0.55), at(1, 0.65, 0.35)])).toBe(
    'It listens more to reviews than on the mean, most so in layer 1: 65.0 % instead of 40.0 %.',
  )
  expect(fusionShift(adapters, mean, [at(1, 0.4, 0.6), at(0, 0.2, 0.8)])).toContain(
    'more to questions than on the mean, most so in layer 0: 80.0 %',
  )
})

it('says nothing of a text like the mean, and of places that have no mean', () => {
  expect(fusionShift(adapters, [at(0, 0.5, 0.5)], [at(0, 0.505, 0.495)])).toBeUndefined()
  expect(fusionShift(adapters, [at(0, 0.5, 0.5)], [at(3, 0.9, 0.1)])).toBeUndefined()
})
