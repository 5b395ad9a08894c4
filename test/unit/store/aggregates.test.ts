import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { DatasetDetail, ModelDetail } from '../../../preload/contract.ts'
import { openDatabase, type Database } from '../../../main/store/database.ts'
import {
  countDatasetsOfFile,
  getDataset,
  getDatasetFile,
  insertDataset,
  listDatasets,
  removeDataset,
} from '../../../main/store/datasets.ts'
import { getModel, insertModel, listModels, removeModel } from '../../../main/store/models.ts'

const model: ModelDetail = {
  id: 'm1',
  name: 'mine',
  folder: 'models/mine',
  architecture: 'bert',
  layers: 2,
  hiddenSize: 128,
  heads: 4,
  intermediateSize: 512,
  vocabularySize: 30522,
  maximumLength: 512,
  parameters: 4_385_920,
  hash: 'abc',
  builtIn: false,
  createdAt: '2026-01-02T03:04:05.000Z',
  tensors: [{ name: 'embeddings', shape: [30522, 128], dtype: 'F32', usedAs: 'backbone' }],
  tokenizer: { kind: 'WordPiece', file: 'vocab.txt', lowercase: true, vocabularySize: 30522 },
  example: { text: 'hello', tokens: ['hello'] },
}

const dataset: DatasetDetail = {
  id: 'd1',
  name: 'reviews',
  hash: 'f00',
  task: 'single-text',
  rows: 4,
  rejected: 1,
  labels: ['neg', 'pos'],
  splits: { train: 3, validation: 1 },
  createdAt: '2026-01-02T03:04:05.000Z',
  sample: false,
  labelCounts: { train: { neg: 2, pos: 1 }, validation: { neg: 0, pos: 1 }, test: {} },
  lengthBucket: 20,
  lengths: { train: [0, 3], validation: [1], test: [] },
  duplicates: { withinSplits: 1, acrossSplits: 0 },
  files: [
    { path: 'a.tsv', format: 'delimited', encoding: 'utf-8', byteOrderMark: true, columns: ['1', '2'] },
  ],
  rejectedRows: [{ file: 'a.tsv', line: 7, reason: 'the text is empty' }],
  splitSeed: 3,
  validationShare: 0.25,
}

let database: Database
beforeEach(() => {
  database = openDatabase(':memory:')
})
afterEach(() => database.close())

describe('models in the store', () => {
  it('come back as they were put in, the shipped ones first', () => {
    insertModel(database, model)
    insertModel(database, {
      ...model,
      id: 'm2',
      name: 'starter',
      builtIn: true,
      createdAt: '2026-05-05T00:00:00.000Z',
    })
    expect(getModel(database, 'm1')).toEqual(model)
    expect(listModels(database).map((entry) => entry.name)).toEqual(['starter', 'mine'])
    expect(listModels(database)[1]).not.toHaveProperty('tensors')
  })

  it('are gone once removed', () => {
    insertModel(database, model)
    expect(removeModel(database, 'm1')).toBe(true)
    expect(getModel(database, 'm1')).toBeUndefined()
    expect(removeModel(database, 'm1')).toBe(false)
  })
})

describe('datasets in the store', () => {
  it('come back as they were put in, with the file of their rows', () => {
    insertDataset(database, dataset, 'datasets/f00.jsonl')
    expect(getDataset(database, 'd1')).toEqual(dataset)
    expect(getDatasetFile(database, 'd1')).toBe('datasets/f00.jsonl')
    expect(getDatasetFile(database, 'd2')).toBeUndefined()
    expect(listDatasets(database)[0]).toMatchObject({
      name: 'reviews',
      labels: ['neg', 'pos'],
      sample: false,
    })
    expect(listDatasets(database)[0]).not.toHaveProperty('rejectedRows')
  })

  it('share a file when their rows are the same, under different names', () => {
    insertDataset(database, dataset, 'datasets/f00.jsonl')
    insertDataset(database, { ...dataset, id: 'd2', name: 'again' }, 'datasets/f00.jsonl')
    expect(countDatasetsOfFile(database, 'datasets/f00.jsonl')).toBe(2)
    expect(removeDataset(database, 'd1')).toBe(true)
    expect(countDatasetsOfFile(database, 'datasets/f00.jsonl')).toBe(1)
    expect(removeDataset(database, 'd1')).toBe(false)
  })

  it('are never stored twice under one name', () => {
    insertDataset(database, dataset, 'datasets/f00.jsonl')
    expect(() => insertDataset(database, { ...dataset, id: 'd2' }, 'datasets/f00.jsonl')).toThrow(/UNIQUE/)
  })
})
