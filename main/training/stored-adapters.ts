import { WorkbenchError } from '../../preload/contract.ts'
import { namedAdapter, type NamedAdapter } from '../adapters/method.ts'
import { findMethod } from '../adapters/registry.ts'
import { readSafetensors } from '../models/checkpoint/safetensors.ts'
import type { BackboneConfig } from '../models/config.ts'
import { runAdapterName, type JobAdapter } from './messages.ts'
import type { NamedTensors } from './tuned-model.ts'

/** Trained adapters as a method takes them, and their values under the names that they have in this run. */
export interface StoredAdapters {
  adapters: NamedAdapter[]
  values: NamedTensors
}

/**
 * Reads the trained adapters that a run builds on.
 *
 * @throws WorkbenchError `bad-input` where a file does not hold the adapter that it should
 */
export async function readStoredAdapters(
  jobs: readonly JobAdapter[],
  config: BackboneConfig,
): Promise<StoredAdapters> {
  const adapters: NamedAdapter[] = []
  const values = new Map<string, { shape: readonly number[]; data: Float32Array }>()
  for (const { name, method, file } of jobs) {
    const adapter = namedAdapter(findMethod(method.name), method.options, config, name)
    const stored = adapter.renamed(runAdapterName).parameters
    const tensors = await readSafetensors(file)
    try {
      for (const [index, { name: own, shape }] of adapter.method.parameters.entries()) {
        const source = stored[index]?.name ?? own
        const found = tensors.tensors.get(source)
        if (!found || found.shape.join() !== shape.join()) {
          throw new WorkbenchError(
            'bad-input',
            `the stored adapter "${name}" cannot be used: ${file} ${found ? `has the shape [${found.shape.join(', ')}] for` : 'lacks'} ` +
              `"${source}", which method ${method.name} expects as [${shape.join(', ')}]; take an adapter of one task, trained on this model`,
          )
        }
        values.set(own, { shape, data: await tensors.read(source) })
      }
    } finally {
      await tensors.close()
    }
    adapters.push(adapter)
  }
  return { adapters, values }
}
