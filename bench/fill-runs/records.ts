import type { DatasetDetail, MethodFamily, ModelDetail } from '../../preload/contract.ts'

const createdAt = '2026-01-02T03:04:05.000Z'

/** What the made-up runs say that they trained. Nothing of it is on the disk. */
export const model: ModelDetail = {
  ...{ id: 'model', name: 'made up', folder: 'models/made-up', architecture: 'bert' as const },
  ...{ layers: 4, hiddenSize: 256, heads: 4, intermediateSize: 1024, vocabularySize: 30_522 },
  ...{ maximumLength: 128, parameters: 3_000_000, hash: 'weights', builtIn: false, createdAt },
  tensors: [],
  tokenizer: { kind: 'WordPiece', file: 'vocab.txt', lowercase: true, vocabularySize: 30_522 },
  example: { text: 'hello', tokens: ['hello'] },
}

export function dataset(testRows: number): DatasetDetail {
  return {
    ...{ id: 'dataset', name: 'made up', hash: 'rows', task: 'single-text' as const },
    ...{ rows: 5000 + testRows, rejected: 0, labels: ['a', 'b', 'c', 'd', 'e', 'f'] },
    ...{ splits: { train: 4500, validation: 500, test: testRows }, createdAt, sample: false },
    labelCounts: { train: {}, validation: {}, test: {} },
    ...{ lengthBucket: 20, lengths: { train: [4500], validation: [500], test: [testRows] } },
    duplicates: { withinSplits: 0, acrossSplits: 0 },
    ...{ files: [], rejectedRows: [], splitSeed: 1, validationShare: 0.1 },
  }
}

export const methods: readonly (readonly [string, MethodFamily])[] = [
  ['seq_bn', 'adapter'],
  ['double_seq_bn', 'adapter'],
  ['adapter_drop_robust', 'drop'],
  ['mam', 'mam'],
  ['full', 'baseline'],
]
