import { WorkbenchError, type DatasetSources, type SplitName } from '../../preload/contract.ts'
import type { StoredRow } from './dataset-file.ts'
import { readRecords, type RecordItem } from './readers/index.ts'
import type { Rejections } from './rejections.ts'
import type { ReadPlan } from './sniff.ts'
import type { Spool } from './spool.ts'
import { splitNames } from './statistics.ts'

export interface ImportProgress {
  rows: number
  bytes: number
  totalBytes: number
}

/** What is remembered of each spooled row, by its position there. */
export interface SpooledRows {
  /** Index into the label names met so far. */
  labelOf: number[]
  /** Index into `splitNames`. */
  splitOf: number[]
  given: Set<SplitName>
  trainingLabels(): string[]
}

/**
 * Reads all files into the spool, their rows in order. Rejected rows are counted; a file without a usable row is
 * an error.
 *
 * @throws WorkbenchError('bad-input') naming the file
 */
export async function readSources(
  plans: readonly ReadPlan[],
  sources: Pick<DatasetSources, 'maximumRows'>,
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
