import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { writeSafetensors, type TensorToWrite } from '../../../main/models/checkpoint/safetensors.ts'
import { elementCount } from '../../../main/models/checkpoint/tensor-file.ts'
import { parseBackboneConfig } from '../../../main/models/config.ts'
import { backboneTensors } from '../../../main/models/weights.ts'

/** A config.json of a BERT small enough to write in every test. */
export const tinyConfig = {
  model_type: 'bert',
  num_hidden_layers: 2,
  hidden_size: 4,
  num_attention_heads: 2,
  intermediate_size: 8,
  vocab_size: 12,
  max_position_embeddings: 16,
  type_vocab_size: 2,
}

/** The tiny BERT's tensors under canonical names; the values count up from tensor to tensor. */
export function tinyTensors(): { name: string; shape: readonly number[]; data: Float32Array }[] {
  let next = 0
  return backboneTensors(parseBackboneConfig(tinyConfig, '')).map(({ name, shape }) => ({
    name,
    shape,
    data: Float32Array.from({ length: elementCount(shape) }, () => next++ / 8),
  }))
}

/** A vocab.txt that goes with the tiny BERT. */
export const tinyVocabulary = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'the',
  'movie',
  'was',
  'good',
  '##s',
  'bad',
  '.',
]

/** Writes a model folder with safetensors weights and a vocab.txt, and returns it. */
export async function writeTinyModel(
  folder: string,
  tensors: readonly TensorToWrite[] = tinyTensors(),
  config: object = tinyConfig,
): Promise<string> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await writeFile(join(folder, 'vocab.txt'), tinyVocabulary.join('\n') + '\n')
  await writeSafetensors(join(folder, 'model.safetensors'), tensors)
  return folder
}
