/**
 * Whole jobs: sentiment of sentences trained through the program's own services with everything on, against the same
 * training in plain PyTorch on the same token ids, padded to each batch's longest text and to 128. One after the other.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { median } from '../main/training/metrics.ts'
import type { InputOf } from '../preload/contract.ts'
import { modelFolderOf, type JobModel } from './checkpoint.ts'
import { megabytes, percent, seconds, table, times, type Table } from './tables.ts'
import { prepareTorchJob, removeTorchJob, torchRun } from './torch-job.ts'
import { wholeRun, type WholeRun } from './whole-run.ts'

export interface JobOptions {
  sources: InputOf<'datasets.import'>
  epochs: number
  rounds: number
  threads: number
  /** Where random models are made; it exists. */
  cache: string
  /** The Python that has PyTorch. */
  python: string
}

export interface JobRow extends Omit<WholeRun, 'accuracies'> {
  model: JobModel
  side: string
  /** On the validation rows, after the last epoch. */
  accuracy: number
}

/** Rows that each epoch is validated on. */
const validationRows = 1000

/**
 * The first rows of SST-2, from the folder of real data beside the repository.
 *
 * @param cache folder for copies of them
 */
export function sst2(rows: number, cache: string): InputOf<'datasets.import'> {
  const folder = fileURLToPath(new URL('../../shared/data/sst2_glue/', import.meta.url))
  if (!existsSync(folder)) throw new Error(`whole jobs are measured on SST-2, which is not in ${folder}`)
  const first = (file: string, count: number): string => {
    const lines = readFileSync(join(folder, file), 'utf8').split('\n')
    const path = join(cache, `first-${count}-${file}`)
    writeFileSync(path, `${lines.slice(0, count + 1).join('\n')}\n`)
    return path
  }
  return {
    name: 'SST-2',
    files: [
      { path: first('train.tsv', rows), split: 'train' },
      { path: first('dev.tsv', validationRows), split: 'validation' },
    ],
  }
}

/** What texts are padded to at most, and cut to. */
const maximumLength = 128

export async function benchJob(model: JobModel, options: JobOptions): Promise<JobRow[]> {
  const { sources, epochs, rounds, threads, cache, python } = options
  const modelFolder = await modelFolderOf(model, cache)
  const config = (backbonePrecision: 'float32' | 'int8') => ({
    method: { name: 'seq_bn' },
    training: { epochs, maximumLength, seed: 1, backbonePrecision },
    engine: { engine: 'onnxruntime' as const, device: 'cpu' as const, threads },
  })
  const ours = { modelFolder, sources, config: config('float32') }
  const torch = await prepareTorchJob(ours)
  try {
    const sides: [string, () => Promise<WholeRun>][] = [
      ['ours', () => wholeRun(ours)],
      ['ours, int8', () => wholeRun({ ...ours, config: config('int8') })],
      ['PyTorch, padded to the longest', () => torchRun(python, torch, undefined)],
      [`PyTorch, padded to ${maximumLength}`, () => torchRun(python, torch, maximumLength)],
    ]
    const measured = new Map<string, WholeRun[]>(sides.map(([side]) => [side, []]))
    for (let round = 0; round < rounds; round++) {
      for (const [side, run] of sides) {
        const done = await run()
        measured.get(side)?.push(done)
        process.stderr.write(`  ${side}: ${seconds(done.seconds)} s\n`)
      }
    }
    return Array.from(measured, ([side, runs]) => {
      const of = (figure: (run: WholeRun) => number): number => median(runs.map(figure))
      return {
        model,
        side,
        seconds: of((run) => run.seconds),
        trainingSeconds: of((run) => run.trainingSeconds),
        afterSeconds: of((run) => run.afterSeconds),
        accuracy: of((run) => run.accuracies.at(-1) ?? Number.NaN),
        peakRssBytes: of((run) => run.peakRssBytes),
      }
    })
  } finally {
    removeTorchJob(torch)
  }
}

/** @param rows of one model, or of several */
export function jobTable(rows: readonly JobRow[]): Table {
  const against = (row: JobRow, figure: (of: JobRow) => number): string => {
    const ours = rows.find(({ model, side }) => model === row.model && side === 'ours')
    return ours ? times(figure(row) / figure(ours)) : ''
  }
  return table('Whole job', rows, {
    model: ({ model }) => model,
    side: ({ side }) => side,
    'whole job s': (row) => seconds(row.seconds),
    'training steps s': (row) => seconds(row.trainingSeconds),
    'then s': (row) => seconds(row.afterSeconds),
    'validation accuracy': ({ accuracy }) => percent(accuracy),
    'peak MB': ({ peakRssBytes }) => megabytes(peakRssBytes),
    'job, times ours': (row) => against(row, (of) => of.seconds),
    'steps, times ours': (row) => against(row, (of) => of.trainingSeconds),
  })
}
