import type { ModelDetail, ModelSummary } from '../../preload/contract.ts'
import type { Database } from './database.ts'

type Rest = Omit<ModelDetail, keyof ModelSummary>

interface ModelColumns {
  id: string
  name: string
  folder: string
  architecture: ModelSummary['architecture']
  layers: number
  hidden_size: number
  heads: number
  intermediate_size: number
  vocabulary_size: number
  maximum_length: number
  parameters: number
  hash: string
  built_in: 0 | 1
  created_at: string
  detail: string
}

export function insertModel(database: Database, model: ModelDetail): void {
  const rest: Rest = { tensors: model.tensors, tokenizer: model.tokenizer, example: model.example }
  database
    .prepare<[ModelColumns]>(
      `INSERT INTO models (id, name, folder, architecture, layers, hidden_size, heads, intermediate_size,
         vocabulary_size, maximum_length, parameters, hash, built_in, created_at, detail)
       VALUES (@id, @name, @folder, @architecture, @layers, @hidden_size, @heads, @intermediate_size,
         @vocabulary_size, @maximum_length, @parameters, @hash, @built_in, @created_at, @detail)`,
    )
    .run({
      id: model.id,
      name: model.name,
      folder: model.folder,
      architecture: model.architecture,
      layers: model.layers,
      hidden_size: model.hiddenSize,
      heads: model.heads,
      intermediate_size: model.intermediateSize,
      vocabulary_size: model.vocabularySize,
      maximum_length: model.maximumLength,
      parameters: model.parameters,
      hash: model.hash,
      built_in: model.builtIn ? 1 : 0,
      created_at: model.createdAt,
      detail: JSON.stringify(rest),
    })
}

export function getModel(database: Database, id: string): ModelDetail | undefined {
  const row = database.prepare<[string], ModelColumns>('SELECT * FROM models WHERE id = ?').get(id)
  if (row === undefined) return undefined
  const rest: Rest = JSON.parse(row.detail)
  return { ...toSummary(row), ...rest }
}

/** Built-in models first, then in the order in which they were added. */
export function listModels(database: Database): ModelSummary[] {
  return database
    .prepare<[], ModelColumns>('SELECT * FROM models ORDER BY built_in DESC, created_at, rowid')
    .all()
    .map(toSummary)
}

/** False when there is no such model. */
export function removeModel(database: Database, id: string): boolean {
  return database.prepare<[string]>('DELETE FROM models WHERE id = ?').run(id).changes > 0
}

function toSummary(row: ModelColumns): ModelSummary {
  return {
    id: row.id,
    name: row.name,
    folder: row.folder,
    architecture: row.architecture,
    layers: row.layers,
    hiddenSize: row.hidden_size,
    heads: row.heads,
    intermediateSize: row.intermediate_size,
    vocabularySize: row.vocabulary_size,
    maximumLength: row.maximum_length,
    parameters: row.parameters,
    hash: row.hash,
    builtIn: row.built_in === 1,
    createdAt: row.created_at,
  }
}
