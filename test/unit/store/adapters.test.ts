import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import {
  getAdapter,
  insertAdapter,
  listAdapters,
  listFusionsOf,
  listUsers,
  removeAdapter,
  renameAdapter,
  type NewAdapter,
} from '../../../main/store/adapters.ts'
import { openDatabase, type Database } from '../../../main/store/database.ts'
import { migrations } from '../../../main/store/migrations/index.ts'
import { insertModel } from '../../../main/store/models.ts'
import { listRunTasks } from '../../../main/store/run-tasks.ts'
import { getRun, insertRun, removeRun, type NewRun } from '../../../main/store/runs.ts'
import { configOf, model } from '../../fixtures/runs-home.ts'

let database: Database
beforeEach(() => {
  database = openDatabase(':memory:')
})
afterEach(() => {
  database.close()
})

const adapter: NewAdapter = {
  id: 'a',
  name: 'seq_bn · reviews',
  kind: 'adapter',
  method: { name: 'seq_bn', options: { reduction_factor: 8 } },
  family: 'adapter',
  modelHash: 'weights',
  modelName: 'tiny',
  datasetName: 'reviews',
  labels: [],
  adapterIds: [],
  parameters: 100,
  bytes: 464,
  score: { metric: 'accuracy', value: 0.75 },
  createdAt: '2026-01-02T03:04:05.000Z',
  file: 'adapters/a.safetensors',
}

const run: NewRun = {
  id: 'r',
  name: 'my run',
  method: 'fusion',
  family: 'fusion',
  modelId: 'model',
  modelName: 'tiny',
  datasetId: 'd',
  datasetName: 'reviews',
  datasetHash: 'rows',
  tasks: [],
  adapters: [],
  config: configOf(),
  createdAt: '2026-01-02T03:04:05.000Z',
}

describe('stored adapters', () => {
  it('come back as they were stored, the newest first, with the model that has their weights', () => {
    insertAdapter(database, adapter)
    insertAdapter(database, {
      ...adapter,
      id: 'b',
      modelHash: 'other',
      createdAt: '2026-01-03T00:00:00.000Z',
    })
    expect(listAdapters(database).map(({ id }) => id)).toEqual(['b', 'a'])
    expect(listAdapters(database, 'weights')).toEqual([adapter])
    insertModel(database, model)
    expect(getAdapter(database, 'a')).toEqual({ ...adapter, modelId: 'model' })
    expect(getAdapter(database, 'none')).toBeUndefined()
  })

  it('are renamed and removed', () => {
    insertAdapter(database, adapter)
    renameAdapter(database, 'a', 'mine')
    expect(getAdapter(database, 'a')?.name).toBe('mine')
    expect(removeAdapter(database, 'a')).toBe(true)
    expect(removeAdapter(database, 'a')).toBe(false)
  })

  it('cannot go while a run builds on them, whoever asks', () => {
    insertAdapter(database, adapter)
    insertRun(database, { ...run, adapters: [{ adapterId: 'a', name: 'reviews' }] })
    expect(listUsers(database, 'a')).toEqual([{ id: 'r', name: 'my run' }])
    expect(() => removeAdapter(database, 'a')).toThrow(/FOREIGN KEY/)
    removeRun(database, 'r')
    expect(removeAdapter(database, 'a')).toBe(true)
  })

  it('outlive the run that trained them', () => {
    insertRun(database, run)
    insertAdapter(database, { ...adapter, runId: 'r' })
    expect(getAdapter(database, 'a')?.runId).toBe('r')
    removeRun(database, 'r')
    expect(getAdapter(database, 'a')).toEqual(adapter)
  })

  it('know the fusions that weigh them', () => {
    insertAdapter(database, adapter)
    insertAdapter(database, { ...adapter, id: 'f', name: 'fusion', kind: 'fusion', adapterIds: ['x', 'a'] })
    expect(listFusionsOf(database, 'a')).toEqual(['fusion'])
    expect(listFusionsOf(database, 'b')).toEqual([])
  })

  it('are not linked by a run that names one that is not there: nothing of it is stored', () => {
    expect(() => insertRun(database, { ...run, adapters: [{ adapterId: 'none', name: 'x' }] })).toThrow()
    expect(getRun(database, 'r')).toBeUndefined()
  })
})

it('a run of an older program gets its one task and the settings that it did not know', () => {
  const folder = mkdtempSync(join(tmpdir(), 'workbench-store-'))
  try {
    const file = join(folder, 'a.sqlite')
    const old = openDatabase(file, migrations.slice(0, 2))
    const config = JSON.stringify({
      modelId: 'm',
      datasetId: 'd',
      method: { name: 'seq_bn', options: {} },
      training: { epochs: 3 },
    })
    old
      .prepare(
        `INSERT INTO runs (id, name, status, method, family, model_id, model_name, dataset_id, dataset_name,
           dataset_hash, labels, seed, best_metric, config, created_at)
         VALUES ('r', 'old', 'finished', 'seq_bn', 'adapter', 'm', 'tiny', 'd', 'reviews', 'rows',
           '["bad","good"]', 1, 'accuracy', ?, '2026-01-02T03:04:05.000Z')`,
      )
      .run(config)
    old.close()
    const now = openDatabase(file)
    expect(listRunTasks(now, 'r')).toEqual([
      { datasetId: 'd', datasetName: 'reviews', datasetHash: 'rows', name: 'task', labels: ['bad', 'good'] },
    ])
    expect(getRun(now, 'r')?.config).toMatchObject({
      moreDatasetIds: [],
      adapterIds: [],
      training: { epochs: 3, unfreezeLayers: [], decayExempt: false },
    })
    now.close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
