import { readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { z } from 'zod'

import { WorkbenchError } from '../../../preload/contract.ts'
import { readError } from './open-file.ts'
import { readSafetensors } from './safetensors.ts'
import { findTensor, type TensorEntry, type TensorFile } from './tensor-file.ts'
import { readTorchZip } from './torch-zip.ts'

/** An open model folder in the Hugging Face layout. Whoever opened it closes it. */
export interface Checkpoint {
  readonly folder: string
  /** What config.json holds, parsed but not checked. */
  readonly config: unknown
  readonly tensors: ReadonlyMap<string, TensorEntry>
  /** Values in row-major order as float32. */
  read(name: string): Promise<Float32Array<ArrayBuffer>>
  close(): Promise<void>
}

/** Weight files in the order in which they are looked for; of each kind whole or in shards. */
const weightFiles = [
  { whole: 'model.safetensors', index: 'model.safetensors.index.json', open: readSafetensors },
  { whole: 'pytorch_model.bin', index: 'pytorch_model.bin.index.json', open: readTorchZip },
]

const expected =
  'A model folder holds config.json, the weights (model.safetensors or pytorch_model.bin, or either in shards ' +
  'with its .index.json) and a tokenizer (tokenizer.json, vocab.txt, or vocab.json with merges.txt).'

/**
 * Opens a model folder: its config.json and its weights, whose values are read when asked for.
 * @throws WorkbenchError `not-found` or `bad-input` naming the folder or file and what is expected there.
 */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  await checkFolder(folder)
  const config = await readJsonFile(
    join(folder, 'config.json'),
    `${folder} holds no config.json. ${expected}`,
  )
  const files = await openWeights(folder)
  const owners = new Map<string, TensorFile>()
  const tensors = new Map<string, TensorEntry>()
  for (const file of files) {
    for (const [name, entry] of file.tensors) {
      owners.set(name, file)
      tensors.set(name, entry)
    }
  }
  return {
    folder,
    config,
    tensors,
    read: async (name) => findTensor(owners, name, folder).read(name),
    close: () => closeAll(files),
  }
}

async function checkFolder(folder: string): Promise<void> {
  let isFolder: boolean
  try {
    isFolder = (await stat(folder)).isDirectory()
  } catch (error) {
    const known = readError(folder, error)
    throw new WorkbenchError(known.code, `${known.message} ${expected}`, { cause: error })
  }
  if (!isFolder) {
    throw new WorkbenchError('bad-input', `${folder} is a file; name the folder that it lies in. ${expected}`)
  }
}

/**
 * A JSON file's content.
 * @throws WorkbenchError with the sentence `missing` where the file is not there, and naming the file where it
 * is not JSON.
 */
export async function readJsonFile(path: string, missing: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const known = readError(path, error)
    throw known.code === 'not-found' ? new WorkbenchError('bad-input', missing, { cause: error }) : known
  }
  try {
    // Editors of Windows put a byte order mark before it.
    return JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (error) {
    throw new WorkbenchError('bad-input', `${path} is not JSON. Download or copy it again.`, { cause: error })
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isFile(),
    () => false,
  )
}

async function openWeights(folder: string): Promise<TensorFile[]> {
  for (const { whole, index, open } of weightFiles) {
    if (await exists(join(folder, whole))) return [await open(join(folder, whole))]
    if (await exists(join(folder, index))) return openShards(folder, index, open)
  }
  throw new WorkbenchError('bad-input', `${folder} holds no weights. ${expected}`)
}

const ShardIndex = z.object({ weight_map: z.record(z.string(), z.string()) })

async function openShards(
  folder: string,
  index: string,
  open: (path: string) => Promise<TensorFile>,
): Promise<TensorFile[]> {
  const path = join(folder, index)
  const parsed = ShardIndex.safeParse(await readJsonFile(path, `${path} does not exist.`))
  if (!parsed.success) {
    throw new WorkbenchError('bad-input', `${path} names no shards: its "weight_map" is missing or damaged.`)
  }
  const map = new Map(Object.entries(parsed.data.weight_map))
  const files: TensorFile[] = []
  try {
    for (const shard of new Set(map.values())) {
      if (shard !== basename(shard) || shard.includes('\\')) {
        throw new WorkbenchError(
          'bad-input',
          `${path} names the shard "${shard}", which is not in its folder.`,
        )
      }
      files.push(await open(join(folder, shard)))
    }
    for (const [name, shard] of map) {
      const file = files.find((candidate) => candidate.path === join(folder, shard))
      if (file?.tensors.has(name) !== true) {
        throw new WorkbenchError(
          'bad-input',
          `${path} says that ${shard} holds tensor "${name}"; it does not.`,
        )
      }
    }
  } catch (error) {
    await closeAll(files)
    throw error
  }
  return files
}

async function closeAll(files: readonly TensorFile[]): Promise<void> {
  await Promise.all(files.map((file) => file.close()))
}
