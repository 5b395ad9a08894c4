import type { DatasetDetail, RunDetail } from '../../../preload/contract.ts'

/** A finished run on the dataset below, as the workbench answers it. */
export const run: RunDetail = {
  id: 'abcd1234',
  name: 'TREC · seq_bn',
  status: 'finished',
  method: 'seq_bn',
  family: 'adapter',
  modelId: 'm1',
  modelName: 'starter',
  datasetId: 'd1',
  datasetName: 'TREC',
  seed: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  trainableParameters: 57_462,
  backboneParameters: 3_357_000,
  best: { epoch: 9, metric: 'accuracy', value: 0.91 },
  test: { accuracy: 0.895, macroF1: 0.88, matthews: 0.86, loss: 0.31 },
  examplesPerSecond: 1400,
  stepMs: 22,
  peakRssBytes: 3e8,
  seconds: 40,
  resumable: false,
  config: {
    modelId: 'm1',
    datasetId: 'd1',
    method: { name: 'seq_bn', options: {} },
    head: { layers: 2, pooling: 'first', dropout: 0 },
    training: {
      ...{
        epochs: 10,
        batchSize: 32,
        schedule: 'linear',
        warmup: 0.06,
        weightDecay: 0.01,
        beta1: 0.9,
        beta2: 0.999,
      },
      ...{ epsilon: 1e-8, clipNorm: 1, maximumLength: 64, seed: 1, bestMetric: 'accuracy', patience: 0 },
      checkpointSteps: 100,
    },
    engine: { engine: 'auto', device: 'auto', threads: 0 },
  },
  datasetHash: 'hash',
  backboneUnchanged: true,
  confusion: [
    {
      split: 'test',
      labels: ['DESC', 'NUM'],
      counts: [
        [5, 1],
        [0, 4],
      ],
    },
  ],
  checkpoints: [],
  folder: '/home/runs/abcd1234',
}

export const dataset: DatasetDetail = {
  ...{
    id: 'd1',
    name: 'TREC',
    hash: 'hash',
    task: 'single-text',
    rows: 10,
    rejected: 1,
    labels: ['DESC', 'NUM'],
  },
  ...{ splits: { train: 9, validation: 1 }, createdAt: '2026-01-01T00:00:00.000Z', sample: false },
  labelCounts: { train: { DESC: 5, NUM: 4 }, validation: { NUM: 1 }, test: {} },
  ...{ lengthBucket: 20, lengths: { train: [9], validation: [1], test: [] } },
  duplicates: { withinSplits: 0, acrossSplits: 0 },
  files: [],
  rejectedRows: [{ file: '/data/TREC.train', line: 7, reason: 'no label' }],
  ...{ splitSeed: 1, validationShare: 0.1 },
}
