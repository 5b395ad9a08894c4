/**
 * Fills a home folder with made-up runs and measures, in the main process's own timing, how long the runs table and
 * comparisons take on it: `node bench/fill-runs.ts [--home FOLDER] [--runs 5000] [--rows 2000000] [--json]`. Without
 * --home the folder is a temporary one and is removed; one that was filled before is only measured.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

import { assetsFolder } from '../main/assets.ts'
import { createRandom, type Random } from '../main/data/random.ts'
import { createWorkbench, type Workbench } from '../main/services/index.ts'
import { variantOf } from '../main/services/run-views.ts'
import { openDatabase, type Database } from '../main/store/database.ts'
import { insertDataset } from '../main/store/datasets.ts'
import { insertModel } from '../main/store/models.ts'
import { writeMetrics } from '../main/store/run-metrics.ts'
import { insertRun, updateRun } from '../main/store/runs.ts'
import { confusionCounts, median, scoresOf } from '../main/training/metrics.ts'
import { writeAnswers } from '../main/training/predictions.ts'
import { RunConfig, type MetricPoint, type MethodFamily } from '../preload/contract.ts'
import { dataset, methods, model } from './fill-runs/records.ts'

const { values: flags } = parseArgs({
  options: {
    home: { type: 'string' },
    runs: { type: 'string', default: '5000' },
    rows: { type: 'string', default: '2000000' },
    json: { type: 'boolean', default: false },
  },
})
const runCount = Number(flags.runs)
const rowCount = Number(flags.rows)
/** One run has half of all rows, so that a very long curve is measured too. */
const longRows = Math.floor(rowCount / 2)
const compared = 20
const testRows = 2000
const repeats = 7

const home = flags.home === undefined ? mkdtempSync(join(tmpdir(), 'workbench-fill-')) : resolve(flags.home)
try {
  mkdirSync(home, { recursive: true })
  if (!existsSync(join(home, 'workbench.sqlite'))) {
    const { ms } = await timed(() => fill(home))
    say(`${runCount} runs and ${rowCount} metric rows written in ${(ms / 1000).toFixed(1)} s`)
  }
  const opened = await timed(() =>
    createWorkbench({
      home,
      host: 'cli',
      assets: assetsFolder(),
      spawnTrainer: () => {
        throw new Error('nothing is trained here')
      },
    }),
  )
  await measure(opened.value, opened.ms)
  await opened.value.close()
} finally {
  if (flags.home === undefined) rmSync(home, { recursive: true, force: true })
}

async function measure(workbench: Workbench, openMs: number): Promise<void> {
  const runs = await workbench.invoke('runs.list', {})
  const finished = runs.filter(({ status }) => status === 'finished').map(({ id }) => id)
  const chosen = finished.slice(-compared - 1, -1)
  const long = runs.at(-1)?.id ?? ''
  const results: Record<string, number> = { 'opening the home folder': openMs }
  const calls: [string, () => Promise<unknown>][] = [
    [`runs.list, ${runs.length} runs`, () => workbench.invoke('runs.list', {})],
    [
      'runs.figures of one metric, all runs',
      () => workbench.invoke('runs.figures', { names: ['validation.accuracy'] }),
    ],
    [
      `runs.sparklines of ${Math.min(100, finished.length)} runs`,
      () => workbench.invoke('runs.sparklines', { ids: finished.slice(0, 100) }),
    ],
    [
      `comparison.get of ${compared} runs, ${testRows} test rows each`,
      () => workbench.invoke('comparison.get', { runIds: chosen, groupBy: 'run' }),
    ],
    [
      `comparison.curves of ${compared} runs`,
      () => workbench.invoke('comparison.curves', { runIds: chosen, names: ['train.loss'] }),
    ],
    [
      `comparison.curves of one run, ${longRows} points`,
      () => workbench.invoke('comparison.curves', { runIds: [long], names: ['train.loss'] }),
    ],
    [
      `the same, zoomed to a tenth`,
      () =>
        workbench.invoke('comparison.curves', {
          runIds: [long],
          names: ['train.loss'],
          from: longRows * 0.4,
          to: longRows * 0.5,
        }),
    ],
  ]
  for (const [name, call] of calls) {
    const first = await timed(call)
    const again = []
    for (let repeat = 0; repeat < repeats; repeat++) again.push(await timed(call))
    results[`${name}: first`] = first.ms
    results[`${name}: median`] = median(again.map(({ ms }) => ms))
    results[`${name}: median of the processor time`] = median(again.map(({ cpuMs }) => cpuMs))
  }
  if (flags.json) console.log(JSON.stringify({ processor: cpus()[0]?.model, results }, undefined, 2))
  else
    for (const [name, ms] of Object.entries(results)) console.log(`${ms.toFixed(0).padStart(7)} ms  ${name}`)
}

async function fill(folder: string): Promise<void> {
  const database = openDatabase(join(folder, 'workbench.sqlite'))
  // Only the time of this script; what is measured opens the file anew.
  database.pragma('synchronous = OFF')
  insertModel(database, model)
  insertDataset(database, dataset(testRows), 'datasets/none')
  const rowsEach = Math.floor((rowCount - longRows) / Math.max(1, runCount - 1))
  for (let index = 0; index < runCount; index++) {
    const rows = index === 0 ? longRows : rowsEach
    const wantsAnswers = index > 0 && index <= compared
    await addRun(database, folder, index, rows, wantsAnswers)
  }
  database.close()
}

async function addRun(
  database: Database,
  folder: string,
  index: number,
  rows: number,
  answers: boolean,
): Promise<void> {
  const id = index.toString(16).padStart(12, '0')
  const random = createRandom(index, 'fill')
  const [name, family] = methods[Math.floor(index / 3) % methods.length] ?? ['seq_bn', 'adapter']
  const config = RunConfig.parse({
    modelId: model.id,
    datasetId: 'dataset',
    method: { name, options: { reduction_factor: 2 ** (1 + (Math.floor(index / 15) % 6)) } },
    training: { seed: 1 + (index % 3), learningRate: 0.001 },
  })
  const quality = 0.7 + 0.2 * random.uniform()
  database.transaction(() => {
    insertRun(database, newRun(id, name, family, config))
    const status = index % 50 === 49 ? 'failed' : 'finished'
    const { classes, predicted } = madeUpAnswers(random, quality)
    const counts = confusionCounts(classes, predicted, 6)
    updateRun(database, id, {
      status,
      startedAt: '2026-01-02T03:04:05.000Z',
      endedAt: '2026-01-02T03:05:05.000Z',
      best: { epoch: 8, metric: 'accuracy', value: quality },
      test: scoresOf(counts, 0.4),
      confusion: [{ split: 'test', labels: ['a', 'b', 'c', 'd', 'e', 'f'], counts }],
      analysis: { cost: { forwardFlops: 1e8, backwardFlops: 2e8, activationBytes: 1e6 } },
      seconds: 60 + 60 * random.uniform(),
      examplesPerSecond: 500,
      stepMs: 20,
      peakRssBytes: 3e8,
      ...(status === 'failed' ? { error: 'The trainer process was killed from outside.' } : {}),
    })
    writeMetrics(database, id, points(random, rows))
  })()
  if (!answers) return
  const { classes, predicted } = madeUpAnswers(createRandom(index, 'fill'), quality)
  const logits = new Float32Array(testRows * 6)
  predicted.forEach((label, row) => (logits[row * 6 + label] = 1 + random.uniform() * 3))
  mkdirSync(join(folder, 'runs', id), { recursive: true })
  await writeAnswers(join(folder, 'runs', id), [{ split: 'test', task: 0, logits, classes }])
}

function newRun(
  id: string,
  name: string,
  family: MethodFamily,
  config: RunConfig,
): Parameters<typeof insertRun>[1] {
  const { id: datasetId, name: datasetName, hash: datasetHash, labels } = dataset(testRows)
  return {
    id,
    name: `${datasetName} · ${name} · seed ${config.training.seed} · ${id}`,
    method: name,
    family,
    modelId: model.id,
    modelName: model.name,
    datasetId,
    datasetName,
    datasetHash,
    tasks: [{ datasetId, datasetName, datasetHash, name: 'task', labels }],
    adapters: [],
    config,
    variant: variantOf(config),
    createdAt: '2026-01-02T03:04:05.000Z',
    trainableParameters: 50_000,
    backboneParameters: 3_000_000,
  }
}

function madeUpAnswers(random: Random, quality: number): { classes: Int32Array; predicted: Int32Array } {
  const classes = Int32Array.from({ length: testRows }, (_, row) => row % 6)
  const predicted = classes.map((label) =>
    random.uniform() < quality ? label : (label + 1 + random.integer(5)) % 6,
  )
  return { classes, predicted }
}

/** A training loss with a validation score now and then; `rows` in all. */
function points(random: Random, rows: number): MetricPoint[] {
  const validations = Math.min(10, Math.floor(rows / 10))
  const steps = rows - validations
  const loss = Array.from({ length: steps }, (_, i) => ({
    name: 'train.loss',
    step: i + 1,
    value: Math.exp((-3 * i) / steps) + 0.2 * random.uniform(),
  }))
  const scores = Array.from({ length: validations }, (_, epoch) => ({
    name: 'validation.accuracy',
    step: Math.floor(((epoch + 1) * steps) / validations),
    value: 0.5 + 0.04 * epoch,
  }))
  return [...loss, ...scores]
}

async function timed<Value>(
  work: () => Value | Promise<Value>,
): Promise<{ ms: number; cpuMs: number; value: Value }> {
  const began = performance.now()
  const cpu = process.cpuUsage()
  const value = await work()
  const { user, system } = process.cpuUsage(cpu)
  return { ms: performance.now() - began, cpuMs: (user + system) / 1000, value }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
