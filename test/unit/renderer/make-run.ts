import type { RunSummary } from '../../../preload/contract.ts'

/** A finished run, changed where a test needs it otherwise. */
export function makeRun(patch: Partial<RunSummary> = {}): RunSummary {
  return {
    id: 'run-1',
    name: 'TREC · seq_bn · seed 1',
    status: 'finished',
    method: 'seq_bn',
    family: 'adapter',
    modelId: 'starter',
    modelName: 'starter',
    datasetId: 'trec',
    datasetName: 'TREC',
    seed: 1,
    createdAt: '2026-11-24T08:00:00.000Z',
    trainableParameters: 57462,
    best: { epoch: 9, metric: 'accuracy', value: 0.9 },
    test: { accuracy: 0.89, macroF1: 0.85, matthews: 0.8, loss: 0.4 },
    resumable: false,
    ...patch,
  }
}
