import { join } from 'node:path'

import { WorkbenchError, type Handlers, type ParameterCount } from '../../preload/contract.ts'
import { classificationHead } from '../adapters/head.ts'
import { describeMethods, findMethod } from '../adapters/registry.ts'
import { sizeOf } from '../graph/index.ts'
import { readJsonFile } from '../models/checkpoint/index.ts'
import { parseBackboneConfig, type BackboneConfig } from '../models/config.ts'
import { countParameters } from '../models/weights.ts'
import type { Database } from '../store/database.ts'
import { getModel } from '../store/models.ts'

export type MethodHandlers = Pick<Handlers, 'methods.list' | 'methods.count'>

export function createMethodService({ database }: { database: Database }): MethodHandlers {
  return {
    'methods.list': describeMethods,
    async 'methods.count'({ modelId, method, head, labels }): Promise<ParameterCount> {
      const config = await backboneConfig(database, modelId)
      const prepared = findMethod(method.name).prepare(method.options, {
        config,
        adapterName: 'run',
        tasks: ['run'],
        adapters: [],
      })
      const count = (specs: readonly { shape: readonly number[] }[]): number =>
        specs.reduce((total, { shape }) => total + sizeOf(shape), 0)
      const headCount = count(classificationHead(head, config, labels, 'run').parameters)
      const backbone = countParameters(config)
      const trainable = count(prepared.parameters) + headCount
      return { trainable, head: headCount, backbone, share: trainable / backbone }
    },
  }
}

/** Read from the model's folder each time: the form asks seldom, and the file says what a run would find. */
async function backboneConfig(database: Database, modelId: string): Promise<BackboneConfig> {
  const model = getModel(database, modelId)
  if (!model) throw new WorkbenchError('not-found', `there is no model "${modelId}"`)
  const path = join(model.folder, 'config.json')
  return parseBackboneConfig(
    await readJsonFile(path, `${path} is not there any more; add the model again`),
    model.folder,
  )
}
