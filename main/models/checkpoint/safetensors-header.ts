import { z } from 'zod'

import { WorkbenchError } from '../../../preload/contract.ts'
import { dtypeBytes, isDtype } from './dtypes.ts'
import { elementCount, formatShape, type TensorEntry } from './tensor-file.ts'

/** A tensor and where its bytes lie, counted from the beginning of the file. */
export interface LocatedTensor extends TensorEntry {
  readonly start: number
  readonly end: number
}

const Size = z.number().int().min(0)
const HeaderEntry = z.object({ dtype: z.string(), shape: z.array(Size), data_offsets: z.tuple([Size, Size]) })
const Metadata = z.record(z.string(), z.string())

interface FileLayout {
  path: string
  /** Where the data begins, in bytes from the beginning of the file. */
  dataStart: number
  /** Size of the file in bytes. */
  size: number
}

/**
 * The tensors that a header describes, checked: offsets lie in the file, fit shape and type, and leave neither
 * overlap nor hole, as the format demands.
 * @throws WorkbenchError `bad-input` naming the file and the tensor.
 */
export function parseHeader(
  bytes: Uint8Array,
  file: FileLayout,
): { tensors: Map<string, LocatedTensor>; metadata: Record<string, string> } {
  const entries = Object.entries(parseJson(bytes, file.path))
  const tensors = new Map<string, LocatedTensor>()
  let metadata: Record<string, string> = {}
  for (const [name, value] of entries) {
    if (name === '__metadata__') metadata = Metadata.safeParse(value).data ?? {}
    else tensors.set(name, parseEntry(name, value, file))
  }
  checkLayout([...tensors.values()], file)
  return { tensors, metadata }
}

function parseJson(bytes: Uint8Array, path: string): object {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new WorkbenchError('bad-input', `${path} is not a safetensors file: its header is not JSON.`, {
      cause: error,
    })
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw new WorkbenchError('bad-input', `${path} is not a safetensors file: its header is no JSON object.`)
  }
  return header
}

function parseEntry(name: string, value: unknown, { path, dataStart, size }: FileLayout): LocatedTensor {
  const where = `${path}: tensor "${name}"`
  const parsed = HeaderEntry.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new WorkbenchError(
      'bad-input',
      `${where} is described wrongly in the header (${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}).`,
    )
  }
  const { dtype, shape, data_offsets: offsets } = parsed.data
  if (!isDtype(dtype)) {
    throw new WorkbenchError(
      'unsupported',
      `${where} has the type ${dtype}, which is not supported. Supported: ${Object.keys(dtypeBytes).join(', ')}.`,
    )
  }
  const [start, end] = offsets
  if (start > end || dataStart + end > size) {
    throw new WorkbenchError(
      'bad-input',
      `${where} lies at bytes ${start} to ${end} of the data, which has ${size - dataStart} bytes: ` +
        `the file is truncated or damaged. Download or copy it again.`,
    )
  }
  const needed = elementCount(shape) * dtypeBytes[dtype]
  if (needed !== end - start) {
    throw new WorkbenchError(
      'bad-input',
      `${where} has ${end - start} bytes, but its shape ${formatShape(shape)} of ${dtype} needs ${needed}: ` +
        `the file is damaged. Download or copy it again.`,
    )
  }
  return { name, shape, dtype, start: dataStart + start, end: dataStart + end }
}

function checkLayout(tensors: LocatedTensor[], { path, dataStart, size }: FileLayout): void {
  let position = dataStart
  let previous = 'the header'
  for (const { name, start, end } of tensors.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    if (start !== position) {
      const problem = start < position ? 'overlaps' : 'leaves unnamed bytes after'
      throw new WorkbenchError(
        'bad-input',
        `${path}: tensor "${name}" ${problem} ${previous}: the file is damaged. Download or copy it again.`,
      )
    }
    position = end
    previous = `tensor "${name}"`
  }
  if (position !== size) {
    throw new WorkbenchError(
      'bad-input',
      `${path} has ${size - position} bytes after ${previous} that no tensor names: ` +
        `the file is damaged. Download or copy it again.`,
    )
  }
}
