import { setImmediate as nextTurn } from 'node:timers/promises'

import {
  WorkbenchError,
  type DatasetDetail,
  type DatasetSources,
  type SplitName,
} from '../../preload/contract.ts'
import { isNumeric } from './columns.ts'
import { writeDatasetFile, type StoredRow } from './dataset-file.ts'
import { readSources, type ImportProgress, type SpooledRows } from './read-sources.ts'
import { missingColumn } from './readers/index.ts'
import { createRejections } from './rejections.ts'
import { sniffSources, type ReadPlan } from './sniff.ts'
import { drawStratified } from './split.ts'
import { createSpool } from './spool.ts'
import { createStatistics, splitNames } from './statistics.ts'

/** A dataset as it was imported, before it has a name and an id. */
export type ImportedDataset = Omit<DatasetDetail, 'id' | 'name' | 'createdAt' | 'sample'> & {
  /** The file of its rows. */
  path: string
}

type Sources = Omit<DatasetSources, 'name'>

/**
 * Imports labelled text into `folder`. Every file is read once into a spool on the disk, since classes and splits
 * are known only at its end; then the rows are written with their splits. Memory holds a few numbers per row.
 *
 * @throws WorkbenchError not-found, bad-input (naming the file and what to do) or storage; nothing is left behind
 */
export async function importDataset(
  sources: Sources,
  folder: string,
  onProgress: (progress: ImportProgress) => void = () => undefined,
): Promise<ImportedDataset> {
  const plans = await sniffSources(sources)
  for (const plan of plans) requireColumns(plan, plans)
  const rejections = createRejections()
  const spool = await createSpool(folder)
  try {
    const rows = await readSources(plans, sources, spool, rejections, onProgress)
    const labels = sortLabels(rows.trainingLabels())
    requireClasses(labels, plans)
    const splits = await assignSplits(rows, sources)
    const statistics = createStatistics(labels)
    const known = new Set(labels)
    const filled = new Set<SplitName>()

    async function* finalRows(): AsyncGenerator<StoredRow[]> {
      let position = 0
      for await (const chunk of spool.read()) {
        const final: StoredRow[] = []
        for (const { file, line, text, secondText, label } of chunk) {
          const split = splitNames[splits[position++] ?? 0] ?? 'train'
          if (!known.has(label)) {
            const path = plans[file]?.source.path ?? ''
            rejections.add(path, line, `the label "${label}" does not occur in the training rows`)
            continue
          }
          const row: StoredRow = { split, text, ...(secondText === undefined ? {} : { secondText }), label }
          statistics.add(row)
          filled.add(split)
          final.push(row)
        }
        yield final
      }
      // Thrown from here it also makes the file that is being written go away.
      requireFilled(rows.given, filled, labels)
    }

    const { hash, path } = await writeDatasetFile(folder, finalRows())
    return {
      hash,
      path,
      task: plans.some((plan) => plan.sniffed.secondText !== undefined) ? 'text-pair' : 'single-text',
      labels,
      ...(await statistics.finish()),
      rejected: rejections.count(),
      rejectedRows: rejections.kept(plans.map((plan) => plan.source.path)),
      files: plans.map((plan) => plan.sniffed),
      splitSeed: sources.splitSeed,
      validationShare: sources.validationShare,
    }
  } finally {
    await spool.remove()
  }
}

function requireColumns(plan: ReadPlan, plans: readonly ReadPlan[]): void {
  const problem = missingColumn(plan)
  if (problem !== undefined) throw new WorkbenchError('bad-input', problem)
  const paired = plans.find((other) => other.sniffed.secondText !== undefined)
  if (paired !== undefined && plan.sniffed.secondText === undefined) {
    throw new WorkbenchError(
      'bad-input',
      `${plan.source.path} has no second text, but ${paired.source.path} has one ("${paired.sniffed.secondText ?? ''}"). ` +
        'Name the column of the second text, or import the files as two datasets.',
    )
  }
}

/** More labels than these are no classes but a column of ids or texts. */
const mostClasses = 10_000

function requireClasses(labels: readonly string[], plans: readonly ReadPlan[]): void {
  if (labels.length >= 2 && labels.length <= mostClasses) return
  const training = plans.filter((plan) => plan.source.split === 'train' || plan.split !== undefined)
  const files = training.map((plan) => plan.source.path).join(', ')
  if (labels.length > mostClasses) {
    throw new WorkbenchError(
      'bad-input',
      `${labels.length} different labels in the training rows of ${files}; at most ${mostClasses} can be told apart. ` +
        `Check that "${training[0]?.sniffed.label ?? ''}" is the label column.`,
    )
  }
  if (labels.length === 0) {
    throw new WorkbenchError(
      'bad-input',
      plans.length === 0 || training.length === 0
        ? 'No file is given for training. Name at least one file for the training split.'
        : `No row of ${files} is for training. Give at least one training row of each class.`,
    )
  }
  const column = training[0]?.sniffed.label
  throw new WorkbenchError(
    'bad-input',
    `Only one class ("${labels[0] ?? ''}") in the training rows of ${files}; a classifier needs at least two. ` +
      (column === undefined
        ? 'Add a file of another class.'
        : `Check that "${column}" is the label column, or add rows of another class.`),
  )
}

function requireFilled(
  given: ReadonlySet<SplitName>,
  filled: ReadonlySet<SplitName>,
  labels: readonly string[],
): void {
  const missing = [...given].find((split) => !filled.has(split))
  if (missing === undefined) return
  throw new WorkbenchError(
    'bad-input',
    `No ${missing} row has a label that the training rows have (${labels.slice(0, 8).join(', ')}). ` +
      'Check that the files belong together and which column is the label.',
  )
}

/** Split of each spooled row: as given, and drawn from the training rows for a split that was not given. */
async function assignSplits({ labelOf, splitOf, given }: SpooledRows, sources: Sources): Promise<Uint8Array> {
  const splits = Uint8Array.from(splitOf)
  const draw = async (split: 'validation' | 'test', share: number) => {
    // A draw from millions of rows takes long enough for others to want a turn before it.
    await nextTurn()
    const training: number[] = []
    for (const [row, own] of splitOf.entries()) if (own === 0 && splits[row] === 0) training.push(row)
    const drawn = drawStratified(
      training.map((row) => labelOf[row] ?? 0),
      share,
      sources.splitSeed,
      split,
    )
    for (const position of drawn) splits[training[position] ?? 0] = splitNames.indexOf(split)
    return drawn.length
  }
  const testDrawn = !given.has('test') && sources.testShare > 0
  if (testDrawn && (await draw('test', sources.testShare)) === 0) throw tooFewRows('test')
  // The share is one of all training rows, so what the test split took from them must not make it smaller.
  const share = testDrawn
    ? Math.min(0.9, sources.validationShare / (1 - sources.testShare))
    : sources.validationShare
  if (!given.has('validation') && (await draw('validation', share)) === 0) throw tooFewRows('validation')
  return splits
}

function tooFewRows(split: string): WorkbenchError {
  return new WorkbenchError(
    'bad-input',
    `Too few training rows to draw a ${split} split from: every class has only one. Add rows, or give a ${split} file.`,
  )
}

/** By value when all are numbers, else by code point: the same order on every machine. */
export function sortLabels(labels: readonly string[]): string[] {
  if (labels.every(isNumeric)) return [...labels].sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1))
  return [...labels].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}
