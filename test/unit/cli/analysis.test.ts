import { expect, it } from 'vitest'

import { describeAnalysis } from '../../../main/cli/analysis.ts'
import type { EarlierTask, RunAnalysis, Scores, TaskResult, TaskSequence } from '../../../preload/contract.ts'
import { run } from './answers.ts'

const scores: Scores = { accuracy: 0.895, macroF1: 0.88, matthews: 0.86, loss: 0.31 }
const text = (analysis: RunAnalysis, tasks: TaskResult[] = [], sequence?: TaskSequence): string =>
  describeAnalysis({ ...run, analysis, tasks, ...(sequence ? { sequence } : {}) }).join('\n')

it('says nothing of a run that found nothing out', () => {
  expect(describeAnalysis(run)).toEqual([])
})

it('tells cost and forgetting with their units', () => {
  const said = text({
    cost: { forwardFlops: 245_000_000, backwardFlops: 198_000_000, activationBytes: 2_030_000 },
    forgetting: { before: 4.1682, after: 4.2664, tokens: 820 },
  })
  expect(said).toContain('245 MFLOP forward, 198 MFLOP backward, 2.03 MB of activations per example')
  expect(said).toContain('4.1682 before, 4.2664 after (+0.0982), on 820 tokens')
  expect(text({ forgetting: { before: 2, after: 1.5, tokens: 1 } })).toContain('(−0.5000)')
})

it('tells what was kept for each text, and what that saved', () => {
  const said = text({ cache: { bytes: 12_340_000, savedShare: 0.567 } })
  expect(said).toContain('56.7 % of a step’s operations saved, 12.3 MB of states kept')
})

it('says what became of the earlier tasks, and what that comes to', () => {
  const earlier = (task: string, accuracy: number): EarlierTask => ({
    ...{ runId: task, name: `${task} · full`, task, split: 'test' },
    before: scores,
    after: { ...scores, accuracy },
  })
  const figures = { averageScore: 0.75, forgetting: 0.2, backwardTransfer: -0.15 }
  const sequence: TaskSequence = {
    stages: ['TREC', 'SST', 'now'].map((name) => ({ runId: name, name })),
    tasks: ['TREC', 'SST', 'now'].map((name, stage) => ({ name, stage, split: 'test' })),
    scores: [],
    figures: { accuracy: figures, macroF1: {}, matthews: {} },
  }
  const said = text({ earlierTasks: [earlier('TREC', 0.7), earlier('SST', 0.8)] }, [], sequence)
  expect(said).toContain('earlier task TREC of “TREC · full”: test accuracy 89.5 % before, 70.0 % after')
  expect(said).toContain('earlier task SST of “SST · full”: test accuracy 89.5 % before, 80.0 % after')
  expect(said).toContain(
    '3 tasks in 3 runs: average accuracy 75.0 %, average forgetting 20.0 %, backward transfer -15.0 %',
  )
})

it('lists what is left without parts of the method, and what each changes in every layer', () => {
  const said = text({
    contributions: {
      parts: ['prefix', 'adapter'],
      changes: [
        [0.1, 0.25],
        [0, 0.5],
      ],
      ablations: [
        { without: [], scores },
        { without: ['prefix'], scores: { ...scores, accuracy: 0.7 } },
        { without: ['prefix', 'adapter'], scores: { ...scores, accuracy: 0.3 } },
      ],
    },
  })
  expect(said).toMatch(/nothing +89\.5 %/)
  expect(said).toMatch(/prefix +70\.0 %/)
  expect(said).toMatch(/all parts +30\.0 %/)
  expect(said).toMatch(/layer +prefix +adapter\n.*\n +0 +10\.0 % +25\.0 %\n +1 +0\.0 % +50\.0 %/)
})

it('lists each task with both splits, where there are several', () => {
  const task = (name: string): TaskResult => ({
    datasetId: name,
    name,
    validation: scores,
    test: { ...scores, accuracy: 0.5 },
    confusion: [],
  })
  expect(text({}, [task('reviews')])).toBe('')
  const said = text({}, [task('reviews'), task('questions')])
  expect(said).toMatch(/questions +validation +89\.5 %/)
  expect(said).toMatch(/questions +test +50\.0 %/)
})

it('prints the drop curve, the weights of a fusion and the selections as tables', () => {
  const said = text({
    dropCurve: [{ droppedLayers: 2, scores, msPerExample: 1.234 }],
    fusion: {
      adapters: ['a', 'b'],
      weights: [{ layer: 3, place: 'output', weights: [0.25, 0.75] }],
      pruned: [
        { kept: 2, scores, msPerExample: 1.5, forwardFlops: 12_000_000 },
        { kept: 1, scores },
      ],
    },
    selections: [
      { selection: 'top2', task: 'reviews', scores },
      { selection: 'top2', task: 'questions', scores: { ...scores, accuracy: 0.5 } },
      { selection: 'confident', task: 'reviews', scores, routed: 0.625 },
      { selection: 'confident', task: 'questions', scores, routed: 0.5 },
    ],
  })
  expect(said).toMatch(/2 +89\.5 % +88\.0 % +0\.860 +0\.3100 +1\.23/)
  expect(said).toMatch(/layer +place +a +b\n.*\n +3 +output +0\.250 +0\.750/)
  expect(said).toMatch(/adapters kept .*\n.*\n +2 +89\.5 % .* 1\.5 +12\n +1 +89\.5 % .* – +–/)
  expect(said).toMatch(/selection +mean +reviews +questions +routed/)
  expect(said).toMatch(/top2 +69\.8 % +89\.5 % +50\.0 % +–/)
  expect(said).toMatch(/confident +89\.5 % +89\.5 % +89\.5 % +56\.3 %/)
})

it('gives the drop curve of several tasks as their mean and each task’s own', () => {
  const point = { droppedLayers: 1, scores, msPerExample: 1.5 }
  const said = text({
    dropCurve: [
      {
        ...point,
        tasks: [
          { task: 'reviews', scores: { ...scores, accuracy: 0.9 } },
          { task: 'questions', scores: { ...scores, accuracy: 0.7 } },
        ],
      },
    ],
  })
  expect(said).toMatch(/mean over tasks, and accuracy of each/)
  expect(said).toMatch(/layers left out .* loss +reviews +questions +ms per example/)
  expect(said).toMatch(/ 1 +89\.5 % .* 90\.0 % +70\.0 % +1\.5/)
})
