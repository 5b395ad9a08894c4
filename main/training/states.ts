import type { HostTensor } from '../engines/engine.ts'
import type { Shape } from '../graph/index.ts'

/** How a state lies in a graph, and how much of it each example has. */
export interface StateForm {
  name: string
  /** Whether it has `width` numbers for each token, or for the whole text. */
  perToken: boolean
  width: number
  /** The dimensions after that of the batch. */
  rest: readonly number[]
  /** The dimensions before that of the batch: `sequence`, 1, or none. */
  before: 'sequence' | 'one' | 'none'
}

/** @returns undefined for a shape of which no example can be told from the others */
export function formOf(name: string, shape: Shape): StateForm | undefined {
  const [first, second] = shape
  const before = first === 'batch' ? 'none' : second !== 'batch' ? undefined : first === 1 ? 'one' : first
  if (before !== 'none' && before !== 'one' && before !== 'sequence') return undefined
  const rest = shape.slice(before === 'none' ? 1 : 2)
  if (!rest.every((size) => typeof size === 'number')) return undefined
  const width = rest.reduce((product, size) => product * size, 1)
  return { name, perToken: before === 'sequence', width, rest, before }
}

/** Numbers that all states of a text take together. */
export function recordLength(forms: readonly StateForm[], tokens: number): number {
  return forms.reduce((total, { perToken, width }) => total + (perToken ? tokens * width : width), 0)
}

/** A text of a batch. */
export interface BatchRow {
  row: number
  batch: number
  tokens: number
}

/** The states of one text out of a batch's, one after the other and without padding. */
export function takeRecord(
  forms: readonly StateForm[],
  outputs: Readonly<Record<string, HostTensor>>,
  { row, batch, tokens }: BatchRow,
): Float32Array<ArrayBuffer> {
  const record = new Float32Array(recordLength(forms, tokens))
  let offset = 0
  for (const { name, perToken, width } of forms) {
    const data = outputs[name]?.data
    if (!(data instanceof Float32Array)) throw new Error(`there is no state ${name}`)
    const positions = perToken ? tokens : 1
    for (let position = 0; position < positions; position++) {
      const start = (position * batch + row) * width
      record.set(data.subarray(start, start + width), offset)
      offset += width
    }
  }
  return record
}

/**
 * The states of a batch, put together from those of its texts. Padding is 0: nothing that reads states reads it.
 *
 * @param records as `takeRecord` makes them
 * @param tokens of each text
 */
export function joinRecords(
  forms: readonly StateForm[],
  records: readonly Float32Array[],
  tokens: readonly number[],
  sequence: number,
): Record<string, HostTensor> {
  const batch = records.length
  const feeds: Record<string, HostTensor> = {}
  const offsets = new Array<number>(batch).fill(0)
  for (const { name, perToken, width, rest, before } of forms) {
    const data = new Float32Array((perToken ? sequence : 1) * batch * width)
    records.forEach((record, row) => {
      const positions = perToken ? (tokens[row] ?? 0) : 1
      let offset = offsets[row] ?? 0
      for (let position = 0; position < positions; position++) {
        data.set(record.subarray(offset, offset + width), (position * batch + row) * width)
        offset += width
      }
      offsets[row] = offset
    })
    const lead = { sequence: [sequence], one: [1], none: [] }[before]
    feeds[name] = { data, shape: [...lead, batch, ...rest] }
  }
  return feeds
}
