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
import { dataset as reviews, model as tinyModel } from '../../fixtures/runs-home.ts'

const model: ModelDetail = {
  ...tinyModel,
  tensors: [{ name: 'embeddings', shape: [30522, 128], dtype: 'F32', usedAs: 'backbone' }],
}

const dataset: DatasetDetail = {
  ...reviews,
  rejected: 1,
  files: [
    { path: 'a.tsv', format: 'delimited', encoding: 'utf-8', byteOrderMark: true, columns: ['1', '2'] },
  ],
  rejectedRows: [{ file: 'a.tsv', line: 7, reason: 'the text is empty' }],
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
      id: 'shipped',
      name: 'starter',
      builtIn: true,
      createdAt: '2026-05-05T00:00:00.000Z',
    })
    expect(getModel(database, 'model')).toEqual(model)
    expect(listModels(database).map((entry) => entry.name)).toEqual(['starter', 'tiny'])
    expect(listModels(database)[1]).not.toHaveProperty('tensors')
  })

  it('are gone once removed', () => {
    insertModel(database, model)
    expect(removeModel(database, 'model')).toBe(true)
    expect(getModel(database, 'model')).toBeUndefined()
    expect(removeModel(database, 'model')).toBe(false)
  })
})

describe('datasets in the store', () => {
  it('come back as they were put in, with the file of their rows', () => {
    insertDataset(database, dataset, 'datasets/rows')
    expect(getDataset(database, 'dataset')).toEqual(dataset)
    expect(getDatasetFile(database, 'dataset')).toBe('datasets/rows')
    expect(getDatasetFile(database, 'd2')).toBeUndefined()
    expect(listDatasets(database)[0]).toMatchObject({
      name: 'reviews',
      labels: ['bad', 'good'],
      sample: false,
    })
    expect(listDatasets(database)[0]).not.toHaveProperty('rejectedRows')
  })

  it('share a file when their rows are the same, under different names', () => {
    insertDataset(database, dataset, 'datasets/rows')
    insertDataset(database, { ...dataset, id: 'd2', name: 'again' }, 'datasets/rows')
    expect(countDatasetsOfFile(database, 'datasets/rows')).toBe(2)
    expect(removeDataset(database, 'dataset')).toBe(true)
    expect(countDatasetsOfFile(database, 'datasets/rows')).toBe(1)
    expect(removeDataset(database, 'dataset')).toBe(false)
  })

  it('are never stored twice under one name', () => {
    insertDataset(database, dataset, 'datasets/rows')
    expect(() => insertDataset(database, { ...dataset, id: 'd2' }, 'datasets/rows')).toThrow(/UNIQUE/)
  })
})
