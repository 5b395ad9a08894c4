import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'

import { WorkbenchError, type AdapterSummary, type Handlers } from '../../preload/contract.ts'
import { insertAdapter, type AdapterRecord } from '../store/adapters.ts'
import type { Database } from '../store/database.ts'
import { getModel } from '../store/models.ts'
import { runAdapterName, type ConvertJob, type FromTrainer } from '../training/messages.ts'
import { adapterFile, adaptersFolder } from './adapter-files.ts'
import { requireAdapter, toSummary } from './adapters.ts'
import type { Publish } from './events.ts'
import { supervise, toError, type FinalMessage } from './run-supervision.ts'
import { freeName } from './trained-parts.ts'
import type { SpawnTrainer } from './trainer-process.ts'

export type ConversionHandlers = Pick<Handlers, 'adapters.eject' | 'adapters.merge'>

/** Other forms of stored adapters, made in a trainer process since they need the backbone and an engine. */
export function createAdapterConversions(options: {
  database: Database
  home: string
  publish: Publish
  spawnTrainer: SpawnTrainer
  silence: number
}): ConversionHandlers {
  const { database, home, publish } = options

  async function convert(adapter: AdapterRecord, to: ConvertJob['to'], target: string) {
    const model = adapter.modelId === undefined ? undefined : getModel(database, adapter.modelId)
    if (model === undefined) {
      throw new WorkbenchError(
        'not-found',
        `The backbone of “${adapter.name}” (${adapter.modelName}) is not among the models. Add its folder first.`,
      )
    }
    const job: ConvertJob = {
      modelFolder: resolve(home, model.folder),
      adapter: {
        id: adapter.id,
        name: runAdapterName,
        method: adapter.method,
        file: resolve(home, adapter.file),
      },
      to,
      target,
    }
    const ended = await new Promise<FinalMessage>((onEnd) => {
      supervise({
        spawn: options.spawnTrainer,
        first: { type: 'convert', job },
        silence: options.silence,
        onMessage: () => undefined,
        onEnd,
      })
    })
    if (ended.type === 'converted') return ended satisfies Extract<FromTrainer, { type: 'converted' }>
    if (ended.type === 'failed') throw toError(ended.error)
    throw new WorkbenchError('internal', 'The trainer answered another question.')
  }

  return {
    async 'adapters.eject'({ id }): Promise<AdapterSummary> {
      const adapter = requireAdapter(database, id)
      const own = randomUUID()
      await mkdir(join(home, adaptersFolder), { recursive: true })
      const made = await convert(adapter, 'ejected', join(home, adapterFile(own)))
      insertAdapter(database, {
        ...adapter,
        id: own,
        name: freeName(database, `${adapter.name} (ejected)`),
        method: made.method,
        parameters: made.parameters,
        bytes: made.bytes,
        createdAt: new Date().toISOString(),
        file: adapterFile(own),
      })
      publish('adapter.changed', { id: own })
      return toSummary(requireAdapter(database, own))
    },
    async 'adapters.merge'({ id, folder }) {
      const adapter = requireAdapter(database, id)
      if (!isAbsolute(folder)) {
        throw new WorkbenchError(
          'bad-input',
          `folder: “${folder}” is no absolute path. Name the folder from its root.`,
        )
      }
      const { bytes } = await convert(adapter, 'merged', folder)
      return { folder, bytes }
    },
  }
}
