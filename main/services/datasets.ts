import { randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'

import {
  DatasetSources,
  WorkbenchError,
  type DatasetDetail,
  type DatasetSummary,
  type Handlers,
} from '../../preload/contract.ts'
import { readPage, removeDatasetFile } from '../data/dataset-file.ts'
import { importDataset } from '../data/import.ts'
import { previewDataset } from '../data/preview.ts'
import type { ImportProgress } from '../data/read-sources.ts'
import { countTokenLengths, type TokenLengths } from '../data/token-lengths.ts'
import { loadTokenizer } from '../data/tokenizer.ts'
import { asStoreError, type Database } from '../store/database.ts'
import {
  countDatasetsOfFile,
  getDataset,
  getDatasetFile,
  insertDataset,
  listDatasets,
  removeDataset,
} from '../store/datasets.ts'
import { findUnfinishedRunOfDataset } from '../store/run-tasks.ts'
import { datasetsFolder, sweepDatasetFiles } from './dataset-files.ts'
import { nameOfFile, settleName } from './dataset-names.ts'
import type { Publish } from './events.ts'
import { requireModel } from './models.ts'

export type DatasetHandlers = Pick<
  Handlers,
  | 'datasets.list'
  | 'datasets.get'
  | 'datasets.preview'
  | 'datasets.import'
  | 'datasets.rows'
  | 'datasets.lengths'
  | 'datasets.remove'
  | 'datasets.addSamples'
>

export interface DatasetServiceOptions {
  database: Database
  home: string
  /** Folder of the sample tasks that ship with the program: one TSV file each, with its splits. */
  samplesFolder: string
  publish: Publish
}

/** Milliseconds between two messages about one import. */
const progressInterval = 100

/** The imported datasets. Sweeps away what an earlier program's cut-short import left in the home folder. */
export function createDatasetService(options: DatasetServiceOptions): DatasetHandlers {
  const { database, home, publish } = options
  const lengths = new Map<string, Promise<TokenLengths>>()
  sweepDatasetFiles(database, home)

  // One import or removal at a time: two datasets may share a file of rows.
  let last: Promise<unknown> = Promise.resolve()
  function exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = last.then(work)
    last = result.catch(() => undefined)
    return result
  }

  async function importSources(sources: DatasetSources, sample: boolean): Promise<DatasetDetail> {
    const [first] = sources.files
    const derived = nameOfFile(first?.path ?? 'dataset')
    try {
      const imported = await importDataset(
        sources,
        join(home, datasetsFolder),
        reportTo(sources.name ?? derived),
      )
      const { path, ...rest } = imported
      const settled = settleName(listDatasets(database), imported.hash, sources.name, derived)
      if ('existing' in settled) return requireDataset(settled.existing.id)
      const id = randomUUID()
      const dataset: DatasetDetail = {
        ...rest,
        id,
        name: settled.name,
        createdAt: new Date().toISOString(),
        sample,
      }
      insertDataset(database, dataset, `${datasetsFolder}/${basename(path)}`)
      publish('dataset.changed', { id })
      return dataset
    } catch (error) {
      sweepDatasetFiles(database, home)
      throw asStoreError(error)
    }
  }

  function reportTo(name: string): (progress: ImportProgress) => void {
    let next = 0
    return (progress) => {
      const now = Date.now()
      if (now < next && progress.bytes < progress.totalBytes) return
      next = now + progressInterval
      publish('dataset.progress', { name, ...progress })
    }
  }

  async function remove(id: string): Promise<void> {
    const file = requireFile(id)
    const user = findUnfinishedRunOfDataset(database, id)
    if (user !== undefined) {
      throw new WorkbenchError(
        'conflict',
        `The run “${user.name}” (${user.status}) still needs this dataset. Stop or remove the run first.`,
      )
    }
    removeDataset(database, id)
    publish('dataset.changed', { id })
    if (countDatasetsOfFile(database, file) > 0) return
    // What cannot be deleted now goes with the sweep of the next start.
    await removeDatasetFile(resolve(home, file)).catch((error: unknown) =>
      console.error(`${file} could not be removed:`, error),
    )
  }

  async function addSamples(): Promise<DatasetSummary[]> {
    const files = (await readdir(options.samplesFolder)).filter((name) => name.endsWith('.tsv')).sort()
    const summaries: DatasetSummary[] = []
    for (const file of files) {
      const sources = DatasetSources.parse({ files: [{ path: join(options.samplesFolder, file) }] })
      summaries.push(toSummary(await importSources(sources, true)))
    }
    return summaries
  }

  function requireDataset(id: string): DatasetDetail {
    const dataset = getDataset(database, id)
    if (dataset === undefined) throw notFound(id)
    return dataset
  }

  function requireFile(id: string): string {
    const file = getDatasetFile(database, id)
    if (file === undefined) throw notFound(id)
    return file
  }

  function tokenLengths(id: string, modelId: string): Promise<TokenLengths> {
    const dataset = requireDataset(id)
    const model = requireModel(database, modelId)
    const key = `${dataset.hash} ${model.hash} ${model.folder}`
    const counted = lengths.get(key) ?? count(resolve(home, requireFile(id)), resolve(home, model.folder))
    lengths.set(key, counted)
    // Only an answer is worth keeping; a failure may be gone the next time.
    counted.catch(() => lengths.delete(key))
    return counted
  }

  async function count(file: string, modelFolder: string): Promise<TokenLengths> {
    return countTokenLengths(file, await loadTokenizer(modelFolder))
  }

  return {
    'datasets.list': () => listDatasets(database),
    'datasets.get': ({ id }) => requireDataset(id),
    'datasets.preview': previewDataset,
    'datasets.import': (sources) => exclusively(() => importSources(sources, false)),
    'datasets.rows': async ({ id, ...query }) => readPage(resolve(home, requireFile(id)), query),
    'datasets.lengths': async ({ id, modelId }) => tokenLengths(id, modelId),
    'datasets.remove': ({ id }) => exclusively(() => remove(id)),
    'datasets.addSamples': () => exclusively(addSamples),
  }
}

function notFound(id: string): WorkbenchError {
  return new WorkbenchError('not-found', `There is no dataset ${id}. It may have been removed.`)
}

function toSummary(dataset: DatasetDetail): DatasetSummary {
  const { id, name, hash, task, rows, rejected, labels, splits, createdAt, sample } = dataset
  return { id, name, hash, task, rows, rejected, labels, splits, createdAt, sample }
}
