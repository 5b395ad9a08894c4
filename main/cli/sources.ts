import { resolve } from 'node:path'

import type { Command } from 'commander'

import {
  DatasetSources,
  Encoding,
  ReadOptions,
  type DatasetDetail,
  type InputOf,
} from '../../preload/contract.ts'
import type { Client } from './client.ts'
import { duration, shorten } from './format.ts'
import type { Output } from './output.ts'
import { collect, parseInteger, parseNumber, parseYesNo, UsageError } from './usage.ts'

/** The flags of `train` and `datasets import` that say which files to read, and how. */
export interface SourceFlags {
  name?: string
  train?: string[]
  validation?: string[]
  test?: string[]
  format?: string
  text?: string
  secondText?: string
  label?: string
  delimiter?: string
  quoting?: boolean
  header?: boolean
  encoding?: string
  fineLabels?: boolean
  validationShare?: number
  testShare?: number
  splitSeed?: number
  maximumRows?: number
}

export function sourceFlags(command: Command): Command {
  return command
    .option('--train <file>', 'file of training rows; may be given several times', collect)
    .option('--validation <file>', 'file of validation rows (default: 10 % of the training rows)', collect)
    .option('--test <file>', 'file of test rows', collect)
    .option('--text <column>', 'column of the text, by name or by number from 1')
    .option('--second-text <column>', 'column of the second text of a pair')
    .option('--label <column>', 'column of the label')
    .option('--delimiter <characters>', 'what separates the columns; tab for a tabulator')
    .option('--header [yes|no]', 'whether the first line names the columns', parseYesNo)
    .option('--encoding <name>', `of the files: ${Encoding.options.join(', ')}`)
    .option('--quoting [yes|no]', 'whether " quotes a field', parseYesNo)
    .option('--format <name>', 'delimited, jsonl, labelled-lines or lines')
    .option(
      '--fine-labels [yes|no]',
      'for lines like "DESC:manner How …": keep the part after the colon',
      parseYesNo,
    )
    .option(
      '--validation-share <share>',
      'share of the training rows that is drawn for validation',
      parseNumber,
    )
    .option('--test-share <share>', 'share of the training rows that is drawn for the test', parseNumber)
    .option('--split-seed <number>', 'seed of drawing those', parseInteger)
    .option('--maximum-rows <count>', 'take only the first good rows of each file', parseInteger)
}

/** Flags that mean nothing where no file is named; the name is the run's as well. */
const aboutFiles: ReadonlySet<string> = new Set([
  ...Object.keys(ReadOptions.shape),
  ...['validationShare', 'testShare', 'splitSeed', 'maximumRows'],
])

/**
 * What the flags ask to import; undefined when they name no file.
 * @throws UsageError where a flag's value cannot be meant
 */
export function sourcesOf(flags: SourceFlags): InputOf<'datasets.import'> | undefined {
  const files = (['train', 'validation', 'test'] as const).flatMap((split) =>
    (flags[split] ?? []).map((path) => ({ path: resolve(path), split })),
  )
  if (files.length === 0) {
    const idle = Object.entries(flags).find(([flag, value]) => value !== undefined && aboutFiles.has(flag))
    if (idle !== undefined)
      throw new UsageError(`${flagOf(idle[0])} says how to read files; name them with --train.`)
    return undefined
  }
  if (!files.some((file) => file.split === 'train'))
    throw new UsageError('Name the training rows with --train FILE.')
  const options = Object.fromEntries(
    (Object.keys(ReadOptions.shape) as (keyof typeof ReadOptions.shape)[]).map((key) => [key, flags[key]]),
  )
  const { name, validationShare, testShare, splitSeed, maximumRows } = flags
  const parsed = DatasetSources.safeParse({
    name,
    files,
    options,
    validationShare,
    testShare,
    splitSeed,
    maximumRows,
  })
  if (!parsed.success) throw new UsageError(flagIssues(parsed.error.issues))
  return parsed.data
}

/** Flags whose names are not those of the settings, or which set several at once. */
const flagNames: Record<string, string> = {
  groupLearningRates: 'learningRate',
  unfreezeLayers: 'unfreeze',
  adapterIds: 'adapters',
  headIds: 'heads',
  fusionId: 'fusion',
  moreDatasetIds: 'datasets',
  layers: 'headLayers',
  activation: 'headActivation',
  dropout: 'headDropout',
}

/** Zod's issues with the flags that they are about: `training.batchSize` is `--batch-size`. */
export function flagIssues(issues: readonly { path: PropertyKey[]; message: string }[]): string {
  return issues
    .map(({ path, message }) => {
      const keys = path.map(String)
      const listed = keys.find((key) => Object.hasOwn(flagNames, key))
      const name = (listed === undefined ? keys.at(-1) : flagNames[listed]) ?? ''
      return `${flagOf(name)}: ${message}`
    })
    .join('; ')
}

/** `batchSize` as it is typed: `--batch-size`. */
function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** How many rejected rows are said at once; the dataset keeps more. */
const shownRejections = 10

/** Import with progress on stderr, and say which rows were rejected. */
export async function importSources(
  client: Client,
  output: Output,
  sources: InputOf<'datasets.import'>,
): Promise<DatasetDetail> {
  const startedAt = performance.now()
  const stop = client.subscribe('dataset.progress', ({ name, rows, bytes, totalBytes }) => {
    const done = totalBytes > 0 ? bytes / totalBytes : undefined
    const seconds = (performance.now() - startedAt) / 1000
    const secondsLeft = done !== undefined && done > 0.05 ? (seconds / done) * (1 - done) : undefined
    output.progress({ label: `importing ${name}, ${String(rows)} rows`, done, secondsLeft })
  })
  try {
    const dataset = await client.invoke('datasets.import', sources)
    output.endProgress()
    for (const row of dataset.rejectedRows.slice(0, shownRejections)) {
      output.log(`rejected: ${row.file}, line ${String(row.line)}: ${shorten(row.reason, 200)}`)
    }
    const rest = dataset.rejected - Math.min(dataset.rejectedRows.length, shownRejections)
    if (rest > 0) output.log(`… and ${String(rest)} more rejected rows`)
    output.log(
      `imported ${dataset.name}: ${String(dataset.rows)} rows, ${String(dataset.rejected)} rejected, in ${duration((performance.now() - startedAt) / 1000)}`,
    )
    return dataset
  } finally {
    stop()
  }
}
