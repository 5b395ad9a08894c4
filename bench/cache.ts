/** What keeping the states of the frozen part brings to specialised AdapterDrop: whole runs with it and without. */
import { median } from '../main/training/metrics.ts'
import { layersOf, modelFolderOf, type JobModel } from './checkpoint.ts'
import type { JobOptions } from './job.ts'
import { seconds, table, times, type Table } from './tables.ts'
import { wholeRun, type WholeRun } from './whole-run.ts'

export interface CacheRow {
  model: JobModel
  droppedLayers: number
  layers: number
  epochs: number
  withoutSeconds: number
  withSeconds: number
  withoutTrainingSeconds: number
  withTrainingSeconds: number
}

/** Adapters in the upper half of the layers only, so that the lower half is the same at every step. */
export async function benchCache(
  model: JobModel,
  { sources, epochs, rounds, threads, cache }: Omit<JobOptions, 'python'>,
): Promise<CacheRow> {
  const modelFolder = await modelFolderOf(model, cache)
  const layers = layersOf(model)
  const droppedLayers = Math.floor(layers / 2)
  const run = (more: { cacheMegabytes?: number }): Promise<WholeRun> =>
    wholeRun({
      modelFolder,
      sources,
      config: {
        method: { name: 'adapter_drop', options: { dropped_layers: droppedLayers } },
        training: { epochs, seed: 1 },
        engine: { engine: 'onnxruntime', device: 'cpu', threads, ...more },
      },
    })
  const [without, kept]: [WholeRun[], WholeRun[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    without.push(await run({ cacheMegabytes: 0 }))
    kept.push(await run({}))
  }
  const of = (runs: readonly WholeRun[], figure: 'seconds' | 'trainingSeconds'): number =>
    median(runs.map((one) => one[figure]))
  return {
    ...{ model, droppedLayers, layers, epochs },
    withoutSeconds: of(without, 'seconds'),
    withSeconds: of(kept, 'seconds'),
    withoutTrainingSeconds: of(without, 'trainingSeconds'),
    withTrainingSeconds: of(kept, 'trainingSeconds'),
  }
}

export function cacheTable(rows: readonly CacheRow[]): Table {
  return table('Adapters in the upper half, with kept states and without', rows, {
    model: ({ model }) => model,
    'layers dropped': ({ droppedLayers, layers }) => `${droppedLayers} of ${layers}`,
    epochs: ({ epochs }) => epochs,
    'steps without, s': (row) => seconds(row.withoutTrainingSeconds),
    'steps with, s': (row) => seconds(row.withTrainingSeconds),
    ratio: (row) => times(row.withoutTrainingSeconds / row.withTrainingSeconds),
    'job without, s': (row) => seconds(row.withoutSeconds),
    'job with, s': (row) => seconds(row.withSeconds),
    'ratio of jobs': (row) => times(row.withoutSeconds / row.withSeconds),
  })
}
