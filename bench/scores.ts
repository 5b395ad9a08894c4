/**
 * `npm run bench:scores`: trains what the reference scores name through the command line, and says of each row
 * whether it is equal: within one point, or within two standard errors of the difference where that is more.
 * Runs that are done are kept in `.cache/scores.json`, so that it can be interrupted and called again.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { z } from 'zod'

import { referenceScores, type ReferenceScore } from './reference-scores.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const shared = fileURLToPath(new URL('../../shared/', import.meta.url))
const cache = fileURLToPath(new URL('../.cache/scores/', import.meta.url))
const kept = `${cache}scores.json`

const { values: flags } = parseArgs({
  options: {
    model: { type: 'string' },
    task: { type: 'string' },
    method: { type: 'string' },
    seeds: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

const TrainAnswer = z.object({ test: z.object({ accuracy: z.number() }), trainableParameters: z.number() })
const Kept = z.record(z.string(), TrainAnswer)

interface Outcome extends ReferenceScore {
  ours: number
  oursDeviation: number
  difference: number
  allowed: number
  equal: boolean
}

/** The flags that name a task's files. */
function filesOf(task: ReferenceScore['task']): string[] {
  switch (task) {
    case 'trec':
      return ['--train', `${shared}data/trec/TREC.train`, '--test', `${shared}data/trec/TREC.test`]
    case 'sst2':
      return [
        ...['--train', firstRows('sst2_glue/train.tsv', 8000)],
        ...['--validation', firstRows('sst2_glue/dev.tsv', 1000)],
        ...['--test', `${shared}data/sst2_glue/test.tsv`],
      ]
    case 'subj':
      return drawn('subj/subj.subjective', 'subj/subj.objective')
    case 'mr':
      return drawn('mr/rt-polarity.pos', 'mr/rt-polarity.neg')
  }
}

/** One file per class, of which 10 % each are drawn for validation and test. */
function drawn(...files: string[]): string[] {
  return [...files.flatMap((file) => ['--train', `${shared}data/${file}`]), '--test-share', '0.1']
}

/** A copy of a file's header and first rows. */
function firstRows(file: string, rows: number): string {
  const path = `${cache}first-${rows}-${file.replace('/', '-')}`
  const lines = readFileSync(`${shared}data/${file}`, 'utf8').split('\n')
  writeFileSync(path, `${lines.slice(0, rows + 1).join('\n')}\n`)
  return path
}

function train(row: ReferenceScore, seed: number): z.infer<typeof TrainAnswer> {
  const args = [
    ...['run', '--silent', 'workbench', '--', 'train', '--json', '--home', `${cache}home`],
    ...['--model', `${shared}checkpoints/${row.model}`, '--method', row.method],
    ...['--epochs', String(row.epochs), '--learning-rate', String(row.learningRate), '--seed', String(seed)],
    ...filesOf(row.task),
  ]
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (status !== 0)
    throw new Error(
      `train failed for ${nameOf(row)}, seed ${seed}:\n${stderr.trim().split('\n').slice(-5).join('\n')}`,
    )
  return TrainAnswer.parse(JSON.parse(stdout))
}

function nameOf({ model, task, method, epochs, learningRate }: ReferenceScore): string {
  return `${model} ${task} ${method} ${epochs} epochs lr ${learningRate}`
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Of a sample; 0 of one value. */
function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0
  const centre = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1))
}

function compare(row: ReferenceScore, scores: readonly number[]): Outcome {
  const ours = mean(scores)
  const oursDeviation = deviation(scores)
  const error = Math.sqrt(row.deviation ** 2 / row.seeds.length + oursDeviation ** 2 / scores.length)
  const allowed = Math.max(1, 2 * error)
  const difference = ours - row.mean
  return { ...row, ours, oursDeviation, difference, allowed, equal: Math.abs(difference) <= allowed }
}

function wanted(flag: string | undefined, value: string): boolean {
  return flag === undefined || flag.split(',').includes(value)
}

mkdirSync(cache, { recursive: true })
const done = existsSync(kept) ? Kept.parse(JSON.parse(readFileSync(kept, 'utf8'))) : {}
const outcomes: Outcome[] = []
try {
  for (const row of referenceScores) {
    if (!wanted(flags.model, row.model) || !wanted(flags.task, row.task) || !wanted(flags.method, row.method))
      continue
    const scores: number[] = []
    for (const seed of row.seeds) {
      if (!wanted(flags.seeds, String(seed))) continue
      const name = `${nameOf(row)} seed ${seed}`
      const known = done[name]
      const answer = known ?? train(row, seed)
      if (answer.trainableParameters !== row.trainableParameters) {
        throw new Error(
          `${name}: ${answer.trainableParameters} trainable parameters, the reference has ${row.trainableParameters}`,
        )
      }
      done[name] = answer
      writeFileSync(kept, JSON.stringify(done, undefined, 1))
      scores.push(answer.test.accuracy * 100)
      process.stderr.write(`${name}: ${(answer.test.accuracy * 100).toFixed(1)} %\n`)
    }
    if (scores.length > 0) outcomes.push(compare(row, scores))
  }
  if (flags.json) console.log(JSON.stringify(outcomes, undefined, 1))
  else print()
  if (outcomes.some(({ equal }) => !equal)) process.exitCode = 1
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function print(): void {
  console.log(
    '| encoder | task | method | seeds | ours, mean ± std | PyTorch, mean ± std | difference | allowed | equal |',
  )
  console.log('|---|---|---|---|---|---|---|---|---|')
  for (const row of outcomes) {
    const score = (value: number, spread: number): string => `${value.toFixed(1)} ± ${spread.toFixed(1)}`
    console.log(
      `| ${row.model} | ${row.task} | ${row.method} | ${row.seeds.join(',')} | ${score(row.ours, row.oursDeviation)} | ` +
        `${score(row.mean, row.deviation)} | ${row.difference.toFixed(1)} | ${row.allowed.toFixed(1)} | ${row.equal ? 'yes' : 'no'} |`,
    )
  }
}
