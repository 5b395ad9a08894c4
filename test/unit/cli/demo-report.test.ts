import { expect, it } from 'vitest'

import { describeDemo, type DemoRow } from '../../../main/cli/demo-report.ts'

const scores = (accuracy: number) => ({ accuracy, macroF1: accuracy, matthews: 0, loss: 1 })
const row = (task: string, method: string, more: Partial<DemoRow> = {}): DemoRow => ({
  task,
  method,
  family: 'baseline',
  metric: 'accuracy',
  score: 0.5,
  trainableParameters: 1000,
  examplesPerSecond: 100,
  seconds: 4,
  runId: 'run',
  ...more,
})
const curve = (...values: number[]) =>
  values.map((accuracy, droppedLayers) => ({ droppedLayers, scores: scores(accuracy), msPerExample: 1 }))

it('has a table for each family that was trained, with the tasks side by side', () => {
  const said = describeDemo([
    row('questions', 'head', { score: 0.58 }),
    row('reviews', 'head', { score: 0.567 }),
    row('questions', 'full', { score: 0.778, seconds: 30 }),
  ])
  expect(said).toMatch(/Baselines/)
  expect(said).toMatch(/head +58\.0 % +56\.7 % +1,000 +8 s/)
  expect(said).toMatch(/full +77\.8 % +– +1,000 +30 s/)
  expect(said).not.toMatch(/AdapterFusion|AdapterDrop|MAM/)
})

it('sets the curve of adapters trained for dropped layers beside that of plain ones', () => {
  const said = describeDemo([
    row('questions', 'seq_bn', { family: 'adapter', dropCurve: curve(0.7, 0.5, 0.3) }),
    row('questions', 'adapter_drop_robust', { family: 'drop', dropCurve: curve(0.7, 0.68, 0.6) }),
    row('questions', 'masked', { family: 'mam', dropCurve: curve(0.7, 0.4, 0.2) }),
  ])
  expect(said).toMatch(/task +method +n = 0 +n = 1 +n = 2/)
  expect(said).toMatch(/questions +seq_bn +70\.0 % +50\.0 % +30\.0 %/)
  expect(said).toMatch(/questions +adapter_drop_robust +70\.0 % +68\.0 % +60\.0 %/)
  expect(said).not.toMatch(/questions +masked/)
})

it('tells what each fusion gives the tasks’ adapters', () => {
  const said = describeDemo([
    row('questions', 'fusion', { family: 'fusion', fusionWeights: [0.856, 0.144] }),
    row('reviews', 'fusion', { family: 'fusion', fusionWeights: [0.1, 0.9] }),
  ])
  expect(said).toMatch(/fusion for +questions +reviews/)
  expect(said).toMatch(/questions +85\.6 % +14\.4 %/)
  expect(said).toMatch(/reviews +10\.0 % +90\.0 %/)
})
