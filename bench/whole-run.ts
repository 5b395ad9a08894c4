/** A whole job through the program's own services, in a home folder of its own, from the import of its data on. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { assetsFolder } from '../main/assets.ts'
import { createWorkbench, type Workbench } from '../main/services/index.ts'
import { forkTrainer } from '../main/services/trainer-process.ts'
import type { DatasetDetail, InputOf } from '../preload/contract.ts'

export interface WholeJob {
  modelFolder: string
  sources: InputOf<'datasets.import'>
  /** Of the run, without model and dataset. */
  config: Omit<InputOf<'runs.start'>, 'modelId' | 'datasetId'>
}

export interface WholeRun {
  /** From the import of the data to the last epoch's validation scores. */
  seconds: number
  /** Of the training steps alone. */
  trainingSeconds: number
  /** What the run does after that: test, analysis, what it keeps. */
  afterSeconds: number
  /** On the validation rows, after each epoch. */
  accuracies: number[]
  peakRssBytes: number
}

/** Opens the services on an empty home folder, which is removed afterwards. */
export async function inFreshHome<Result>(
  use: (workbench: Workbench, home: string) => Promise<Result>,
): Promise<Result> {
  const home = mkdtempSync(join(tmpdir(), 'workbench-bench-'))
  try {
    const workbench = await createWorkbench({
      home,
      host: 'server',
      assets: assetsFolder(),
      spawnTrainer: forkTrainer(),
    })
    try {
      return await use(workbench, home)
    } finally {
      await workbench.close()
    }
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** @throws Error with the reason where the run fails */
export function wholeRun({ modelFolder, sources, config }: WholeJob): Promise<WholeRun> {
  return inFreshHome(async (workbench) => {
    const model = await workbench.invoke('models.add', { folder: modelFolder })
    const began = performance.now()
    let validated = began
    workbench.subscribe('run.metrics', ({ points }) => {
      if (points.some(({ name }) => name === 'validation.accuracy')) validated = performance.now()
    })
    const dataset: DatasetDetail = await workbench.invoke('datasets.import', sources)
    const { id } = await workbench.invoke('runs.start', {
      ...config,
      modelId: model.id,
      datasetId: dataset.id,
    } satisfies InputOf<'runs.start'>)
    await ended(workbench, id)
    const ready = performance.now()
    const run = await workbench.invoke('runs.get', { id })
    if (run.status !== 'finished') throw new Error(run.error ?? `the run is ${run.status}`)
    const [accuracies] = await workbench.invoke('runs.metrics', { id, names: ['validation.accuracy'] })
    const rows = (dataset.splits.train ?? 0) * run.config.training.epochs
    return {
      seconds: (validated - began) / 1000,
      trainingSeconds: rows / (run.examplesPerSecond ?? Number.NaN),
      afterSeconds: (ready - validated) / 1000,
      accuracies: accuracies?.values ?? [],
      peakRssBytes: run.peakRssBytes ?? Number.NaN,
    }
  })
}

function ended(workbench: Workbench, wanted: string): Promise<void> {
  return new Promise((done) => {
    const unsubscribe = workbench.subscribe('run.changed', ({ id, status }) => {
      if (id !== wanted || status === 'queued' || status === 'running') return
      unsubscribe()
      done()
    })
  })
}
