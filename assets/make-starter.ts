/**
 * Makes `assets/starter/model.safetensors`: the same tensors as the folder's, as fp16.
 *
 *     node assets/make-starter.ts <folder of the float32 encoder>
 */
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { readSafetensors, writeSafetensors } from '../main/models/checkpoint/safetensors.ts'

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: node assets/make-starter.ts <folder of the float32 encoder>')

const target = fileURLToPath(new URL('./starter/', import.meta.url))
for (const file of ['config.json', 'vocab.txt', 'tokenizer.json', 'tokenizer_config.json']) {
  copyFileSync(join(folder, file), join(target, file))
}
const source = await readSafetensors(join(folder, 'model.safetensors'))
const tensors = await Promise.all(
  Array.from(source.tensors.values(), async ({ name, shape }) => ({
    name,
    shape,
    data: await source.read(name),
    dtype: 'F16' as const,
  })),
)
await source.close()
const bytes = await writeSafetensors(join(target, 'model.safetensors'), tensors, { format: 'pt' })
console.log(`${tensors.length} tensors, ${bytes} bytes`)
