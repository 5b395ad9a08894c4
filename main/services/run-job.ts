import { join, resolve } from 'node:path'

import { EngineChoice, WorkbenchError } from '../../preload/contract.ts'
import { assetsFolder } from '../assets.ts'
import type { Database } from '../store/database.ts'
import { getDatasetFile } from '../store/datasets.ts'
import { getModel } from '../store/models.ts'
import { listRunAdapters, listRunTasks } from '../store/run-tasks.ts'
import type { RunRecord } from '../store/runs.ts'
import type { EarlierRun, JobAdapter, JobTask, TrainJob } from '../training/messages.ts'
import { requireAdapter } from './adapters.ts'
import { findEarlierRuns } from './earlier-run.ts'
import { runFolder } from './run-views.ts'
import { jobBeginnings } from './stored-beginnings.ts'

/** Everything a trainer needs for this run. Throws `not-found` where model or dataset have been removed. */
export function createJob(database: Database, home: string, run: RunRecord): TrainJob {
  const earlier = findEarlierRuns(database, run.config)
  return {
    runId: run.id,
    config: { ...run.config, engine: engineOf(run) },
    modelFolder: modelFolderOf(database, home, run),
    tasks: jobTasks(database, home, run),
    adapters: jobAdapters(database, home, run.id),
    beginnings: jobBeginnings(database, home, run.config, listRunTasks(database, run.id).length),
    ...(earlier.length > 0 ? { earlier: earlier.map((one) => asEarlier(database, home, one)) } : {}),
    runFolder: runFolder(home, run.id),
    cacheFolder: join(home, 'cache'),
    heldOutFile: join(assetsFolder(), 'held-out.txt'),
    // A trainer that was killed may have written a checkpoint that nobody heard of, so the disk has the last word.
    resume: run.startedAt !== undefined,
  }
}

/** A run that goes on does so on the device that it began on, whatever `auto` would take now: another rounds otherwise. */
function engineOf({ config, environment }: RunRecord): EngineChoice {
  if (environment === undefined) return config.engine
  const { engine, device } = environment
  const begun = EngineChoice.safeParse({ ...config.engine, engine, device })
  return begun.success ? begun.data : config.engine
}

function jobTasks(database: Database, home: string, run: RunRecord): JobTask[] {
  return listRunTasks(database, run.id).map(({ datasetId, datasetName, name, labels }) => {
    const file = getDatasetFile(database, datasetId)
    if (file === undefined) {
      throw new WorkbenchError(
        'not-found',
        `The dataset “${datasetName}” of the run “${run.name}” has been removed. Import it and start a new run.`,
      )
    }
    return { datasetId, name, datasetFile: resolve(home, file), labels }
  })
}

/** What measuring an earlier run's tasks again takes. Those whose dataset has been removed are named without it. */
function asEarlier(database: Database, home: string, run: RunRecord): EarlierRun {
  return {
    runId: run.id,
    name: run.name,
    config: run.config,
    tasks: listRunTasks(database, run.id).map(({ datasetId, name, labels }) => {
      const file = getDatasetFile(database, datasetId)
      return { datasetId, name, labels, ...(file === undefined ? {} : { datasetFile: resolve(home, file) }) }
    }),
    adapters: jobAdapters(database, home, run.id),
    runFolder: runFolder(home, run.id),
  }
}

/** The stored adapters that a run builds on; the store keeps them for as long as the run is there. */
export function jobAdapters(database: Database, home: string, runId: string): JobAdapter[] {
  return listRunAdapters(database, runId).map(({ adapterId, name }) => {
    const { method, file } = requireAdapter(database, adapterId)
    return { id: adapterId, name, method, file: resolve(home, file) }
  })
}

/** The folder of the run's backbone. Throws `not-found` where the model has been removed. */
export function modelFolderOf(database: Database, home: string, run: RunRecord): string {
  const model = getModel(database, run.modelId)
  if (model === undefined) {
    throw new WorkbenchError(
      'not-found',
      `The model “${run.modelName}” of the run “${run.name}” has been removed. Add its folder and start a new run.`,
    )
  }
  return resolve(home, model.folder)
}
