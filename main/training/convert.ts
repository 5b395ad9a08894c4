import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { WorkbenchError, type MethodChoice } from '../../preload/contract.ts'
import { mergeAdapter } from '../adapters/merge.ts'
import { findMethod } from '../adapters/registry.ts'
import { namedAdapter } from '../adapters/method.ts'
import { createOnnxRuntimeEngine } from '../engines/onnxruntime.ts'
import { openCheckpoint } from '../models/checkpoint/index.ts'
import { writeSafetensors, type TensorToWrite } from '../models/checkpoint/safetensors.ts'
import { canonicalName, loadBackbone, tensorOf } from '../models/weights.ts'
import { ejectPrefix } from './eject.ts'
import { runAdapterName, type ConvertJob, type JobAdapter } from './messages.ts'
import { readStoredAdapters, type StoredAdapters } from './stored-adapters.ts'

/** What a conversion wrote. */
export interface Converted {
  /** The method that the new adapter is; that of the old one where a model was written. */
  method: MethodChoice
  parameters: number
  bytes: number
}

/**
 * Turns a stored adapter into another form: a prefix without the network that made it, or a model with the adapter
 * merged into its weights.
 *
 * @throws WorkbenchError `bad-input` for a method that has no such form, `conflict` where the target is there already
 */
export async function convertAdapter(job: ConvertJob): Promise<Converted> {
  const checkpoint = await openCheckpoint(job.modelFolder)
  try {
    const backbone = await loadBackbone(checkpoint)
    const adapter: JobAdapter = { ...job.adapter, name: runAdapterName }
    const stored = await readStoredAdapters([adapter], backbone.config)
    if (job.to === 'ejected') {
      const { method, parameters } = await ejectPrefix(
        createOnnxRuntimeEngine({ threads: 1 }),
        adapter.method,
        backbone.config,
        runAdapterName,
        (name) => valueOf(stored, name),
      )
      const specs = namedAdapter(findMethod(method.name), method.options, backbone.config, runAdapterName)
        .method.parameters
      const tensors = specs.map(({ name, shape }) => ({
        name,
        shape,
        data: parameters.get(name) ?? new Float32Array(),
      }))
      return { method, ...(await write(job.target, tensors)) }
    }
    const merged = await mergeAdapter(adapter.method, backbone.config, runAdapterName, {
      backbone: (name) => tensorOf(backbone, name).read(),
      adapter: (name) => valueOf(stored, name),
    })
    if (existsSync(job.target) && (await readdir(job.target)).length > 0) {
      throw new WorkbenchError('conflict', `${job.target} is not empty; name a folder that is new`)
    }
    const { architecture } = backbone.config
    const tensors: TensorToWrite[] = []
    for (const [name, { shape, dtype }] of checkpoint.tensors) {
      // Others count positions or mask the future: no weights, and made anew by whoever reads the model.
      if (!floats.includes(dtype)) continue
      const data = merged.get(canonicalName(name, architecture)) ?? (await checkpoint.read(name))
      tensors.push({ name, shape: [...shape], data })
    }
    await mkdir(job.target, { recursive: true })
    // What belongs to the model but its weights: configuration and tokenizer.
    for (const file of await readdir(job.modelFolder)) {
      if (/\.(?:json|txt)$/.test(file) && !/index\.json$/.test(file)) {
        await copyFile(join(job.modelFolder, file), join(job.target, file))
      }
    }
    await copyConfig(checkpoint.config, job.target)
    return { method: adapter.method, ...(await write(join(job.target, 'model.safetensors'), tensors)) }
  } finally {
    await checkpoint.close()
  }
}

const floats: readonly string[] = ['F64', 'F32', 'F16', 'BF16']

/** The merged weights are float32: where the configuration names the type of the old ones, it names this one. */
async function copyConfig(config: unknown, target: string): Promise<void> {
  if (typeof config !== 'object' || config === null) return
  const types = ['torch_dtype', 'dtype'].filter((key) => key in config)
  if (types.length === 0) return
  const changed = { ...config, ...Object.fromEntries(types.map((key) => [key, 'float32'])) }
  await writeFile(join(target, 'config.json'), `${JSON.stringify(changed, undefined, 2)}\n`)
}

function valueOf({ values }: StoredAdapters, name: string): Float32Array {
  const value = values.get(name)
  if (!value) throw new Error(`the stored adapter lacks "${name}"`)
  return value.data
}

async function write(
  path: string,
  tensors: readonly TensorToWrite[],
): Promise<Pick<Converted, 'parameters' | 'bytes'>> {
  const parameters = tensors.reduce((sum, { data }) => sum + data.length, 0)
  // Without this entry transformers does not open a model's file.
  return { parameters, bytes: await writeSafetensors(path, tensors, { format: 'pt' }) }
}
