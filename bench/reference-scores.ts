/** One row of the reference: what a plain PyTorch program reaches with the same encoder, data and recipe. */
export interface ReferenceScore {
  model: 'starter-encoder' | 'minilm-l6'
  task: 'trec' | 'sst2' | 'subj' | 'mr'
  method: string
  epochs: number
  learningRate: number
  seeds: number[]
  /** Test accuracy in per cent over the seeds. */
  mean: number
  deviation: number
  trainableParameters: number
}

const row = (
  model: ReferenceScore['model'],
  task: ReferenceScore['task'],
  method: string,
  epochs: number,
  learningRate: number,
  seeds: number[],
  mean: number,
  deviation: number,
  trainableParameters: number,
): ReferenceScore => ({
  model,
  task,
  method,
  epochs,
  learningRate,
  seeds,
  mean,
  deviation,
  trainableParameters,
})

/** PyTorch 2.13, float32, one thread; the recipe is that of `train`'s defaults. */
export const referenceScores: ReferenceScore[] = [
  row('starter-encoder', 'trec', 'head', 10, 1e-3, [1, 2, 3], 52.0, 1.4, 38_214),
  row('starter-encoder', 'trec', 'seq_bn', 10, 1e-3, [1, 2, 3], 89.5, 1.0, 57_462),
  row('starter-encoder', 'trec', 'double_seq_bn', 10, 1e-3, [1, 2, 3], 90.3, 0.1, 76_710),
  row('starter-encoder', 'trec', 'par_bn', 10, 1e-3, [1, 2, 3], 91.4, 1.0, 186_822),
  row('starter-encoder', 'trec', 'full', 10, 2e-4, [1, 2, 3], 92.9, 0.9, 3_415_878),
  row('starter-encoder', 'sst2', 'seq_bn', 5, 1e-3, [1, 2], 81.0, 0.2, 56_690),
  row('starter-encoder', 'sst2', 'full', 5, 2e-4, [1, 2], 82.4, 0.4, 3_415_106),
  row('starter-encoder', 'subj', 'seq_bn', 5, 1e-3, [1, 2], 90.7, 0.6, 56_690),
  row('starter-encoder', 'subj', 'full', 5, 2e-4, [1, 2], 93.9, 0.5, 3_415_106),
  row('starter-encoder', 'mr', 'seq_bn', 5, 1e-3, [1, 2], 77.6, 0.7, 56_690),
  row('starter-encoder', 'mr', 'full', 5, 2e-4, [1, 2], 80.3, 0.1, 3_415_106),
  row('minilm-l6', 'trec', 'head', 3, 1e-3, [1, 2], 70.7, 0.1, 150_150),
  row('minilm-l6', 'trec', 'seq_bn', 3, 1e-3, [1, 2], 95.6, 0.0, 263_190),
  row('minilm-l6', 'trec', 'full', 3, 5e-5, [1, 2], 96.1, 0.1, 22_715_526),
]
