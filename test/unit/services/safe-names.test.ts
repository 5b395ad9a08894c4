import { expect, it } from 'vitest'

import { safeNames } from '../../../main/services/safe-names.ts'

it('keeps letters, digits and underscores, whatever the alphabet', () => {
  expect(safeNames(['question types', 'SST-2', 'a.b/c', '情感 分类', '  spaced  '])).toEqual([
    'question_types',
    'SST_2',
    'a_b_c',
    '情感_分类',
    'spaced',
  ])
})

it('gives each name once, and none that is taken', () => {
  expect(safeNames(['a b', 'a-b', 'a_b'], ['a_b_2'])).toEqual(['a_b', 'a_b_3', 'a_b_4'])
})

it.each(['run', 'all', 'own', 'confident', 'top2'])('never gives the reserved word %s', (word) => {
  expect(safeNames([word])).toEqual([`${word}_2`])
})

it('has a name for what has no letters, and cuts what is too long', () => {
  expect(safeNames(['···', ''])).toEqual(['task', 'task_2'])
  expect(safeNames(['x'.repeat(100)])[0]).toHaveLength(40)
})
