import { randomUUID } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'

import { WorkbenchError, type Handlers, type ModelDetail, type ModelSummary } from '../../preload/contract.ts'
import { loadTokenizer } from '../data/tokenizer.ts'
import { architectureOf } from '../models/architecture.ts'
import { openCheckpoint, type Checkpoint } from '../models/checkpoint/index.ts'
import { loadBackbone, tensorUse } from '../models/weights.ts'
import type { Database } from '../store/database.ts'
import { getModel, insertModel, listModels, removeModel } from '../store/models.ts'
import { findRunOfModel } from '../store/runs.ts'
import type { Publish } from './events.ts'

export type ModelHandlers = Pick<Handlers, 'models.list' | 'models.get' | 'models.add' | 'models.remove'>

export interface ModelServiceOptions {
  database: Database
  /** Folder of what ships with the program; its `starter/` is always among the models. */
  assets: string
  publish: Publish
}

/** Id and name of the encoder that ships with the program. */
const starter = 'starter'

/** A sentence whose pieces show at a glance whether the tokenizer is the right one. */
const exampleText = 'Adapters tune a pretrained encoder, cheaply and reversibly!'

/**
 * The pretrained models that runs may start from. A model stays in the user's folder; what is stored is what
 * was read there. Two folders with the same backbone are one model.
 */
export async function createModelService({
  database,
  assets,
  publish,
}: ModelServiceOptions): Promise<ModelHandlers> {
  await addStarter(database, join(assets, 'starter'))

  async function add(given: string, chosenName: string | undefined): Promise<ModelSummary> {
    const folder = resolve(given)
    const model = await readModel(folder)
    const known = listModels(database)
    const same = known.find(({ hash }) => hash === model.hash)
    if (same && (same.folder === folder || existsSync(same.folder))) return same
    const id = same?.id ?? randomUUID()
    const name = same?.name ?? freeName(known, chosenName ?? nameOfFolder(folder))
    replace(database, {
      ...model,
      id,
      name,
      builtIn: same?.builtIn ?? false,
      createdAt: same?.createdAt ?? new Date().toISOString(),
    })
    publish('model.changed', { id })
    return toSummary(requireModel(database, id))
  }

  return {
    'models.list': () => listModels(database),
    'models.get': ({ id }) => requireModel(database, id),
    'models.add': ({ folder, name }) => add(folder, name),
    'models.remove': ({ id }) => {
      const { name, builtIn } = requireModel(database, id)
      if (builtIn) {
        throw new WorkbenchError('conflict', `The model “${name}” ships with the program and stays.`)
      }
      // Finished ones too: they predict with its weights, and the folder added again would be another model.
      const user = findRunOfModel(database, id)
      if (user) {
        throw new WorkbenchError(
          'conflict',
          `The model “${name}” is used by the run “${user.name}”. Remove the runs that use it first.`,
        )
      }
      removeModel(database, id)
      publish('model.changed', { id })
    },
  }
}

/**
 * Lists the shipped encoder; reads it anew only where it lies elsewhere or is newer than what is stored.
 * @throws WorkbenchError `not-found` or `bad-input` naming what is missing or damaged
 */
async function addStarter(database: Database, folder: string): Promise<void> {
  const known = getModel(database, starter)
  // Unpacked programs carry the modification times of their archive; the change time is that of the unpacking.
  const placed = statSync(join(folder, 'model.safetensors'), { throwIfNoEntry: false })?.ctime
  if (placed !== undefined && known?.folder === folder && new Date(known.createdAt) > placed) return
  const model = await readModel(folder)
  replace(database, {
    ...model,
    id: starter,
    name: starter,
    builtIn: true,
    createdAt: new Date().toISOString(),
  })
}

function replace(database: Database, model: ModelDetail): void {
  database.transaction(() => {
    removeModel(database, model.id)
    insertModel(database, model)
  })()
}

function toSummary({
  tensors: _,
  tokenizer: _tokenizer,
  example: _example,
  ...model
}: ModelDetail): ModelSummary {
  return model
}

/** @throws WorkbenchError `not-found` where there is no such model */
export function requireModel(database: Database, id: string): ModelDetail {
  const model = getModel(database, id)
  if (!model) throw new WorkbenchError('not-found', `There is no model ${id}. It may have been removed.`)
  return model
}

/** A folder's own name; of a snapshot in Hugging Face's cache, whose name is a hash, that of its repository. */
function nameOfFolder(folder: string): string {
  const repository = /[\\/]models--(?:[^\\/]*--)?([^\\/]+)[\\/]snapshots[\\/][^\\/]+$/.exec(folder)
  return repository?.[1] ?? basename(folder)
}

/** `name`, or with the first number that no other model has. */
function freeName(models: readonly ModelSummary[], name: string): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name} ${number}`
    if (!models.some((model) => model.name === candidate)) return candidate
  }
}

/**
 * What a folder's checkpoint and tokenizer are.
 * @throws WorkbenchError naming the file or tensor that is wrong
 */
async function readModel(
  folder: string,
): Promise<Omit<ModelDetail, 'id' | 'name' | 'builtIn' | 'createdAt'>> {
  const checkpoint = await openCheckpoint(folder)
  try {
    const { config, hash, parameters } = await loadBackbone(checkpoint)
    const tokenizer = await loadTokenizer(folder)
    if (tokenizer.vocabularySize > config.vocabularySize) {
      throw new WorkbenchError(
        'bad-input',
        `${tokenizer.file} has token ids up to ${tokenizer.vocabularySize - 1}, but the model's embeddings have ` +
          `${config.vocabularySize} rows: the tokenizer is another model's.`,
      )
    }
    return {
      folder,
      architecture: config.architecture,
      layers: config.layers,
      hiddenSize: config.hiddenSize,
      heads: config.heads,
      intermediateSize: config.intermediateSize,
      vocabularySize: config.vocabularySize,
      maximumLength: architectureOf(config).maximumLength(config),
      parameters,
      hash,
      tensors: describeTensors(checkpoint, (name) => tensorUse(name, config)),
      tokenizer: {
        kind: tokenizer.kind,
        file: basename(tokenizer.file),
        lowercase: tokenizer.lowercase,
        vocabularySize: tokenizer.vocabularySize,
      },
      example: { text: exampleText, tokens: tokenizer.tokens(exampleText) },
    }
  } finally {
    await checkpoint.close()
  }
}

function describeTensors(
  { tensors }: Checkpoint,
  use: (name: string) => ModelDetail['tensors'][number]['usedAs'],
): ModelDetail['tensors'] {
  return Array.from(tensors, ([name, { shape, dtype }]) => ({
    name,
    shape: [...shape],
    dtype,
    usedAs: use(name),
  }))
}
