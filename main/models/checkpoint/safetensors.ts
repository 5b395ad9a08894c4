import type { FileHandle } from 'node:fs/promises'

import { WorkbenchError } from '../../../preload/contract.ts'
import { writeAll, writeFileAtomically } from './atomic-file.ts'
import { dtypeBytes, isDtype, toFloat32, toHalf, type Dtype } from './dtypes.ts'
import { openForReading } from './open-file.ts'
import { parseHeader, type LocatedTensor } from './safetensors-header.ts'
import { elementCount, findTensor, formatShape, readBytes, type TensorFile } from './tensor-file.ts'

/** The reference implementation's own limit. */
const largestHeader = 100_000_000

/**
 * Opens a safetensors file and checks its header; values are read by offset when asked for.
 * Format: https://huggingface.co/docs/safetensors (8 bytes header length, JSON header, data).
 * @throws WorkbenchError `not-found` or `bad-input` naming the file and, where there is one, the tensor.
 */
export async function readSafetensors(path: string): Promise<TensorFile> {
  const { handle, size } = await openForReading(path)
  try {
    const { tensors, metadata } = await readHeader(handle, path, size)
    return {
      path,
      tensors,
      metadata,
      async read(name) {
        const { dtype, start, end } = findTensor(tensors, name, path)
        return toFloat32(dtype, await readBytes(handle, start, end - start, path, `tensor "${name}"`))
      },
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function readHeader(
  handle: FileHandle,
  path: string,
  size: number,
): Promise<{ tensors: Map<string, LocatedTensor>; metadata: Record<string, string> }> {
  if (size < 8) {
    throw new WorkbenchError('bad-input', `${path} is not a safetensors file: it has ${size} bytes only.`)
  }
  const lengthBytes = await readBytes(handle, 0, 8, path, 'its header length')
  const length = Number(new DataView(lengthBytes.buffer).getBigUint64(0, true))
  if (length > largestHeader || length > size - 8) {
    throw new WorkbenchError(
      'bad-input',
      `${path} is truncated or not a safetensors file: it announces a header of ${length} bytes, ` +
        `the file has ${size}. Download or copy it again.`,
    )
  }
  const bytes = await readBytes(handle, 8, length, path, 'its header')
  return parseHeader(bytes, { path, dataStart: 8 + length, size })
}

/** A tensor to write. Float32 values are stored as F16 where `dtype` says so. */
export interface TensorToWrite {
  name: string
  shape: readonly number[]
  data: Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array
  dtype?: 'F16' | undefined
}

/**
 * Writes a safetensors file atomically and returns its size in bytes.
 * @throws WorkbenchError `storage` when the disk is full or may not be written (an older file stays whole),
 * `internal` when the values do not fill a tensor's shape or a name comes twice.
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata?: Readonly<Record<string, string>>,
): Promise<number> {
  // Widest elements first, so that every tensor is aligned to its own elements, as the reference writes it.
  const ordered = tensors.toSorted((a, b) => dtypeBytes[dtypeOf(b)] - dtypeBytes[dtypeOf(a)])
  const header = new TextEncoder().encode(JSON.stringify(describe(path, ordered, metadata)))
  const padded = Math.ceil(header.byteLength / 8) * 8
  const head = new Uint8Array(8 + padded).fill(0x20)
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true)
  head.set(header, 8)
  await writeFileAtomically(path, async (handle) => {
    await writeAll(handle, head)
    for (const tensor of ordered) {
      const data = tensor.dtype === 'F16' ? toHalf(Float32Array.from(tensor.data, Number)) : tensor.data
      await writeAll(handle, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    }
  })
  return ordered.reduce((total, tensor) => total + byteLength(tensor), head.byteLength)
}

function describe(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> | undefined,
): Record<string, unknown> {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata }
  let offset = 0
  for (const tensor of tensors) {
    const { name, shape } = tensor
    if (Object.hasOwn(header, name)) {
      throw new WorkbenchError('internal', `${path}: the tensor "${name}" would be written twice.`)
    }
    if (elementCount(shape) !== tensor.data.length) {
      throw new WorkbenchError(
        'internal',
        `${path}: the tensor "${name}" of shape ${formatShape(shape)} got ${tensor.data.length} values.`,
      )
    }
    const end = offset + byteLength(tensor)
    header[name] = { dtype: dtypeOf(tensor), shape, data_offsets: [offset, end] }
    offset = end
  }
  return header
}

function byteLength(tensor: TensorToWrite): number {
  return tensor.data.length * dtypeBytes[dtypeOf(tensor)]
}

function dtypeOf({ data, dtype }: TensorToWrite): Dtype {
  if (dtype !== undefined && isDtype(dtype)) return dtype
  if (data instanceof Float32Array) return 'F32'
  if (data instanceof Float64Array) return 'F64'
  if (data instanceof Int32Array) return 'I32'
  if (data instanceof BigInt64Array) return 'I64'
  return 'U8'
}
