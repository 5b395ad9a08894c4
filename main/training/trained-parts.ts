import { join } from 'node:path'

import { findMethod } from '../adapters/registry.ts'
import { namedAdapter } from '../adapters/method.ts'
import { writeSafetensors, type TensorToWrite } from '../models/checkpoint/safetensors.ts'
import { partOf, type LayoutEntry } from './layout.ts'
import { runAdapterName, type TrainedPart, type TrainJob } from './messages.ts'
import type { TunedModel } from './tuned-model.ts'

/**
 * Writes what of a run's parameters is worth keeping on its own: the adapters, each under the name that every run's
 * adapter has, the fusion with all that was trained in it, and each task's head, under their names in the state dict.
 *
 * @param parameters the best ones, as the layout has them
 */
export async function writeParts(
  { runFolder, config: { method } }: Pick<TrainJob, 'runFolder' | 'config'>,
  model: TunedModel,
  parameters: Float32Array,
): Promise<TrainedPart[]> {
  const { layout, tasks, method: prepared } = model
  const entries = [...layout.entries.values()]
  const tensor = (entry: LayoutEntry, name = entry.name): TensorToWrite => ({
    name,
    shape: entry.shape,
    data: partOf(parameters, entry),
  })
  const write = async (
    part: Omit<TrainedPart, 'path' | 'bytes' | 'parameters'>,
    stem: string,
    tensors: readonly TensorToWrite[],
  ): Promise<TrainedPart[]> => {
    if (tensors.length === 0) return []
    const path = join(runFolder, `${stem}.safetensors`)
    const bytes = await writeSafetensors(path, tensors)
    return [{ ...part, path, bytes, parameters: tensors.reduce((sum, { data }) => sum + data.length, 0) }]
  }

  const ofMethod = entries.filter(({ group }) => group === 'adapter' || group === 'fusion')
  const parts: TrainedPart[] = []
  if (ofMethod.some(({ group }) => group === 'fusion')) {
    parts.push(
      ...(await write(
        { kind: 'fusion' },
        'fusion',
        ofMethod.map((entry) => tensor(entry)),
      )),
    )
  } else if (prepared.leaves) {
    for (const { name, choice, task } of prepared.leaves) {
      const left = namedAdapter(findMethod(choice.name), choice.options, model.config, name)
      const kept = left.renamed(runAdapterName).parameters
      const tensors = left.method.parameters.flatMap((spec, index) => {
        const entry = layout.entries.get(spec.name)
        return entry ? [tensor(entry, kept[index]?.name)] : []
      })
      const whose = tasks.length > 1 && task !== undefined ? { task } : {}
      parts.push(...(await write({ kind: 'adapter', method: choice, ...whose }, `adapter-${name}`, tensors)))
    }
  } else if (prepared.parts && findMethod(method.name).takes === 'none') {
    parts.push(
      ...(await write(
        { kind: 'adapter' },
        'adapter',
        ofMethod.map((entry) => tensor(entry)),
      )),
    )
  }
  for (const [task, { name, head }] of tasks.entries()) {
    const own = new Set(head.parameters.map((spec) => spec.name))
    const chosen = entries.filter((entry) => own.has(entry.name))
    parts.push(
      ...(await write(
        { kind: 'head', task },
        `head-${name}`,
        chosen.map((entry) => tensor(entry)),
      )),
    )
  }
  return parts
}
