import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { assetsFolder } from '../main/assets.ts'
import { writeSafetensors } from '../main/models/checkpoint/safetensors.ts'
import { backboneTensors } from '../main/models/weights.ts'
import { backboneOf, randomWeight, sizeNames, type SizeName } from './sizes.ts'

/** The encoder that ships with the program, and random ones of the sizes that have its tokenizer. */
export const jobModels = ['starter-encoder', ...sizeNames] as const
export type JobModel = (typeof jobModels)[number]

/** Layers of a model; the shipped encoder has four. */
export function layersOf(model: JobModel): number {
  return model === 'starter-encoder' ? 4 : backboneOf(model).layers
}

/**
 * The folder of a model to train whole jobs on.
 *
 * @param cache folder in which random ones are made
 */
export async function modelFolderOf(model: JobModel, cache: string): Promise<string> {
  const starter = join(assetsFolder(), 'starter')
  return model === 'starter-encoder'
    ? starter
    : randomCheckpoint(model, starter, join(cache, `random-${model}`))
}

async function randomCheckpoint(size: SizeName, starter: string, folder: string): Promise<string> {
  const weights = join(folder, 'model.safetensors')
  if (existsSync(weights)) return folder
  mkdirSync(folder, { recursive: true })
  for (const file of ['vocab.txt', 'tokenizer.json', 'tokenizer_config.json']) {
    copyFileSync(join(starter, file), join(folder, file))
  }
  const config = backboneOf(size)
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({
      model_type: 'bert',
      hidden_size: config.hiddenSize,
      intermediate_size: config.intermediateSize,
      num_attention_heads: config.heads,
      num_hidden_layers: config.layers,
      vocab_size: config.vocabularySize,
      max_position_embeddings: config.maximumPositions,
      type_vocab_size: config.typeVocabularySize,
      layer_norm_eps: config.layerNormEpsilon,
      hidden_act: config.activation,
      pad_token_id: config.padTokenId,
    }),
  )
  const tensors = backboneTensors(config)
  await writeSafetensors(
    weights,
    tensors.map(({ name, shape }) => ({ name, shape, data: randomWeight(name, shape) })),
  )
  return folder
}
