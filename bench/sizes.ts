import { findMethod } from '../main/adapters/registry.ts'
import { classificationHead } from '../main/adapters/head.ts'
import { createRandom } from '../main/data/random.ts'
import type { BackboneConfig } from '../main/models/config.ts'
import { backboneTensors, writeWeightFile, type LazyTensor, type WeightFile } from '../main/models/weights.ts'
import { tunedModel, type TunedModel } from '../main/training/tuned-model.ts'

export const sizeNames = ['tiny', 'mini', 'small', 'base'] as const
export type SizeName = (typeof sizeNames)[number]

/** Layers, hidden size, heads, intermediate size and batch of the BERT sizes that are measured (Turc et al. 2019). */
const sizes: Record<SizeName, [number, number, number, number, number]> = {
  tiny: [2, 128, 2, 512, 32],
  mini: [4, 256, 4, 1024, 32],
  small: [4, 512, 8, 2048, 32],
  base: [12, 768, 12, 3072, 8],
}

export interface Workload {
  size: SizeName
  batch: number
  length: number
  config: BackboneConfig
  model: TunedModel
  /** `[batch][length]` */
  ids: number[][]
  labels: number[]
}

export interface WorkloadOptions {
  method?: string
  options?: Record<string, unknown>
  /** Tasks trained together, each with a head. */
  tasks?: number
  /** Default: that of the size. */
  batch?: number
}

/**
 * BERT of a size with Pfeiffer adapters (or another method) and a two-layer head, and one full batch of made-up text
 * without padding.
 */
export function workload(
  size: SizeName,
  length: number,
  { method = 'seq_bn', options = {}, tasks = 1, ...given }: WorkloadOptions = {},
): Workload {
  const [layers, hiddenSize, heads, intermediateSize, usualBatch] = sizes[size]
  const batch = given.batch ?? usualBatch
  const config: BackboneConfig = {
    architecture: 'bert',
    layers,
    hiddenSize,
    heads,
    intermediateSize,
    vocabularySize: 30522,
    maximumPositions: 512,
    typeVocabularySize: 2,
    layerNormEpsilon: 1e-12,
    activation: 'gelu',
    padTokenId: 0,
    initializerRange: 0.02,
  }
  const names = tasks === 1 ? ['run'] : Array.from({ length: tasks }, (_, task) => `task${task}`)
  const random = createRandom(1, 'text')
  const ids = Array.from({ length: batch }, () => Array.from({ length }, () => 1000 + random.integer(29000)))
  return {
    size,
    batch,
    length,
    config,
    model: tunedModel(
      config,
      findMethod(method).prepare(options, { config, adapterName: 'run', tasks: names, adapters: [] }),
      names.map((name) => ({
        name,
        head: classificationHead({ layers: 2, pooling: 'first', dropout: 0 }, config, 2, name),
        labels: 2,
      })),
    ),
    ids,
    labels: ids.map((_, row) => row % 2),
  }
}

/** Random weights of backbone, adapters and head in one file that both sides read. */
export function weightFile({ size, config, model }: Workload, folder: string): Promise<WeightFile> {
  const specs = [...backboneTensors(config), ...model.layout.entries.values()]
  const tensors = new Map<string, LazyTensor>(
    specs.map(({ name, shape }) => [name, { shape, read: async () => randomWeight(name, shape) }]),
  )
  return writeWeightFile({ hash: `bench-${size}`, tensors }, folder)
}

/** Random values of what a model trains, in its layout's order. */
export function randomParameters({ layout }: TunedModel): Float32Array {
  const vector = new Float32Array(layout.size)
  for (const { name, shape, offset } of layout.entries.values()) vector.set(randomWeight(name, shape), offset)
  return vector
}

function randomWeight(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const values = new Float32Array(shape.reduce((product, dimension) => product * dimension, 1))
  if (name.endsWith('LayerNorm.weight')) return values.fill(1)
  createRandom(1, name).fillUniform(values)
  return values.map((value) => (value - 0.5) * 0.07)
}
