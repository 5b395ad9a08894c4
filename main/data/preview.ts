import type { DatasetPreview, DatasetRow, DatasetSources, RejectedRow } from '../../preload/contract.ts'
import { missingColumn, readRecords } from './readers/index.ts'
import { sniffSources, type ReadPlan } from './sniff.ts'

/** Rows read of each file for counting labels, and of these, rows shown. */
const readRows = 1000
const shownRows = 50

/**
 * The beginning of each file as it would be imported, with what looks odd. A file without a text or label column is
 * no error here: its raw lines and columns are what the user needs to choose by.
 *
 * @throws WorkbenchError as `sniffSources` does
 */
export async function previewDataset(
  sources: Pick<DatasetSources, 'files' | 'options' | 'maximumRows'>,
): Promise<DatasetPreview> {
  const plans = await sniffSources(sources)
  const labels = new Map<string, number>()
  const warnings: string[] = []
  const files: DatasetPreview['files'] = []
  for (const plan of plans) {
    const { rows, rejected } = await readBeginning(plan, Math.min(readRows, sources.maximumRows ?? readRows))
    for (const row of rows) labels.set(row.label, (labels.get(row.label) ?? 0) + 1)
    warnings.push(...warningsOf(plan, rows, rejected))
    files.push({
      ...plan.sniffed,
      rows: rows.slice(0, shownRows),
      rejected: rejected.slice(0, shownRows),
      raw: plan.raw,
    })
  }
  if (labels.size === 1) {
    const [label] = labels.keys()
    warnings.push(`Only one class ("${label ?? ''}") in the rows shown; a classifier needs at least two.`)
  } else if (labels.size > 200) {
    warnings.push(`${labels.size} different labels in the rows shown: is the label column the right one?`)
  }
  return { files, labels: Object.fromEntries(labels), warnings }
}

async function readBeginning(
  plan: ReadPlan,
  limit: number,
): Promise<{ rows: DatasetRow[]; rejected: RejectedRow[] }> {
  const rows: DatasetRow[] = []
  const rejected: RejectedRow[] = []
  if (missingColumn(plan) !== undefined) return { rows, rejected }
  for await (const { items } of readRecords(plan)) {
    for (const item of items) {
      if (rows.length + rejected.length >= limit) break
      if ('reason' in item) {
        rejected.push({ file: plan.source.path, line: item.line, reason: item.reason })
      } else {
        const { text, secondText, label } = item
        const split = item.split ?? plan.source.split
        const index = rows.length
        rows.push(
          secondText === undefined
            ? { index, split, text, label }
            : { index, split, text, secondText, label },
        )
      }
    }
    if (rows.length + rejected.length >= limit) break
  }
  return { rows, rejected }
}

function warningsOf(plan: ReadPlan, rows: readonly DatasetRow[], rejected: readonly RejectedRow[]): string[] {
  const { source, sniffed } = plan
  const problem = missingColumn(plan)
  if (problem !== undefined) return [problem]
  const warnings: string[] = []
  if (rows.length === 0)
    warnings.push(`${source.path}: no row can be used. Check delimiter, quoting, header and columns.`)
  else if (rejected.length > rows.length / 10) {
    warnings.push(
      `${source.path}: ${rejected.length} of the first ${rows.length + rejected.length} rows are rejected.`,
    )
  }
  if (sniffed.encoding === 'latin-1') {
    const odd = rows.some(({ text, secondText = '' }) => /[\u0080-\u009f]/.test(text + secondText))
    const other = odd ? ' Its dashes and quotation marks ask for windows-1252.' : ''
    warnings.push(
      `${source.path} is not valid UTF-8 and is read as latin-1; look at its accented letters.${other}`,
    )
  }
  if (sniffed.format === 'lines' && source.label === undefined) {
    warnings.push(
      `${source.path}: every row gets the label "${plan.fixedLabel ?? ''}", after the file's name.`,
    )
  }
  return warnings
}
