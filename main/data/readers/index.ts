import { WorkbenchError } from '../../../preload/contract.ts'
import { readLines } from '../lines.ts'
import type { ReadPlan } from '../sniff.ts'
import { createDelimitedReader } from './delimited.ts'
import { createJsonlReader } from './jsonl.ts'
import { createLabelledLinesReader, createLinesReader } from './lines.ts'
import type { RecordItem, RecordReader } from './records.ts'

export type { RecordItem } from './records.ts'

/**
 * A file's records and rejected lines as its plan says, as many at a time as one read brings.
 * @throws WorkbenchError('bad-input') when the plan names no text or no label column
 */
export async function* readRecords(plan: ReadPlan): AsyncGenerator<{ items: RecordItem[]; bytes: number }> {
  const reader = createReader(plan)
  let read = 0
  for await (const { lines, bytes } of readLines(plan.source.path, plan.sniffed.encoding)) {
    read = bytes
    yield { items: lines.flatMap((line) => reader.push(line)), bytes }
  }
  yield { items: reader.flush(), bytes: read }
}

/** What is missing before the file can be read; undefined when nothing is. */
export function missingColumn({ source, sniffed, fixedLabel }: ReadPlan): string | undefined {
  const columns = `Its columns are: ${sniffed.columns.join(', ')}.`
  if (sniffed.text === undefined) {
    return `${source.path}: no column with text was found. ${columns} Say which one is the text.`
  }
  if (sniffed.label === undefined && fixedLabel === undefined) {
    return (
      `${source.path}: no column with labels was found. ${columns} ` +
      'Say which one is the label, give the whole file one label, or leave the file out if it is unlabelled.'
    )
  }
  return undefined
}

function createReader(plan: ReadPlan): RecordReader {
  const { sniffed, fixedLabel } = plan
  const problem = missingColumn(plan)
  if (problem !== undefined || sniffed.text === undefined) {
    throw new WorkbenchError('bad-input', problem ?? 'no text column')
  }
  if (sniffed.format === 'lines') return createLinesReader(fixedLabel ?? '')
  if (sniffed.format === 'labelled-lines') return createLabelledLinesReader(plan.fineLabels, fixedLabel)
  const { text, secondText, label } = sniffed
  const { split } = plan
  if (sniffed.format === 'jsonl') return createJsonlReader({ text, secondText, label, split }, fixedLabel)
  const at = (name: string | undefined) => (name === undefined ? undefined : sniffed.columns.indexOf(name))
  return createDelimitedReader(
    {
      delimiter: sniffed.delimiter ?? '\t',
      quoting: sniffed.quoting ?? false,
      header: sniffed.header ?? false,
      columns: sniffed.columns.length,
      text: sniffed.columns.indexOf(text),
      secondText: at(secondText),
      label: at(label),
      split: at(split),
    },
    fixedLabel,
  )
}
