import type { FileHandle } from 'node:fs/promises'

import { WorkbenchError } from '../../../preload/contract.ts'
import type { Dtype } from './dtypes.ts'

/** One tensor as its file describes it. */
export interface TensorEntry {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: Dtype
}

/** An open file of named tensors. Values are read when asked for; whoever opened it closes it. */
export interface TensorFile {
  readonly path: string
  readonly tensors: ReadonlyMap<string, TensorEntry>
  readonly metadata: Readonly<Record<string, string>>
  /** The tensor's values in row-major order as float32, whatever its type in the file. */
  read(name: string): Promise<Float32Array<ArrayBuffer>>
  close(): Promise<void>
}

/** Number of elements of a shape; a scalar (`[]`) has one. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** A shape as people write it: `[30522, 768]`. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`
}

/** One read of more than 2 GiB is not possible on every system. */
const largestRead = 1 << 30

/**
 * Exactly `length` bytes from `position` on.
 * @throws WorkbenchError `bad-input` naming the file and `what` when the file ends before that.
 */
export async function readBytes(
  handle: FileHandle,
  position: number,
  length: number,
  path: string,
  what: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length)
  let done = 0
  while (done < length) {
    const wanted = Math.min(length - done, largestRead)
    const { bytesRead } = await handle.read(bytes, done, wanted, position + done)
    if (bytesRead === 0) {
      throw new WorkbenchError(
        'bad-input',
        `${path} ends in the middle of ${what}: the file is truncated. Download or copy it again.`,
      )
    }
    done += bytesRead
  }
  return bytes
}

/** The entry called `name`. @throws WorkbenchError `bad-input` naming the file and the tensor. */
export function findTensor<Entry>(tensors: ReadonlyMap<string, Entry>, name: string, path: string): Entry {
  const entry = tensors.get(name)
  if (entry === undefined) throw new WorkbenchError('bad-input', `${path} holds no tensor "${name}".`)
  return entry
}
