import { describe, expect, it } from 'vitest'

import type { Scores, SelectionResult } from '../../../preload/contract.ts'
import { dropRows, selectionRows, selectionText, taskCells } from '../../../renderer/lib/task-rows.ts'

const scores = (accuracy: number): Scores => ({
  ...{ accuracy, macroF1: accuracy - 0.1, matthews: accuracy - 0.2, loss: 1 },
})
const tasks = ['reviews', 'questions', 'topics', 'tone']

describe('a selection in words', () => {
  it.each([
    ['all', 'All adapters'],
    ['top1', 'The one with the largest gate'],
    ['top3', 'The 3 with the largest gates'],
    ['reviews,topics', 'reviews, topics'],
    ['reviews,questions,tone', 'All but topics'],
  ])('%s is %s', (selection, words) => {
    expect(selectionText(selection, tasks)).toBe(words)
  })

  it('names two of three tasks rather than the one left out', () => {
    expect(selectionText('reviews,topics', ['reviews', 'questions', 'topics'])).toBe('reviews, topics')
  })
})

describe('rows of tasks side by side', () => {
  const results: SelectionResult[] = [
    { selection: 'all', task: 'reviews', scores: scores(0.9) },
    { selection: 'all', task: 'questions', scores: scores(0.6) },
    { selection: 'confident', task: 'reviews', scores: scores(0.8), routed: 0.75 },
    { selection: 'confident', task: 'questions', scores: scores(0.8), routed: 0.25 },
  ]
  const two = tasks.slice(0, 2)

  it('are one for each selection, with the mean first and the best of each column', () => {
    const rows = selectionRows(results, two)
    expect(rows.map(({ name, further }) => [name, further])).toEqual([
      ['All adapters', ''],
      ['Most confident head', '50 %'],
    ])
    expect(taskCells(rows, 'accuracy')).toEqual({
      cells: [
        ['75.0', '90.0', '60.0'],
        ['80.0', '80.0', '80.0'],
      ],
      best: ['80.0', '90.0', '80.0'],
    })
    expect(taskCells(rows, 'macroF1').cells[0]).toEqual(['65.0', '80.0', '50.0'])
  })

  it('leave a cell and the mean empty where a task was not measured', () => {
    const [row] = taskCells(selectionRows(results.slice(0, 1), two), 'accuracy').cells
    expect(row).toEqual(['', '90.0', ''])
  })

  it('are one for each number of layers left out, of runs of several tasks only', () => {
    const point = { droppedLayers: 2, scores: scores(0.5), msPerExample: 1.234 }
    const own = [
      { task: 'questions', scores: scores(0.4) },
      { task: 'reviews', scores: scores(0.6) },
    ]
    expect(dropRows([point], two)).toEqual([])
    expect(dropRows([{ ...point, tasks: own }], two)).toEqual([
      { name: '2', scores: [scores(0.6), scores(0.4)], further: '1.23' },
    ])
  })
})
