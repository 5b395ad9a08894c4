import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import {
  endpoints,
  RunConfig,
  type DatasetDetail,
  type InputOf,
  type ModelDetail,
  type TopicName,
} from '../../../preload/contract.ts'
import { nameOfFile } from '../../../main/services/dataset-names.ts'
import { createDatasetService, type DatasetHandlers } from '../../../main/services/datasets.ts'
import { openDatabase, type Database } from '../../../main/store/database.ts'
import { insertModel } from '../../../main/store/models.ts'
import { insertRun, type NewRun } from '../../../main/store/runs.ts'

const samplesFolder = fileURLToPath(new URL('../../../assets/samples/', import.meta.url))

let home = ''
let database: Database
let service: DatasetHandlers
let published: { topic: TopicName; message: unknown }[] = []

function start(): DatasetHandlers {
  return createDatasetService({
    database,
    home,
    samplesFolder,
    publish: (topic, message) => published.push({ topic, message }),
  })
}

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'workbench-service-'))
  database = openDatabase(join(home, 'workbench.sqlite'))
  published = []
  service = start()
})
afterEach(() => {
  database.close()
  rmSync(home, { recursive: true, force: true })
})

function write(name: string, content: string): string {
  const path = join(home, name)
  writeFileSync(path, content)
  return path
}

function table(rows: number, word = 'text'): string {
  const lines = Array.from(
    { length: rows },
    (_, at) => `${word} number ${at}\t${at % 2 === 0 ? 'even' : 'odd'}`,
  )
  return `text\tlabel\n${lines.join('\n')}\n`
}

async function load(input: InputOf<'datasets.import'>): Promise<DatasetDetail> {
  return service['datasets.import'](endpoints['datasets.import'].input.parse(input))
}

function rowsOf(id: string, query: Omit<InputOf<'datasets.rows'>, 'id'> = {}) {
  return service['datasets.rows'](endpoints['datasets.rows'].input.parse({ id, ...query }))
}

function runOn({ id, name, hash, labels, createdAt }: DatasetDetail): NewRun {
  return {
    id: 'r1',
    name: 'first try',
    method: 'head',
    family: 'baseline',
    modelId: 'm',
    modelName: 'model',
    datasetId: id,
    datasetName: name,
    datasetHash: hash,
    tasks: [{ datasetId: id, datasetName: name, datasetHash: hash, name: 'task', labels }],
    adapters: [],
    config: RunConfig.parse({ modelId: 'm', datasetId: id, method: { name: 'head' } }),
    createdAt,
  }
}

function model(folder: string): ModelDetail {
  return {
    id: 'm',
    name: 'model',
    folder,
    architecture: 'bert',
    layers: 1,
    hiddenSize: 4,
    heads: 1,
    intermediateSize: 8,
    vocabularySize: 6,
    maximumLength: 16,
    parameters: 100,
    hash: 'h',
    builtIn: false,
    createdAt: '2026-01-01T00:00:00.000Z',
    tensors: [],
    tokenizer: { kind: 'WordPiece', file: 'vocab.txt', lowercase: true, vocabularySize: 6 },
    example: { text: '', tokens: [] },
  }
}

function makeTokenizer(folder: string): void {
  mkdirSync(folder)
  writeFileSync(join(folder, 'vocab.txt'), '[PAD]\n[UNK]\n[CLS]\n[SEP]\none\ntwo\n')
}

const stored = () => readdirSync(join(home, 'datasets')).filter((name) => name.endsWith('.jsonl'))

describe('datasets.import', () => {
  it('keeps the dataset so that it is found again after a restart', async () => {
    const dataset = await load({ files: [{ path: write('animals.tsv', table(40)) }] })
    expect(dataset).toMatchObject({
      name: 'animals',
      rows: 40,
      splits: { train: 36, validation: 4 },
      sample: false,
    })
    database.close()
    database = openDatabase(join(home, 'workbench.sqlite'))
    service = start()
    expect(await service['datasets.get']({ id: dataset.id })).toEqual(dataset)
    expect(await service['datasets.list']({})).toMatchObject([{ id: dataset.id, rows: 40 }])
    expect(await rowsOf(dataset.id, { limit: 1 })).toMatchObject({
      total: 40,
      rows: [{ text: 'text number 0' }],
    })
  })

  it('publishes progress up to the last byte, then the change', async () => {
    const path = write('a.tsv', table(40))
    const { id } = await load({ name: 'mine', files: [{ path }] })
    const progress = published.filter(({ topic }) => topic === 'dataset.progress')
    const bytes = Buffer.byteLength(table(40))
    expect(progress[progress.length - 1]?.message).toEqual({
      name: 'mine',
      rows: 40,
      bytes,
      totalBytes: bytes,
    })
    expect(published[published.length - 1]).toEqual({ topic: 'dataset.changed', message: { id } })
  })

  it('gives the dataset that is there when the same is imported again', async () => {
    const path = write('a.tsv', table(40))
    const first = await load({ files: [{ path }] })
    published = []
    expect(await load({ files: [{ path }] })).toEqual(first)
    expect(await load({ name: 'a', files: [{ path }] })).toEqual(first)
    expect(await service['datasets.list']({})).toHaveLength(1)
    expect(published.map(({ topic }) => topic)).not.toContain('dataset.changed')
  })

  it('imports the same twice at once into one', async () => {
    const path = write('a.tsv', table(40))
    const [one, two] = await Promise.all([load({ files: [{ path }] }), load({ files: [{ path }] })])
    expect(two).toEqual(one)
  })

  it('numbers a name that came from the file, and refuses a chosen one that is taken by other rows', async () => {
    await load({ files: [{ path: write('a.tsv', table(40)) }] })
    const second = await load({ files: [{ path: write('a.tsv', table(50)) }] })
    expect(second.name).toBe('a 2')
    expect(await load({ files: [{ path: write('a.tsv', table(50)) }] })).toEqual(second)
    await expect(load({ name: 'a', files: [{ path: write('a.tsv', table(60)) }] })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/“a”.*Choose another name/),
    })
    expect(stored()).toHaveLength(2)
  })

  it('lets other work of the process go on meanwhile', async () => {
    const path = write('big.tsv', table(60_000))
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await load({ files: [{ path }] })
    clearInterval(timer)
    expect(turns).toBeGreaterThan(5)
  })

  it('loses nothing when an import fails', async () => {
    const { id } = await load({ files: [{ path: write('a.tsv', table(40)) }] })
    await expect(load({ files: [{ path: write('bad.tsv', '') }] })).rejects.toMatchObject({
      code: 'bad-input',
    })
    expect(await rowsOf(id)).toMatchObject({ total: 40 })
    expect(await load({ files: [{ path: write('b.tsv', table(10)) }] })).toMatchObject({ name: 'b' })
  })
})

describe('datasets.rows', () => {
  it('pages and filters', async () => {
    const { id } = await load({ files: [{ path: write('a.tsv', table(400)) }] })
    expect((await rowsOf(id, { offset: 390, limit: 100 })).rows).toHaveLength(10)
    expect((await rowsOf(id, { split: 'validation' })).total).toBe(40)
    expect((await rowsOf(id, { label: 'odd', search: 'NUMBER 1' })).total).toBe(56)
  })
})

describe('datasets.remove', () => {
  it('removes the dataset and its rows, and says so', async () => {
    const { id } = await load({ files: [{ path: write('a.tsv', table(40)) }] })
    published = []
    await service['datasets.remove']({ id })
    expect(published).toEqual([{ topic: 'dataset.changed', message: { id } }])
    expect(readdirSync(join(home, 'datasets'))).toEqual([])
    await expect(async () => service['datasets.get']({ id })).rejects.toMatchObject({ code: 'not-found' })
    await expect(rowsOf(id)).rejects.toMatchObject({ code: 'not-found' })
    await expect(service['datasets.remove']({ id })).rejects.toMatchObject({ code: 'not-found' })
  })

  it('keeps the rows that another dataset has as well', async () => {
    const path = write('a.tsv', table(40))
    const one = await load({ name: 'one', files: [{ path }] })
    const two = await load({ name: 'two', files: [{ path }] })
    expect(two.id).not.toBe(one.id)
    await service['datasets.remove']({ id: one.id })
    expect(await rowsOf(two.id)).toMatchObject({ total: 40 })
  })

  it('refuses while a run still needs the dataset', async () => {
    const dataset = await load({ files: [{ path: write('a.tsv', table(40)) }] })
    insertRun(database, runOn(dataset))
    await expect(service['datasets.remove']({ id: dataset.id })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/The run “first try” \(queued\) still needs this dataset/),
    })
    database.prepare("UPDATE runs SET status = 'finished'").run()
    await service['datasets.remove']({ id: dataset.id })
    expect(await service['datasets.list']({})).toEqual([])
  })
})

it('a dataset that a run trains beside its first is kept as well', async () => {
  const one = await load({ files: [{ path: write('a.tsv', table(40)) }] })
  const two = await load({ files: [{ path: write('b.tsv', table(50)) }] })
  const run = runOn(one)
  insertRun(database, {
    ...run,
    tasks: [...run.tasks, ...runOn(two).tasks.map((task) => ({ ...task, name: 'b' }))],
  })
  await expect(service['datasets.remove']({ id: two.id })).rejects.toThrow(/“first try” \(queued\)/)
})

describe('what a cut-short import left behind', () => {
  it('is swept away at the next start, and nothing else', async () => {
    const { hash } = await load({ files: [{ path: write('a.tsv', table(40)) }] })
    const folder = join(home, 'datasets')
    const orphan = `${'0'.repeat(64)}.jsonl`
    for (const name of ['.part-1', orphan, `${orphan}.index`, 'notes.txt'])
      writeFileSync(join(folder, name), 'x')
    start()
    expect(readdirSync(folder).sort()).toEqual([`${hash}.jsonl`, `${hash}.jsonl.index`, 'notes.txt'].sort())
  })

  it('keeps rows beside a store that knows of no dataset at all: it may be a new one for a lost one', () => {
    const orphan = join(home, 'datasets', `${'0'.repeat(64)}.jsonl`)
    writeFileSync(orphan, 'x')
    start()
    expect(existsSync(orphan)).toBe(true)
  })
})

describe('datasets.addSamples', () => {
  it('adds the three sample tasks with their splits, once', async () => {
    const samples = await service['datasets.addSamples']({})
    expect(samples.map(({ name, labels }) => [name, labels.length])).toEqual([
      ['questions', 6],
      ['reviews', 2],
      ['support', 5],
    ])
    for (const { sample, rejected, splits } of samples) {
      expect({ sample, rejected }).toEqual({ sample: true, rejected: 0 })
      expect(Object.keys(splits)).toEqual(['train', 'validation', 'test'])
    }
    expect(await service['datasets.addSamples']({})).toEqual(samples)
    expect(await service['datasets.list']({})).toHaveLength(3)
  })
})

describe('datasets.lengths', () => {
  it('counts tokens with the model’s own tokenizer, special tokens included', async () => {
    const modelFolder = join(home, 'model')
    makeTokenizer(modelFolder)
    insertModel(database, model(modelFolder))
    const path = write('a.tsv', 'text\tlabel\none two\ta\none\tb\ntwo one one\ta\none\tb\n')
    const { id } = await load({ files: [{ path }] })
    expect(await service['datasets.lengths']({ id, modelId: 'm' })).toEqual({
      counts: [0, 0, 0, 2, 1, 1],
      longest: 5,
    })
  })

  it('says which of the two is not there', async () => {
    await expect(service['datasets.lengths']({ id: 'x', modelId: 'm' })).rejects.toThrow(/no dataset x/)
    const { id } = await load({ files: [{ path: write('a.tsv', table(40)) }] })
    await expect(service['datasets.lengths']({ id, modelId: 'm' })).rejects.toThrow(/no model m/)
  })
})

describe('nameOfFile', () => {
  it.each([
    ['data/trec/TREC.train', 'TREC'],
    ['data/glue_RTE/train.tsv', 'glue_RTE'],
    ['rt-polarity.pos', 'rt-polarity'],
    ['train.tsv', 'train'],
    ['data/reviews.jsonl', 'reviews'],
  ])('calls %s %s', (path, name) => {
    expect(nameOfFile(path)).toBe(name)
  })
})
