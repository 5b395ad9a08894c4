import { join } from 'node:path'

import { findMethod } from '../adapters/registry.ts'
import { writeSafetensors } from '../models/checkpoint/safetensors.ts'
import { partOf, type LayoutEntry } from './layout.ts'
import type { TrainedPart, TrainJob } from './messages.ts'
import type { TunedModel } from './tuned-model.ts'

/**
 * Writes what of a run's parameters is worth keeping on its own, each under its names in the state dict: the adapter,
 * the fusion with all that was trained in it, and each task's head.
 *
 * @param parameters the best ones, as the layout has them
 */
export async function writeParts(
  { runFolder, config }: Pick<TrainJob, 'runFolder' | 'config'>,
  { layout, tasks }: TunedModel,
  parameters: Float32Array,
): Promise<TrainedPart[]> {
  const entries = [...layout.entries.values()]
  const fuses = entries.some(({ group }) => group === 'fusion')
  const takesAdapters = findMethod(config.method.name).takes === 'adapters'
  const ofMethod = entries.filter(({ group }) => group === 'adapter' || group === 'fusion')
  const write = async (
    kind: TrainedPart['kind'],
    stem: string,
    chosen: readonly LayoutEntry[],
    task?: number,
  ): Promise<TrainedPart[]> => {
    if (chosen.length === 0) return []
    const path = join(runFolder, `${stem}.safetensors`)
    const bytes = await writeSafetensors(
      path,
      chosen.map((entry) => ({ name: entry.name, shape: entry.shape, data: partOf(parameters, entry) })),
    )
    const count = chosen.reduce((total, { size }) => total + size, 0)
    return [{ kind, path, bytes, parameters: count, ...(task === undefined ? {} : { task }) }]
  }
  const parts = fuses
    ? await write('fusion', 'fusion', ofMethod)
    : // What builds on other adapters cannot be used without them, so it is none by itself.
      takesAdapters
      ? []
      : await write('adapter', 'adapter', ofMethod)
  for (const [task, { name, head }] of tasks.entries()) {
    const own = new Set(head.parameters.map((spec) => spec.name))
    const chosen = entries.filter((entry) => own.has(entry.name))
    parts.push(...(await write('head', `head-${name}`, chosen, task)))
  }
  return parts
}
