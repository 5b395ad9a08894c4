import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createComparisonService } from '../../../main/services/comparison.ts'
import { createRunImporter } from '../../../main/services/import-runs.ts'
import { readMetrics } from '../../../main/store/run-metrics.ts'
import { ComparisonInput, RunImport, type InputOf } from '../../../preload/contract.ts'
import { addFinishedRun, openComparedHome, wrongAt, type ComparedHome } from '../../fixtures/compared-runs.ts'
import { removeHome } from '../../fixtures/runs-home.ts'

/** Written by tensorboardX: scalars, a histogram, a text, and scalars as tensors, which TensorFlow 2 writes. */
const events = fileURLToPath(
  new URL('../../fixtures/imported/bert-seed3/events.out.tfevents.1', import.meta.url),
)

let at: ComparedHome

beforeEach(() => {
  at = openComparedHome()
})

afterEach(() => {
  at.database.close()
  removeHome(at.home)
})

const importer = () => createRunImporter({ ...at, publish: () => undefined })
const importRuns = (input: InputOf<'runs.import'>) => importer()['runs.import'](RunImport.parse(input))
const preview = (input: InputOf<'runs.import'>) => importer()['runs.previewImport'](RunImport.parse(input))

function file(name: string, content: string | Uint8Array): string {
  const path = join(at.home, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, content)
  return path
}

describe('TensorBoard event files', () => {
  it('become a run with their scalars under our names', async () => {
    const [run] = await importRuns({ paths: [events], datasetName: 'reviews', tags: ['old'] })
    expect(run).toMatchObject({
      name: 'bert-seed3',
      status: 'finished',
      imported: true,
      seed: 3,
      datasetId: 'dataset',
      tags: ['old'],
      best: { epoch: 2, metric: 'accuracy', value: 0.75 },
    })
    const series = readMetrics(at.database, run?.id ?? '')
    expect(series.map(({ name, steps }) => [name, steps])).toEqual([
      ['tf2/listed', [4]],
      ['tf2/raw', [4]],
      ['train.loss', [1, 2, 3, 4, 5]],
      ['validation.accuracy', [2, 5]],
      ['zero', [3]],
    ])
    expect(series.map(({ values }) => values.at(-1))).toEqual([0.25, 0.125, expect.closeTo(0.2), 0.75, 0])
  })

  it('are found in folders, one run for each', async () => {
    for (const name of ['runs/a-s1', 'runs/a-s2']) {
      mkdirSync(join(at.home, name), { recursive: true })
      copyFileSync(events, join(at.home, name, 'events.out.tfevents.9'))
    }
    const found = await importRuns({ paths: [join(at.home, 'runs')], name: 'old' })
    expect(found.map(({ name, seed }) => [name, seed])).toEqual([
      ['old · a-s1', 1],
      ['old · a-s2', 2],
    ])
    expect(new Set(found.map(({ variant }) => variant)).size).toBe(1)
  })

  it('are read as far as they are whole, and say where they are not', async () => {
    const bytes = readFileSync(events)
    const cut = await preview({ paths: [file('cut/x.tfevents', bytes.subarray(0, 200))] })
    expect(cut.runs[0]?.metrics[0]).toMatchObject({ name: 'train/loss', becomes: 'train.loss' })
    expect(cut.warnings[0]).toMatch(/ends in the middle of a record, at byte \d+/)
    const damaged = Uint8Array.from(bytes)
    damaged[150] = (damaged[150] ?? 0) ^ 0xff
    const { warnings } = await preview({ paths: [file('damaged/x.tfevents', damaged)] })
    expect(warnings.join()).toMatch(/is damaged|no record begins/)
  })

  it('that are something else are refused, naming the file', async () => {
    const path = file('no/x.tfevents', 'this is a text and no event file at all')
    await expect(importRuns({ paths: [path] })).rejects.toThrow(/no record begins at byte 0/)
    await expect(importRuns({ paths: [join(at.home, 'gone')] })).rejects.toMatchObject({ code: 'not-found' })
    await expect(importRuns({ paths: [join(at.home, 'datasets')] })).rejects.toThrow(/holds no TensorBoard/)
  })
})

describe('CSV files', () => {
  it('have a metric in each column', async () => {
    const path = file('curve.csv', 'epoch,loss,val_acc,wall_time,comment\n1,0.9,0.5,12,x\n2,0.4,0.7,13,\n')
    const [run] = await importRuns({ paths: [path] })
    expect(run).toMatchObject({ name: 'curve', best: { epoch: 2, value: 0.7 } })
    expect(readMetrics(at.database, run?.id ?? '')).toEqual([
      { name: 'train.loss', steps: [1, 2], values: [0.9, 0.4] },
      { name: 'validation.accuracy', steps: [1, 2], values: [0.5, 0.7] },
    ])
  })

  it('may hold several runs, with quotes, semicolons and names of their own', async () => {
    const path = file('runs.csv', 'who;n;"score, test"\n"one";1;0.5\n"two";1;0.6\n')
    const found = await importRuns({
      paths: [path],
      runColumn: 'who',
      stepColumn: 'n',
      metricNames: { 'score, test': 'test.accuracy' },
    })
    expect(found.map(({ name }) => name)).toEqual(['one', 'two'])
    expect(readMetrics(at.database, found[1]?.id ?? '')).toEqual([
      { name: 'test.accuracy', steps: [1], values: [0.6] },
    ])
  })

  it('may be long, and have a folder beside them that is called like one', async () => {
    const rows = Array.from({ length: 200_000 }, (_, row) => `${row + 1},${row === 1000 ? 0.9 : 0.5}\n`)
    const path = file('long/LONG.CSV', `step,val_acc\n${rows.join('')}`)
    mkdirSync(join(at.home, 'long', 'folder.csv'))
    const [run] = await importRuns({ paths: [join(path, '..')] })
    expect(run).toMatchObject({ name: 'LONG', best: { epoch: 1001, value: 0.9 } })
    expect(run?.progress?.step).toBe(200_000)
  })

  it('tell of each of their columns, also where two become the same', async () => {
    const path = file('twice.csv', 'step,val_acc,eval/accuracy\n1,0.5,0.6\n2,,0.7\n')
    const { runs } = await preview({ paths: [path] })
    expect(runs[0]?.metrics).toEqual([
      { name: 'val_acc', becomes: 'validation.accuracy', points: 1, last: 0.5 },
      { name: 'eval/accuracy', becomes: 'validation.accuracy', points: 2, last: 0.7 },
    ])
  })

  it('that TensorBoard exported are known by their names', async () => {
    const path = file('run-bert-tag-eval_loss.csv', 'Wall time,Step,Value\n1.5e9,10,0.25\n1.5e9,20,0.125\n')
    const [run] = await importRuns({ paths: [path] })
    expect(run?.name).toBe('bert')
    expect(readMetrics(at.database, run?.id ?? '')[0]).toEqual({
      name: 'validation.loss',
      steps: [10, 20],
      values: [0.25, 0.125],
    })
  })

  it('say which lines could not be read, and which column is missing', async () => {
    const path = file('bad.csv', 'step,loss\n1,0.5\nx,0.4\n3,oops\n')
    const { runs, warnings } = await preview({ paths: [path] })
    expect(runs[0]?.metrics).toEqual([{ name: 'loss', becomes: 'train.loss', points: 1, last: 0.5 }])
    expect(warnings).toEqual([expect.stringMatching(/bad\.csv: 1 lines could not be read/)])
    await expect(preview({ paths: [path], stepColumn: 'nope' })).rejects.toThrow(
      /stepColumn: .*no column “nope”; it has step, loss/,
    )
  })
})

describe('an imported run', () => {
  it('stands beside new ones of the same dataset', async () => {
    await addFinishedRun(at, { id: 'mine', predicted: wrongAt(0) })
    const path = file('old.csv', 'step,test_accuracy\n1,0.6\n2,0.8\n')
    const [old] = await importRuns({
      paths: [path],
      datasetName: 'reviews',
      modelName: 'tiny',
      method: 'lstm',
    })
    const compare = createComparisonService(at).handlers['comparison.get']
    const { groups, split, untested } = await compare(
      ComparisonInput.parse({ runIds: ['mine', old?.id ?? ''] }),
    )
    expect(split).toBe('test')
    expect(groups.map(({ name, score }) => [name, score?.mean, score?.basis])).toEqual([
      ['seq_bn', 0.9, 'bootstrap'],
      ['lstm', 0.8, 'none'],
    ])
    expect(untested[0]?.reason).toMatch(/not kept: it was trained by an older version, or imported/)
  })
})
