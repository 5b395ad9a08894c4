import { open } from 'node:fs/promises'
import { join } from 'node:path'

import { WorkbenchError } from '../../preload/contract.ts'
import { writeAll } from './checkpoint/atomic-file.ts'
import { layOut, writeOnce, type WeightEntry, type WeightFile } from './weight-file.ts'
import { tensorOf, type Backbone } from './weights.ts'

/** The smallest number that would round to infinity. */
const beyondHalf = 65520

/**
 * The matrices of a backbone (linear layers and tables of embeddings) in half precision, in `folder` (which exists):
 * `<hash>.float16.bin`, and a list of the same name ending in `.json`. Biases and layer norms, which are small, stay in
 * the float32 file. Made when it is not there whole, else used as it is.
 *
 * @throws WorkbenchError `bad-input` naming a matrix with values beyond half precision, `storage` when it cannot be
 * written
 */
export async function writeHalfFile(
  backbone: Pick<Backbone, 'hash' | 'tensors'>,
  folder: string,
): Promise<WeightFile> {
  const matrices = [...backbone.tensors].filter(([, { shape }]) => shape.length === 2)
  const { entries, size } = layOut(matrices, 2)
  const stem = join(folder, `${backbone.hash}.float16`)
  const path = `${stem}.bin`
  await writeOnce({ path, size, listPath: `${stem}.json`, entries }, async (handle) => {
    for (const [name, { offset }] of entries) await writeAll(handle, await halfBytes(backbone, name), offset)
  })
  return { path, entries }
}

/** Whether a half file holds what `writeHalfFile` would write into it now, value for value. */
export async function isHalfOf(
  backbone: Pick<Backbone, 'tensors'>,
  { path, entries }: { path: string; entries: ReadonlyMap<string, Omit<WeightEntry, 'shape'>> },
): Promise<boolean> {
  const file = await open(path, 'r')
  try {
    for (const [name, { offset, byteLength }] of entries) {
      const bytes = new Uint8Array(byteLength)
      await file.read(bytes, 0, byteLength, offset)
      if (Buffer.compare(bytes, await halfBytes(backbone, name)) !== 0) return false
    }
    return true
  } finally {
    await file.close()
  }
}

async function halfBytes(backbone: Pick<Backbone, 'tensors'>, name: string): Promise<Uint8Array> {
  const values = await tensorOf(backbone, name).read()
  const large = values.find((value) => Math.abs(value) >= beyondHalf)
  if (large !== undefined) {
    throw new WorkbenchError(
      'bad-input',
      `training.backbonePrecision: the weight “${name}” has the value ${large}, and half precision ends at 65504; ` +
        'choose float32',
    )
  }
  const half = new Float16Array(values)
  return new Uint8Array(half.buffer, half.byteOffset, half.byteLength)
}
