import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { benchCache, cacheTable } from '../../../bench/cache.ts'
import { modelFolderOf } from '../../../bench/checkpoint.ts'
import { benchJob, jobTable, sst2 } from '../../../bench/job.ts'
import { markdown } from '../../../bench/tables.ts'
import { prepareTorchJob, removeTorchJob, torchRun } from '../../../bench/torch-job.ts'
import { assetsFolder } from '../../../main/assets.ts'
import { describeWithShared } from '../../shared.ts'

/** Whole runs take long on a busy machine. */
const patience = { timeout: 240_000 }

let cache: string
beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), 'workbench-bench-'))
})
afterAll(() => rmSync(cache, { recursive: true, force: true, maxRetries: 5 }))

const sources = {
  files: [{ path: join(assetsFolder(), 'samples', 'reviews.tsv') }],
  maximumRows: 40,
}
const few = { sources, epochs: 2, rounds: 1, threads: 1 }

/** Stands for a Python with PyTorch that keeps what it was asked, and answers with this. */
function pretendTorch(answer: string): { python: string; asked: () => Record<string, unknown> } {
  const [python, asked] = [join(cache, `torch-${answer.length}`), join(cache, 'asked.json')]
  writeFileSync(
    python,
    `#!${process.execPath}
require('node:fs').writeFileSync(${JSON.stringify(asked)}, require('node:fs').readFileSync(0))
process.stdout.write(${JSON.stringify(answer)})
`,
  )
  chmodSync(python, 0o755)
  return { python, asked: () => JSON.parse(readFileSync(asked, 'utf8')) as Record<string, unknown> }
}

it(
  'a whole job is measured from the import to the last validation, ours exactly and in 8 bits, and PyTorch’s',
  patience,
  async () => {
    const answer = { trainingSeconds: 3, accuracies: [0.5, 0.75], peakRssBytes: 1 << 20 }
    const { python, asked } = pretendTorch(JSON.stringify(answer))
    const rows = await benchJob('starter-encoder', { ...few, cache, python })
    expect(rows.map(({ side }) => side)).toEqual([
      'ours',
      'ours, int8',
      'PyTorch, padded to the longest',
      'PyTorch, padded to 128',
    ])
    const [ours, , longest] = rows
    expect(ours?.trainingSeconds).toBeGreaterThan(0)
    expect(ours?.seconds).toBeGreaterThan(ours?.trainingSeconds ?? Infinity)
    expect(longest).toMatchObject({ trainingSeconds: 3, accuracy: 0.75, afterSeconds: 0 })
    expect(asked()).toMatchObject({ epochs: 2, batchSize: 32, learningRate: 1e-3, padTo: 128, threads: 1 })
    const table = jobTable(rows)
    expect(table.cells[0]?.slice(-2)).toEqual(['1.00', '1.00'])
    expect(markdown(table)).toContain('| 75.0 |')
  },
)

it('PyTorch is handed the token ids and the weights that our run begins with', async () => {
  const modelFolder = await modelFolderOf('starter-encoder', cache)
  const config = { method: { name: 'seq_bn' }, training: { maximumLength: 12 } }
  const job = await prepareTorchJob({ modelFolder, sources, config })
  const tokens = JSON.parse(readFileSync(job.tokens, 'utf8')) as {
    train: { ids: number[][]; classes: number[] }
    validation: { ids: number[][] }
  }
  expect(tokens.train.ids.length + tokens.validation.ids.length).toBe(40)
  expect(tokens.train.classes).toHaveLength(tokens.train.ids.length)
  expect(Math.max(...tokens.train.ids.map((ids) => ids.length))).toBe(12)
  expect([...job.weights.entries.keys()]).toEqual(
    expect.arrayContaining([
      'embeddings.word_embeddings.weight',
      'encoder.layer.0.output.adapters.run.adapter_up.weight',
      'heads.run.4.weight',
    ]),
  )
  removeTorchJob(job)
  expect(existsSync(job.folder)).toBe(false)
})

it('a job of PyTorch’s that ends without an answer is an error', async () => {
  const modelFolder = await modelFolderOf('starter-encoder', cache)
  const job = await prepareTorchJob({ modelFolder, sources, config: { method: { name: 'seq_bn' } } })
  await expect(torchRun(pretendTorch('').python, job, undefined)).rejects.toThrow(/ended without an answer/)
  removeTorchJob(job)
})

it('kept states are measured on a random model of a named size too', patience, async () => {
  const row = await benchCache('tiny', { ...few, cache })
  expect(row).toMatchObject({ model: 'tiny', droppedLayers: 1, layers: 2, epochs: 2 })
  expect(row.withTrainingSeconds).toBeGreaterThan(0)
  expect(row.withSeconds).toBeGreaterThan(row.withTrainingSeconds)
  expect(cacheTable([row]).cells[0]).toContain('1 of 2')
})

describeWithShared(
  'the real task of whole jobs',
  ['data/sst2_glue/train.tsv', 'data/sst2_glue/dev.tsv'],
  () => {
    it('is the first rows of its files, header and all', () => {
      const { files } = sst2(3, cache)
      const rows = files.map(({ path }) => readFileSync(path, 'utf8').trimEnd().split('\n').length - 1)
      expect(rows).toEqual([3, 1000])
      expect(files.map(({ split }) => split)).toEqual(['train', 'validation'])
    })
  },
)
