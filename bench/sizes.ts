import { namedAdapter, type ParameterSpec } from '../main/adapters/method.ts'
import { findMethod } from '../main/adapters/registry.ts'
import { classificationHead } from '../main/adapters/head.ts'
import { createRandom } from '../main/data/random.ts'
import type { BackboneConfig } from '../main/models/config.ts'
import type { QuantisedFile, WeightFile } from '../main/engines/engine.ts'
import { writeQuantisedFile } from '../main/models/quantised-weights.ts'
import { backboneTensors, writeWeightFile, type LazyTensor } from '../main/models/weights.ts'
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

/** What is measured: the method and the shape of the batch, on a backbone of one of the sizes. */
export interface WorkloadSpec {
  size: SizeName
  /** Tokens of every text. */
  length: number
  /** Default: Pfeiffer adapters. */
  method?: string
  options?: Record<string, unknown>
  /** Tasks trained together, each with a head; default: 1. */
  tasks?: number
  /** Trained adapters that the method builds on; default: none. */
  adapters?: number
  /** Default: those of the size, as the batch. */
  layers?: number | undefined
  batch?: number
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

/** BERT of a size. @param layers default: that of the size */
export function backboneOf(size: SizeName, layers?: number): BackboneConfig {
  const [usualLayers, hiddenSize, heads, intermediateSize] = sizes[size]
  return {
    architecture: 'bert',
    layers: layers ?? usualLayers,
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
}

/** BERT of a size with a method and a two-layer head for each task, and one full batch of made-up text without padding. */
export function workload(spec: WorkloadSpec): Workload {
  const { size, length, method = 'seq_bn', options = {}, tasks = 1 } = spec
  const config = backboneOf(size, spec.layers)
  const batch = spec.batch ?? sizes[size][4]
  const names = tasks === 1 ? ['run'] : Array.from({ length: tasks }, (_, task) => `task${task}`)
  const adapters = Array.from({ length: spec.adapters ?? 0 }, (_, i) =>
    namedAdapter(findMethod('seq_bn'), {}, config, `trained${i}`),
  )
  const trained = adapters.flatMap((adapter) => adapter.method.parameters)
  const random = createRandom(1, 'text')
  const ids = Array.from({ length: batch }, () => Array.from({ length }, () => 1000 + random.integer(29000)))
  return {
    size,
    batch,
    length,
    config,
    model: tunedModel(
      config,
      findMethod(method).prepare(options, { config, adapterName: 'run', tasks: names, adapters }),
      names.map((name) => ({
        name,
        head: classificationHead(
          { layers: 2, activation: 'tanh', pooling: 'first', dropout: 0 },
          config,
          labelCount,
          name,
        ),
        labels: labelCount,
      })),
      {
        constants: new Map(
          trained.map(({ name, shape }) => [name, { shape, data: randomWeight(name, shape) }]),
        ),
      },
    ),
    ids,
    labels: ids.map((_, row) => row % labelCount),
  }
}

export const labelCount = 2

/** Files of weights that all processes of a measurement read. */
export interface WeightFiles {
  weights: WeightFile
  /** The backbone's in 8 bits. */
  quantised: QuantisedFile | undefined
}

/**
 * Random weights of a backbone, and of Pfeiffer adapters and a head, which PyTorch reads too; made once.
 *
 * @param folder which exists
 * @param largestInt8 the largest whole number of quantised weights; left out: none are made
 */
export async function weightFiles(
  { size, layers }: Pick<WorkloadSpec, 'size' | 'layers'>,
  folder: string,
  largestInt8?: number,
): Promise<WeightFiles> {
  const { config, model } = workload({ size, length: 1, layers })
  const tensors = (specs: Iterable<Pick<ParameterSpec, 'name' | 'shape'>>): Map<string, LazyTensor> =>
    new Map(
      Array.from(specs, ({ name, shape }) => [name, { shape, read: async () => randomWeight(name, shape) }]),
    )
  const hash = `bench-${size}${layers === undefined ? '' : `-${layers}`}`
  const backbone = backboneTensors(config)
  return {
    weights: await writeWeightFile(
      { hash, tensors: tensors([...backbone, ...model.layout.entries.values()]) },
      folder,
    ),
    quantised:
      largestInt8 === undefined
        ? undefined
        : await writeQuantisedFile({ hash, tensors: tensors(backbone) }, folder, largestInt8),
  }
}

/** Random values of what a model trains, in its layout's order. */
export function randomParameters({ layout }: TunedModel): Float32Array {
  const vector = new Float32Array(layout.size)
  for (const { name, shape, offset } of layout.entries.values()) vector.set(randomWeight(name, shape), offset)
  return vector
}

/** Values that depend on the parameter's name alone. */
export function randomWeight(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const values = new Float32Array(shape.reduce((product, dimension) => product * dimension, 1))
  if (name.endsWith('LayerNorm.weight')) return values.fill(1)
  createRandom(1, name).fillUniform(values)
  return values.map((value) => (value - 0.5) * 0.07)
}
