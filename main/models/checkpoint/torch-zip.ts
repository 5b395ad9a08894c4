import type { FileHandle } from 'node:fs/promises'

import { fromFdPromise, type Entry, type ZipFile } from 'yauzl'

import { WorkbenchError } from '../../../preload/contract.ts'
import { dtypeBytes, toFloat32 } from './dtypes.ts'
import { openForReading } from './open-file.ts'
import { readTensorPickle, type TorchTensor } from './pickle.ts'
import {
  elementCount,
  findTensor,
  formatShape,
  readBytes,
  type TensorEntry,
  type TensorFile,
} from './tensor-file.ts'

/** Pickles describe tensors and hold none of their values: even huge models stay far below. */
const largestPickle = 256 << 20

/** An archive entry stores its bytes as they are, so that they can be read by offset. */
interface Archive {
  path: string
  handle: FileHandle
  zip: ZipFile
  /** Name of the folder inside the archive, with its slash. */
  root: string
  entries: Map<string, Entry>
}

/**
 * Opens a checkpoint that PyTorch 1.6 or later saved (`torch.save`: a zip with a pickle and one entry per storage).
 * The pickle is read by a reader that only builds tensors (pickle.ts); values are read by offset when asked for.
 * @throws WorkbenchError `not-found` or `bad-input` naming the file and what is wrong with it.
 */
export async function readTorchZip(path: string): Promise<TensorFile> {
  const { handle, size } = await openForReading(path)
  try {
    await refuseLegacy(handle, path, size)
    const archive = await openArchive(handle, path)
    const pickle = await readEntry(archive, 'data.pkl', largestPickle)
    const described = readTensorPickle(pickle, path)
    const tensors = new Map<string, TensorEntry & { tensor: TorchTensor }>()
    for (const [name, tensor] of described) {
      checkTensor(archive, name, tensor)
      tensors.set(name, { name, shape: tensor.shape, dtype: tensor.storage.dtype, tensor })
    }
    return {
      path,
      tensors,
      metadata: {},
      async read(name) {
        const { tensor, dtype } = findTensor(tensors, name, path)
        return toFloat32(dtype, await readTensorBytes(archive, name, tensor))
      },
      // The archive reads through this handle; its own close() would close the descriptor a second time.
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function refuseLegacy(handle: FileHandle, path: string, size: number): Promise<void> {
  const head = await readBytes(handle, 0, Math.min(size, 2), path, 'its beginning')
  if (head[0] === 0x80) {
    throw new WorkbenchError(
      'bad-input',
      `${path} was saved in the format that PyTorch used before 1.6, which is not read. ` +
        `Save it again with a newer PyTorch, or ask for it as model.safetensors.`,
    )
  }
}

async function openArchive(handle: FileHandle, path: string): Promise<Archive> {
  const entries = new Map<string, Entry>()
  let zip: ZipFile
  try {
    zip = await fromFdPromise(handle.fd, { autoClose: false })
    for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry)
  } catch (error) {
    throw new WorkbenchError(
      'bad-input',
      `${path} is truncated or not a PyTorch checkpoint: it is no zip archive. Download or copy it again.`,
      { cause: error, detail: error instanceof Error ? error.message : String(error) },
    )
  }
  const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name))
  const [pickle] = pickles
  if (pickle === undefined || pickles.length > 1) {
    throw new WorkbenchError(
      'bad-input',
      `${path} is a zip archive but no PyTorch checkpoint: it has ${pickles.length} files data.pkl.`,
    )
  }
  const archive = { path, handle, zip, entries, root: pickle.slice(0, -'data.pkl'.length) }
  if (entries.has(`${archive.root}byteorder`)) {
    const order = new TextDecoder().decode(await readEntry(archive, 'byteorder', 16)).trim()
    if (order !== 'little') {
      throw new WorkbenchError(
        'unsupported',
        `${path} was saved in ${order}-endian order; only little is read.`,
      )
    }
  }
  return archive
}

function findEntry({ path, root, entries }: Archive, name: string): Entry {
  const entry = entries.get(root + name)
  if (entry === undefined) throw new WorkbenchError('bad-input', `${path} lacks its part "${name}".`)
  if (entry.compressionMethod !== 0 || entry.isEncrypted()) {
    throw new WorkbenchError(
      'bad-input',
      `${path}: its part "${name}" is compressed or encrypted, which PyTorch never does. ` +
        `Ask for the checkpoint as model.safetensors.`,
    )
  }
  return entry
}

async function readEntry(archive: Archive, name: string, largest: number): Promise<Uint8Array> {
  const size = findEntry(archive, name).uncompressedSize
  if (size > largest) {
    throw new WorkbenchError('bad-input', `${archive.path}: its part "${name}" is too large (${size} bytes).`)
  }
  return readEntryRange(archive, name, 0, size, `its part "${name}"`)
}

/** Bytes `start` to `start + length` of one entry. */
async function readEntryRange(
  archive: Archive,
  name: string,
  start: number,
  length: number,
  what: string,
): Promise<Uint8Array<ArrayBuffer>> {
  let dataStart: number
  try {
    const entry = findEntry(archive, name)
    dataStart = (await archive.zip.readLocalFileHeaderPromise(entry, { minimal: true })).fileDataStart
  } catch (error) {
    if (error instanceof WorkbenchError) throw error
    throw new WorkbenchError(
      'bad-input',
      `${archive.path} is damaged at ${what}. Download or copy it again.`,
      {
        cause: error,
      },
    )
  }
  return readBytes(archive.handle, dataStart + start, length, archive.path, what)
}

/** Elements from the tensor's first to its last, gaps of its strides included; 0 for an empty tensor. */
function span({ shape, strides }: TorchTensor): number {
  if (shape.includes(0)) return 0
  return shape.reduce((last, size, axis) => last + (size - 1) * (strides[axis] ?? 0), 0) + 1
}

/** A stride of 0 repeats values: a few bytes could ask for any amount of memory. */
const largestTensor = 2 ** 31

function checkTensor(archive: Archive, name: string, tensor: TorchTensor): void {
  const { storage, offset, shape } = tensor
  const entry = findEntry(archive, `data/${storage.key}`)
  if (entry.uncompressedSize !== storage.elements * dtypeBytes[storage.dtype]) {
    throw new WorkbenchError(
      'bad-input',
      `${archive.path}: tensor "${name}" has a storage of ${entry.uncompressedSize} bytes, ` +
        `but ${storage.elements} values of ${storage.dtype} were announced: the file is damaged.`,
    )
  }
  if (offset + span(tensor) > storage.elements || elementCount(shape) > largestTensor) {
    throw new WorkbenchError(
      'bad-input',
      `${archive.path}: tensor "${name}" of shape ${formatShape(shape)} reaches beyond its storage ` +
        `of ${storage.elements} values: the file is damaged.`,
    )
  }
}

function isContiguous({ shape, strides }: TorchTensor): boolean {
  let expected = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 0
    if (size !== 1 && strides[axis] !== expected) return false
    expected *= size
  }
  return true
}

async function readTensorBytes(
  archive: Archive,
  name: string,
  tensor: TorchTensor,
): Promise<Uint8Array<ArrayBuffer>> {
  const { storage, offset } = tensor
  const width = dtypeBytes[storage.dtype]
  const bytes = await readEntryRange(
    archive,
    `data/${storage.key}`,
    offset * width,
    span(tensor) * width,
    `tensor "${name}"`,
  )
  return isContiguous(tensor) || bytes.byteLength === 0 ? bytes : gather(bytes, tensor, width)
}

/** The elements in row-major order. */
function gather(
  bytes: Uint8Array<ArrayBuffer>,
  { shape, strides }: TorchTensor,
  width: number,
): Uint8Array<ArrayBuffer> {
  const count = elementCount(shape)
  const target = new Uint8Array(count * width)
  const index = shape.map(() => 0)
  let source = 0
  for (let element = 0; element < count; element++) {
    for (let byte = 0; byte < width; byte++) {
      target[element * width + byte] = bytes[source * width + byte] ?? 0
    }
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] ?? 0
      const next = (index[axis] ?? 0) + 1
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next
        source += stride
        break
      }
      source -= (next - 1) * stride
      index[axis] = 0
    }
  }
  return target
}
