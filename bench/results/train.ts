import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

import type {
  DatasetDetail,
  InputOf,
  MethodDescription,
  RunDetail,
  RunSummary,
} from '../../preload/contract.ts'
import type { Client } from '../../main/cli/client.ts'
import {
  earlierCell,
  fusedCells,
  keyOf,
  recipeOf,
  sourcesOf,
  tasks,
  tasksOf,
  type Cell,
  type Encoder,
  type TaskName,
} from './plan.ts'
import type { KeptRows, ResultRow } from './rows.ts'

export interface TrainingContext {
  client: Client
  rows: KeptRows
  /** Folder that holds `data` and `checkpoints`. */
  shared: string
  /** Where copies of first rows go. */
  scratch: string
  threads: number
  /** Whether the script is to end now; the run that goes on is set aside. */
  stopped: () => boolean
  say: (line: string) => void
  /** What is being made, by name: who needs it too waits for it. */
  begun: Map<string, Promise<void>>
}

/** Thrown where the script is to end while a run goes on. */
export class SetAside extends Error {}

/** Trains a cell that is not done, and before it what it builds on. @throws SetAside, or an Error with what went wrong */
export async function completeCell(context: TrainingContext, cell: Cell): Promise<void> {
  await once(context, runNameOf(cell), () => train(context, cell))
}

async function once({ begun }: TrainingContext, name: string, make: () => Promise<void>): Promise<void> {
  const making = begun.get(name) ?? make().finally(() => begun.delete(name))
  begun.set(name, making)
  await making
}

/** One run stands for all tasks where a method trains them together. */
function runNameOf(cell: Cell): string {
  return cell.method.together ? `${cell.encoder} ${cell.method.title} seed ${cell.seed}` : keyOf(cell)
}

async function train(context: TrainingContext, cell: Cell): Promise<void> {
  const { client, rows, say } = context
  const model = await modelOf(context, cell.encoder)
  const recipe = recipeOf(cell, model.layers)
  const { fuses = false, together = false } = cell.method
  const recipeText = JSON.stringify({ ...recipe, fuses, ...(together ? { together } : {}) })
  if (rows.get(keyOf(cell))?.recipe === recipeText) return
  const adapterIds: string[] = []
  if (fuses) for (const source of fusedCells(cell)) adapterIds.push(await adapterOf(context, source))
  const earlier = earlierCell(cell)
  const earlierRunId = earlier && (await runOf(context, earlier))
  const cells = together ? tasksOf(cell.encoder).map((task) => ({ ...cell, task })) : [cell]
  const datasets: DatasetDetail[] = []
  for (const { task } of cells) datasets.push(await datasetOf(context, task))
  const [dataset, ...more] = datasets
  if (!dataset) throw new Error('a run without a dataset')
  const key = runNameOf(cell)
  const config: InputOf<'runs.start'> = {
    name: key,
    modelId: model.id,
    datasetId: dataset.id,
    moreDatasetIds: more.map(({ id }) => id),
    method: { name: recipe.method, options: recipe.options },
    adapterIds,
    ...(earlierRunId === undefined ? {} : { earlierRunId }),
    training: {
      epochs: recipe.epochs,
      maximumLength: recipe.maximumLength,
      seed: cell.seed,
      ...(recipe.learningRate === undefined ? {} : { learningRate: recipe.learningRate }),
      ...(recipe.backbonePrecision === undefined ? {} : { backbonePrecision: recipe.backbonePrecision }),
    },
    // Every row by the same engine and device, whatever is fastest here.
    engine: { engine: 'onnxruntime', device: 'cpu', threads: context.threads },
  }
  const run = await finish(context, await begin(client, config))
  for (const [i, each] of cells.entries())
    rows.set(keyOf(each), rowOf(each, recipeText, datasets[i] ?? dataset, run))
  say(`${key}: ${((run.test?.accuracy ?? 0) * 100).toFixed(1)} % in ${Math.round(run.seconds ?? 0)} s`)
}

/** The run of a cell, which is trained where it is not there. */
async function runOf(context: TrainingContext, cell: Cell): Promise<string> {
  await completeCell(context, cell)
  const runId = context.rows.get(keyOf(cell))?.runId
  const runs = await context.client.invoke('runs.list', {})
  if (runId === undefined || !runs.some(({ id }) => id === runId)) {
    throw new Error(`${keyOf(cell)} is done, but its run is not in the home folder any more`)
  }
  return runId
}

/** The stored adapter of a cell, which is trained where it is not there. */
async function adapterOf(context: TrainingContext, cell: Cell): Promise<string> {
  const find = async (): Promise<string | undefined> => {
    const runId = context.rows.get(keyOf(cell))?.runId
    const stored = await context.client.invoke('adapters.list', {})
    return stored.find((adapter) => adapter.kind === 'adapter' && adapter.runId === runId)?.id
  }
  await completeCell(context, cell)
  const id = await find()
  if (id === undefined)
    throw new Error(`${keyOf(cell)} is done, but its adapter is not in the library any more`)
  return id
}

async function modelOf(context: TrainingContext, encoder: Encoder) {
  const { client, shared } = context
  const folder = resolve(shared, 'checkpoints', encoder)
  const find = async () => (await client.invoke('models.list', {})).find((model) => model.folder === folder)
  await once(context, `model ${encoder}`, async () => {
    if (!(await find())) await client.invoke('models.add', { folder })
  })
  const model = await find()
  if (!model) throw new Error(`${encoder} was added, but is not in the list`)
  return model
}

async function datasetOf(context: TrainingContext, task: TaskName): Promise<DatasetDetail> {
  const { client } = context
  const find = async () =>
    (await client.invoke('datasets.list', {})).find(({ name }) => name === tasks[task].title)
  await once(context, `dataset ${task}`, async () => {
    if (!(await find())) await client.invoke('datasets.import', sourcesOfTask(context, task))
  })
  const dataset = await find()
  if (!dataset) throw new Error(`${tasks[task].title} was imported, but is not in the list`)
  return client.invoke('datasets.get', { id: dataset.id })
}

function sourcesOfTask({ shared, scratch }: TrainingContext, task: TaskName): InputOf<'datasets.import'> {
  const data = resolve(shared, 'data')
  mkdirSync(scratch, { recursive: true })
  const firstRows = (file: string, rows: number): string => {
    const path = resolve(scratch, `first-${rows}-${file.replace('/', '-')}`)
    const lines = readFileSync(`${data}/${file}`, 'utf8').split('\n')
    writeFileSync(path, `${lines.slice(0, rows + 1).join('\n')}\n`)
    return path
  }
  return sourcesOf(task, data, firstRows)
}

/** Goes on with the run of this name where one was set aside, else starts it. */
async function begin(client: Client, config: InputOf<'runs.start'>): Promise<RunSummary> {
  const earlier = (await client.invoke('runs.list', {})).filter(({ name }) => name === config.name)
  for (const run of earlier) {
    if (run.status !== 'paused' && run.status !== 'interrupted') continue
    const { config: old } = await client.invoke('runs.get', { id: run.id })
    const same =
      old.training.epochs === config.training?.epochs &&
      old.training.maximumLength === config.training.maximumLength &&
      JSON.stringify(old.method) === JSON.stringify(config.method) &&
      JSON.stringify(old.adapterIds) === JSON.stringify(config.adapterIds)
    if (same) return client.invoke('runs.resume', { id: run.id })
  }
  return client.invoke('runs.start', config)
}

const pollMilliseconds = 1000

async function finish({ client, stopped }: TrainingContext, started: RunSummary): Promise<RunDetail> {
  const { id } = started
  let asked = false
  for (;;) {
    const run = await client.invoke('runs.get', { id })
    if (run.status === 'finished') return run
    if (run.status === 'failed') throw new Error(run.error ?? 'it failed without a reason')
    if (run.status !== 'queued' && run.status !== 'running') throw new SetAside(`the run is ${run.status}`)
    if (stopped() && !asked) {
      asked = true
      // A run that waits or has ended just now cannot be paused, and need not be.
      await client.invoke('runs.pause', { id }).catch(() => undefined)
    }
    await changed(client, id)
  }
}

/** Resolves when the run changes, or after a moment. */
function changed(client: Client, id: string): Promise<void> {
  return new Promise((done) => {
    const end = (): void => {
      clearTimeout(timer)
      unsubscribe()
      done()
    }
    const timer = setTimeout(end, pollMilliseconds)
    const unsubscribe = client.subscribe('run.changed', (run) => {
      if (run.id === id && run.status !== 'running') end()
    })
  })
}

function rowOf(cell: Cell, recipe: string, dataset: DatasetDetail, run: RunDetail): ResultRow {
  const { best, trainableParameters, backboneParameters, seconds, environment, analysis } = run
  const own = run.tasks.find(({ datasetId }) => datasetId === dataset.id)
  const test = own?.test
  if (!test || !best) throw new Error('the run has no test scores')
  const { dropCurve, forgetting, earlierTasks, cost } = analysis
  const earlierTask = earlierTasks?.at(-1)
  return {
    encoder: cell.encoder,
    task: cell.task,
    method: cell.method.title,
    seed: cell.seed,
    recipe,
    runId: run.id,
    test,
    testRows: dataset.splits.test ?? 0,
    validation: own.validation[best.metric],
    trainableParameters: trainableParameters ?? 0,
    backboneParameters: backboneParameters ?? 0,
    seconds: seconds ?? 0,
    ...(dropCurve ? { dropCurve } : {}),
    ...(forgetting ? { forgetting } : {}),
    ...(earlierTask ? { earlierTask } : {}),
    ...(cost ? { cost } : {}),
    processor: environment?.processor ?? 'unknown',
  }
}

/** The planned methods that this version of the program has. */
export function present<Planned extends { name: string }>(
  planned: readonly Planned[],
  known: readonly Pick<MethodDescription, 'name'>[],
): Planned[] {
  return planned.filter(({ name }) => known.some((method) => method.name === name))
}
