/**
 * `node test/e2e/prepare-home.ts HOME [MORE]`: fills a home folder with finished runs as trainings would have left them, so
 * that specs of comparing need none. Two datasets; every family of methods with three seeds on each; a sweep of the
 * reduction factor and the learning rate; an adapter of each dataset and a fusion in the library, all on a model that
 * cannot be trained. MORE further runs have scores and nothing else, for what is to be seen of very many. All figures
 * come from a seeded generator.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { variantOf } from '../../main/services/run-views.ts'
import { insertAdapter } from '../../main/store/adapters.ts'
import { openDatabase, type Database } from '../../main/store/database.ts'
import { insertDataset } from '../../main/store/datasets.ts'
import { insertModel } from '../../main/store/models.ts'
import { writeMetrics } from '../../main/store/run-metrics.ts'
import { insertRun, updateRun } from '../../main/store/runs.ts'
import { confusionCounts, scoresOf } from '../../main/training/metrics.ts'
import { writeAnswers } from '../../main/training/predictions.ts'
import {
  RunConfig,
  type MethodFamily,
  type MetricPoint,
  type RunAnalysis,
  type Scores,
} from '../../preload/contract.ts'
import { dataset as someDataset, model } from '../fixtures/runs-home.ts'

interface Task {
  id: string
  name: string
  labels: string[]
  rows: number
}

const tasks: Task[] = [
  {
    id: 'trec',
    name: 'trec',
    labels: ['abbreviation', 'description', 'entity', 'human', 'location', 'number'],
    rows: 120,
  },
  { id: 'sst', name: 'sst', labels: ['negative', 'positive'], rows: 100 },
]

interface Variant {
  method: string
  family: MethodFamily
  options?: Record<string, unknown>
  training?: Record<string, unknown>
  parameters: number
  seconds: number
  /** Share of right answers. */
  quality: number
  analysis?: (random: () => number, quality: number) => RunAnalysis
}

const layers = 6
const perLayer = (value: (layer: number) => number[]) =>
  Array.from({ length: layers }, (_, layer) => ({ layer, place: 'output' as const, weights: value(layer) }))
const scores = (accuracy: number): Scores => ({
  accuracy,
  macroF1: accuracy - 0.01,
  matthews: accuracy - 0.06,
  loss: 2 * (1 - accuracy),
})
const dropCurve = (quality: number, loss: number) =>
  Array.from({ length: layers + 1 }, (_, droppedLayers) => ({
    droppedLayers,
    scores: scores(Math.max(0.2, quality - loss * droppedLayers ** 2)),
    msPerExample: 4.1 - 0.31 * droppedLayers,
  }))

/** A prefix that counts more in upper layers, and an adapter that counts everywhere. */
const contributions = (quality: number): RunAnalysis => ({
  contributions: {
    parts: ['prefix', 'adapter'],
    changes: Array.from({ length: layers }, (_, layer) => [0.04 * layer, 0.2 + 0.02 * (layer % 2)]),
    ablations: [
      { without: [], scores: scores(quality) },
      { without: ['prefix'], scores: scores(quality - 0.08) },
      { without: ['adapter'], scores: scores(quality - 0.3) },
      { without: ['prefix', 'adapter'], scores: scores(quality - 0.5) },
    ],
  },
})

const variants: Variant[] = [
  {
    method: 'seq_bn',
    family: 'adapter',
    parameters: 894_528,
    seconds: 210,
    quality: 0.9,
    analysis: (_random, quality) => ({ dropCurve: dropCurve(quality, 0.016) }),
  },
  { method: 'double_seq_bn', family: 'adapter', parameters: 1_789_056, seconds: 260, quality: 0.905 },
  {
    method: 'fusion',
    family: 'fusion',
    parameters: 4_200_000,
    seconds: 380,
    quality: 0.912,
    analysis: (random, quality) => ({
      fusion: {
        adapters: ['trec', 'sst', 'clinc'],
        weights: perLayer((layer) => {
          const own = 0.4 + 0.07 * layer + 0.02 * random()
          return [own, (1 - own) * 0.6, (1 - own) * 0.4]
        }),
        pruned: [1, 2, 3].map((kept) => ({ kept, scores: scores(quality - 0.012 * (3 - kept)) })),
      },
    }),
  },
  {
    method: 'adapter_drop_robust',
    family: 'drop',
    parameters: 894_528,
    seconds: 180,
    quality: 0.89,
    analysis: (_random, quality) => ({ dropCurve: dropCurve(quality, 0.005) }),
  },
  {
    method: 'mam',
    family: 'mam',
    parameters: 1_200_000,
    seconds: 240,
    quality: 0.915,
    analysis: (_random, quality) => contributions(quality),
  },
  { method: 'masked', family: 'mam', parameters: 910_000, seconds: 230, quality: 0.902 },
  { method: 'full', family: 'baseline', parameters: 22_700_000, seconds: 620, quality: 0.92 },
  { method: 'head', family: 'baseline', parameters: 4_614, seconds: 60, quality: 0.74 },
]

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function addDataset(home: string, database: Database, { id, name, labels, rows }: Task): void {
  const lines = Array.from({ length: rows + 2 }, (_, row) => {
    const split = row === 0 ? 'train' : row === 1 ? 'validation' : 'test'
    return JSON.stringify({ split, text: `${name} text number ${row}`, label: labels[row % labels.length] })
  })
  writeFileSync(join(home, 'datasets', id), `${lines.join('\n')}\n`)
  const detail = { ...someDataset, id, name, hash: `rows of ${id}`, labels, rows: rows + 2 }
  insertDataset(database, { ...detail, splits: { train: 1, validation: 1, test: rows } }, `datasets/${id}`)
}

function curves(random: () => number, quality: number, method: string): MetricPoint[] {
  const points: MetricPoint[] = []
  for (let step = 1; step <= 300; step += 1) {
    const loss = 0.25 + (2 - quality) * Math.exp(-step / 60) + 0.15 * random()
    points.push({ name: 'train.loss', step, value: loss })
    const mask = 0.2 + 0.5 * Math.exp(-step / 90)
    if (method === 'masked') {
      points.push({ name: 'train.taskLoss', step, value: loss - 0.1 * mask })
      points.push({ name: 'train.loss.mask', step, value: mask })
    }
    points.push({ name: 'train.examplesPerSecond', step, value: 60 + 5 * random() })
    if (step % 30 === 0) {
      const accuracy = quality * (1 - 0.4 * Math.exp(-step / 70)) + 0.01 * random()
      points.push({ name: 'validation.accuracy', step, value: accuracy })
      points.push({ name: 'validation.loss', step, value: 1 - accuracy })
      if (method === 'masked')
        points.push({
          name: 'train.maskBalancedAccuracy',
          step,
          value: 0.5 + 0.4 * (1 - Math.exp(-step / 90)),
        })
    }
  }
  return points
}

async function addRun(
  home: string,
  database: Database,
  task: Task,
  variant: Variant,
  seed: number,
  { isBare = false } = {},
): Promise<void> {
  const { method, family, options = {}, training = {} } = variant
  const random = generator(
    [...`${task.id} ${method} ${JSON.stringify(options)} ${JSON.stringify(training)} ${seed}`].reduce(
      (sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0,
      7,
    ),
  )
  const config = RunConfig.parse({
    modelId: model.id,
    datasetId: task.id,
    method: { name: method, options },
    training: { seed, learningRate: 0.001, ...training },
  })
  const changed = [...Object.entries(options), ...Object.entries(training)].map(
    ([key, value]) => `${key}=${String(value)}`,
  )
  const id = [task.id, method, ...changed.map((part) => part.replace(/[^a-zA-Z0-9]+/g, '-')), seed].join('-')
  insertRun(database, {
    id,
    name: [task.name, '·', method, ...changed, '·', 'seed', seed].join(' '),
    method,
    family,
    modelId: model.id,
    modelName: model.name,
    datasetId: task.id,
    datasetName: task.name,
    datasetHash: `rows of ${task.id}`,
    tasks: [
      {
        datasetId: task.id,
        datasetName: task.name,
        datasetHash: `rows of ${task.id}`,
        name: task.name,
        labels: task.labels,
      },
    ],
    adapters: [],
    config,
    variant: variantOf(config),
    createdAt: new Date(Date.UTC(2026, 0, 2, 3, seed)).toISOString(),
    trainableParameters: variant.parameters,
    backboneParameters: 22_700_000,
  })
  const quality = variant.quality - (task.id === 'sst' ? 0.03 : 0)
  const classes = Array.from({ length: task.rows }, (_, row) => (row + 2) % task.labels.length)
  // The same rows are hard for every run, as with real ones.
  const difficulty = generator(task.rows)
  const predicted = classes.map((label) =>
    0.85 * difficulty() + 0.15 * random() < quality ? label : Math.floor(random() * task.labels.length),
  )
  const counts = confusionCounts(classes, predicted, task.labels.length)
  const test = scoresOf(counts, 1 - quality)
  updateRun(database, id, {
    status: 'finished',
    startedAt: '2026-01-02T03:04:05.000Z',
    endedAt: '2026-01-02T03:09:05.000Z',
    best: { epoch: 8, metric: 'accuracy', value: quality + 0.01 * random() },
    test,
    confusion: [{ split: 'test', labels: task.labels, counts }],
    progress: {
      epoch: 10,
      epochs: 10,
      step: 300,
      steps: 300,
      seconds: variant.seconds,
      secondsLeft: 0,
      phase: 'testing',
    },
    analysis: {
      latency: { p50: 4.2 + random(), p95: 6.4 + random(), examples: 50 },
      forgetting: { before: 2.4, after: family === 'baseline' && method === 'full' ? 3.1 : 2.4, tokens: 900 },
      ...variant.analysis?.(random, quality),
    },
    seconds: variant.seconds + 10 * random(),
    examplesPerSecond: 14_000 / variant.seconds + random(),
    peakRssBytes: Math.round(6e8 + 2e7 * random()) + (method === 'full' ? 4e8 : 0),
  })
  if (isBare) return
  writeMetrics(database, id, curves(random, quality, method))
  mkdirSync(join(home, 'runs', id), { recursive: true })
  await writeAnswers(join(home, 'runs', id), [
    {
      split: 'test',
      task: 0,
      logits: Float32Array.from(
        predicted.flatMap((label) =>
          task.labels.map((_, index) => (index === label ? 2 + random() : random())),
        ),
      ),
      classes: Int32Array.from(classes),
    },
  ])
}

async function prepare(home: string, more: number): Promise<void> {
  mkdirSync(join(home, 'datasets'), { recursive: true })
  const database = openDatabase(join(home, 'workbench.sqlite'))
  insertModel(database, model)
  for (const task of tasks) addDataset(home, database, task)
  for (const task of tasks) {
    for (const variant of variants) {
      for (const seed of [1, 2, 3]) await addRun(home, database, task, variant, seed)
    }
  }
  for (const kind of ['adapter', 'fusion'] as const) {
    for (const { name } of kind === 'adapter' ? tasks : tasks.slice(0, 1)) {
      insertAdapter(database, {
        id: `${name}-${kind}`,
        name: `${name} ${kind}`,
        kind,
        method: { name: kind === 'adapter' ? 'seq_bn' : 'fusion', options: {} },
        family: kind,
        modelHash: model.hash,
        modelName: model.name,
        datasetName: name,
        labels: [],
        adapterIds: kind === 'adapter' ? [] : tasks.map((task) => `${task.name}-adapter`),
        parameters: 1000,
        bytes: 4000,
        file: `adapters/${name}-${kind}.safetensors`,
        createdAt: '2026-01-02T03:04:05.000Z',
      })
    }
  }
  const [trec] = tasks
  if (trec !== undefined) {
    for (const reduction_factor of [4, 16, 64]) {
      for (const learningRate of [0.0001, 0.0005, 0.002]) {
        const quality = 0.9 - 0.03 * Math.abs(Math.log10(learningRate / 0.0005)) - reduction_factor / 2000
        const sweep: Variant = {
          method: 'par_bn',
          family: 'adapter',
          options: { reduction_factor },
          training: { learningRate },
          parameters: Math.round(14_000_000 / reduction_factor),
          seconds: 200,
          quality,
        }
        await addRun(home, database, trec, sweep, 1)
      }
    }
  }
  database.exec('BEGIN')
  for (let index = 0; index < more; index += 1) {
    const [task, variant] = [tasks[index % tasks.length], variants[(index >> 1) % variants.length]]
    if (task !== undefined && variant !== undefined)
      await addRun(home, database, task, variant, 1000 + index, { isBare: true })
  }
  database.exec('COMMIT')
  database.close()
}

const [home, more = '0'] = process.argv.slice(2)
if (home === undefined) throw new Error('say which home folder to fill: node test/e2e/prepare-home.ts HOME')
await prepare(home, Number(more))
