import { open } from 'node:fs/promises'

import { WorkbenchError, type RunConfig } from '../../preload/contract.ts'
import { classificationHead } from '../adapters/head.ts'
import { findMethod } from '../adapters/registry.ts'
import { loadTokenizer, type Tokenizer } from '../data/tokenizer.ts'
import type { Engine, WeightFile } from '../engines/engine.ts'
import { createOnnxRuntimeEngine } from '../engines/onnxruntime.ts'
import { openCheckpoint, type Checkpoint } from '../models/checkpoint/index.ts'
import { hashTensors, loadBackbone, writeWeightFile, type Backbone } from '../models/weights.ts'
import { tunedModel, type TunedModel } from './tuned-model.ts'

/** Under which name a run's adapter and head stand in the state dict. */
const adapterName = 'run'

/** All that a run needs before its first graph. The checkpoint stays open: close it. */
export interface Prepared {
  model: TunedModel
  backbone: Backbone
  checkpoint: Checkpoint
  tokenizer: Tokenizer
  engine: Engine
  /** Whether the backbone stays as pretrained. */
  frozen: boolean
  /** The backbone's frozen weights as a file for the engine. */
  weights: WeightFile
}

/**
 * Opens the checkpoint and puts model, method and head together.
 *
 * @param cacheFolder where the weight file is kept for all runs of this backbone; made when it is not there
 * @throws WorkbenchError naming the file or the setting that is wrong
 */
export async function prepare(
  { method, head, engine, training }: RunConfig,
  modelFolder: string,
  labels: readonly string[],
  cacheFolder: string,
): Promise<Prepared> {
  const checkpoint = await openCheckpoint(modelFolder)
  try {
    const backbone = await loadBackbone(checkpoint)
    const { config } = backbone
    if (training.maximumLength > config.maximumPositions) {
      throw new WorkbenchError(
        'bad-input',
        `the maximum length is ${training.maximumLength} tokens, but this model has ${config.maximumPositions} positions; lower it`,
      )
    }
    const prepared = findMethod(method.name).prepare(method.options, {
      config,
      adapterName,
      tasks: [adapterName],
      adapters: [],
    })
    return {
      model: tunedModel(config, prepared, [
        {
          name: adapterName,
          head: classificationHead(head, config, labels.length, adapterName),
          labels: labels.length,
        },
      ]),
      backbone,
      checkpoint,
      tokenizer: await loadTokenizer(modelFolder),
      engine: createOnnxRuntimeEngine({ threads: engine.threads }),
      frozen: prepared.parameters.every(({ group }) => group !== 'backbone'),
      weights: await writeWeightFile(backbone, cacheFolder),
    }
  } catch (error) {
    await checkpoint.close()
    throw error
  }
}

/**
 * Hash of the backbone as a run leaves it: of the weights that its graphs read, or of the trained ones.
 *
 * @param trained reads a trained parameter; undefined for one that is not trained
 */
export async function backboneHash(
  { backbone, weights }: Pick<Prepared, 'backbone' | 'weights'>,
  trained: (name: string) => Float32Array | undefined,
): Promise<string> {
  const file = await open(weights.path, 'r')
  try {
    return await hashTensors(
      Array.from(backbone.tensors, ([name, { shape }]) => ({
        name,
        shape,
        async read() {
          const values = trained(name)
          if (values) return values
          const entry = weights.entries.get(name)
          if (!entry) throw new Error(`the weight file lacks "${name}"`)
          const bytes = new Uint8Array(entry.byteLength)
          await file.read(bytes, 0, entry.byteLength, entry.offset)
          return new Float32Array(bytes.buffer)
        },
      })),
    )
  } finally {
    await file.close()
  }
}
