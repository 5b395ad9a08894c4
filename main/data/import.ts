import {
  WorkbenchError,
  type DatasetDetail,
  type DatasetSources,
  type RejectedRow,
  type SplitName,
} from '../../preload/contract.ts'
import { writeDatasetFile, type StoredRow } from './dataset-file.ts'
import { isNumeric } from './columns.ts'
import { missingColumn, readRecords, type RecordItem } from './readers/index.ts'
import { sniffSources, type ReadPlan } from './sniff.ts'
import { drawStratified } from './split.ts'
import { createSpool, type Spool } from './spool.ts'
import { createStatistics, splitNames } from './statistics.ts'

/** A dataset as it was imported, before it has a name and an id. */
export type ImportedDataset = Omit<DatasetDetail, 'id' | 'name' | 'createdAt' | 'sample'> & {
  /** The file of its rows. */
  path: string
}

export interface ImportProgress {
  rows: number
  bytes: number
  totalBytes: number
}

type Sources = Omit<DatasetSources, 'name'>

const keptRejections = 1000

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
    const rows = await readAll(plans, sources, spool, rejections, onProgress)
    const labels = sortLabels(rows.trainingLabels())
    requireClasses(labels, plans)
    const splits = assignSplits(rows, sources)
    const statistics = createStatistics(labels)
    const known = new Set(labels)

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
          final.push(row)
        }
        yield final
      }
    }

    const { hash, path } = await writeDatasetFile(folder, finalRows())
    const counted = statistics.finish()
    for (const split of ['validation', 'test'] as const) {
      if (!rows.given.has(split) || (counted.splits[split] ?? 0) > 0) continue
      throw new WorkbenchError(
        'bad-input',
        `No ${split} row has a label that the training rows have (${labels.slice(0, 8).join(', ')}). ` +
          'Check that the files belong together and which column is the label.',
      )
    }
    return {
      hash,
      path,
      task: plans.some((plan) => plan.sniffed.secondText !== undefined) ? 'text-pair' : 'single-text',
      labels,
      ...counted,
      rejected: rejections.count(),
      rejectedRows: rejections.kept(plans),
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

function requireClasses(labels: readonly string[], plans: readonly ReadPlan[]): void {
  if (labels.length >= 2) return
  const training = plans.filter((plan) => plan.source.split === 'train' || plan.split !== undefined)
  const files = training.map((plan) => plan.source.path).join(', ')
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

/** What is remembered of each spooled row, by its position there. */
interface SpooledRows {
  /** Index into the label names met so far. */
  labelOf: number[]
  /** Index into `splitNames`. */
  splitOf: number[]
  given: Set<SplitName>
  trainingLabels(): string[]
}

async function readAll(
  plans: readonly ReadPlan[],
  sources: Sources,
  spool: Spool,
  rejections: Rejections,
  onProgress: (progress: ImportProgress) => void,
): Promise<SpooledRows> {
  const labelIndex = new Map<string, number>()
  const labelOf: number[] = []
  const splitOf: number[] = []
  const given = new Set<SplitName>()
  const totalBytes = plans.reduce((sum, plan) => sum + plan.bytes, 0)
  let bytesBefore = 0

  for (const [file, plan] of plans.entries()) {
    const { path } = plan.source
    let rows = 0
    let firstRejected: string | undefined
    const limit = sources.maximumRows ?? Infinity
    for await (const { items, bytes } of readRecords(plan)) {
      for (const item of items) {
        if (rows >= limit) break
        if ('reason' in item) {
          rejections.add(path, item.line, item.reason)
          firstRejected ??= `line ${item.line}: ${item.reason}`
          continue
        }
        rows++
        const split = item.split ?? plan.source.split
        given.add(split)
        splitOf.push(splitNames.indexOf(split))
        labelOf.push(intern(labelIndex, item.label))
        spool.add({ file, line: item.line, ...contentOf(item) })
      }
      await spool.flush()
      onProgress({ rows: labelOf.length, bytes: bytesBefore + bytes, totalBytes })
      if (rows >= limit) break
    }
    bytesBefore += plan.bytes
    if (rows === 0) throw noUsableRow(path, firstRejected)
  }
  onProgress({ rows: labelOf.length, bytes: totalBytes, totalBytes })

  function trainingLabels(): string[] {
    const names = [...labelIndex.keys()]
    const used = new Set(labelOf.filter((_, row) => splitOf[row] === 0))
    return names.filter((_, index) => used.has(index))
  }
  return { labelOf, splitOf, given, trainingLabels }
}

function contentOf(
  item: Extract<RecordItem, { text: string }>,
): Pick<StoredRow, 'text' | 'secondText' | 'label'> {
  const { text, secondText, label } = item
  return secondText === undefined ? { text, label } : { text, secondText, label }
}

function noUsableRow(path: string, firstRejected: string | undefined): WorkbenchError {
  return new WorkbenchError(
    'bad-input',
    firstRejected === undefined
      ? `${path} has no row besides its header. Choose a file with labelled text, or say that it has no header.`
      : `${path} has no usable row (${firstRejected}). Check delimiter, quoting, header and columns.`,
  )
}

function intern(index: Map<string, number>, label: string): number {
  const known = index.get(label)
  if (known !== undefined) return known
  index.set(label, index.size)
  return index.size - 1
}

/** Split of each spooled row: as given, and drawn from the training rows for a split that was not given. */
function assignSplits({ labelOf, splitOf, given }: SpooledRows, sources: Sources): Uint8Array {
  const splits = Uint8Array.from(splitOf)
  const draw = (split: 'validation' | 'test', share: number) => {
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
  if (testDrawn && draw('test', sources.testShare) === 0) throw tooFewRows('test')
  // The share is one of all training rows, so what the test split took from them must not make it smaller.
  const share = testDrawn
    ? Math.min(0.9, sources.validationShare / (1 - sources.testShare))
    : sources.validationShare
  if (!given.has('validation') && draw('validation', share) === 0) throw tooFewRows('validation')
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

interface Rejections {
  add(file: string, line: number, reason: string): void
  count(): number
  kept(plans: readonly ReadPlan[]): RejectedRow[]
}

function createRejections(): Rejections {
  const rows: RejectedRow[] = []
  let count = 0
  return {
    add(file, line, reason) {
      count++
      if (rows.length < keptRejections) rows.push({ file, line, reason })
    },
    count: () => count,
    kept(plans) {
      const order = new Map(plans.map((plan, index) => [plan.source.path, index]))
      return rows.sort((a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line)
    },
  }
}
