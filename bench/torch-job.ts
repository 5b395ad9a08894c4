/** The reference's whole job (bench/torch_job.py): the same weights and token ids as ours, in files. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

import { z } from 'zod'

import { datasetFileName } from '../main/data/dataset-file.ts'
import type { BackboneConfig } from '../main/models/config.ts'
import { writeWeightFile, type LazyTensor, type WeightFile } from '../main/models/weights.ts'
import { evaluationBatchSize } from '../main/training/evaluate.ts'
import { readExamples, type Examples } from '../main/training/examples.ts'
import { initialParameters } from '../main/training/initialise.ts'
import { partOf } from '../main/training/layout.ts'
import { prepare } from '../main/training/prepare.ts'
import { RunConfig, type TrainingConfig } from '../preload/contract.ts'
import { inFreshHome, type WholeJob, type WholeRun } from './whole-run.ts'

/** A job in files: `removeTorchJob` removes them. */
export interface TorchJob {
  folder: string
  weights: WeightFile
  tokens: string
  backbone: BackboneConfig
  training: TrainingConfig
  learningRate: number
  threads: number
}

/** Writes weights and token ids exactly as a run of ours begins with them. */
export function prepareTorchJob({ modelFolder, sources, config }: WholeJob): Promise<TorchJob> {
  return inFreshHome(async (workbench, home) => {
    const dataset = await workbench.invoke('datasets.import', sources)
    const { id: datasetId, name, labels } = dataset
    const datasetFile = join(home, 'datasets', datasetFileName(dataset.hash))
    const folder = mkdtempSync(join(tmpdir(), 'workbench-torch-'))
    const complete = RunConfig.parse({ ...config, modelId: 'model', datasetId })
    const tasks = [{ datasetId, name, datasetFile, labels }]
    const prepared = await prepare({
      config: complete,
      modelFolder,
      tasks,
      adapters: [],
      cacheFolder: folder,
    })
    try {
      const { model, backbone, tokenizer, learningRate } = prepared
      const { training, engine } = complete
      const examples = await readExamples(datasetFile, tokenizer, labels, training.maximumLength)
      const values = await initialParameters(model.layout, training.seed, () => {
        throw new Error('the reference trains adapters and a head only')
      })
      const tensors = new Map<string, LazyTensor>(backbone.tensors)
      for (const entry of model.layout.entries.values()) {
        tensors.set(entry.name, {
          shape: entry.shape,
          read: async () => Float32Array.from(partOf(values, entry)),
        })
      }
      const tokens = join(folder, 'tokens.json')
      writeFileSync(
        tokens,
        JSON.stringify({
          padId: tokenizer.padTokenId,
          train: plain(examples.train),
          validation: plain(examples.validation),
        }),
      )
      return {
        ...{ folder, tokens, training, learningRate },
        weights: await writeWeightFile({ hash: 'job', tensors }, folder),
        backbone: backbone.config,
        threads: engine.threads,
      }
    } finally {
      await prepared.checkpoint.close()
    }
  })
}

function plain({ texts, classes }: Examples) {
  return { ids: texts.map(({ ids }) => [...ids]), classes: [...classes] }
}

export function removeTorchJob({ folder }: TorchJob): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

const Answer = z.object({
  trainingSeconds: z.number(),
  accuracies: z.array(z.number()),
  peakRssBytes: z.number(),
})

/**
 * @param python that has PyTorch
 * @param padTo what every batch is padded to; undefined: its longest text
 * @throws Error where it fails, which its own output explains
 */
export async function torchRun(
  python: string,
  { weights, backbone, tokens, training, learningRate, threads }: TorchJob,
  padTo: number | undefined,
): Promise<WholeRun> {
  const began = performance.now()
  const script = fileURLToPath(new URL('torch_job.py', import.meta.url))
  // It imports its neighbour, of which no compiled copy is to be left behind.
  const child = spawn(python, ['-B', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(
    JSON.stringify({
      ...{ config: backbone, weights: weights.path, entries: Object.fromEntries(weights.entries) },
      ...{ ...training, learningRate, evaluationBatchSize, tokens, threads, padTo: padTo ?? 0 },
    }),
  )
  const printed = await text(child.stdout)
  const ready = performance.now()
  if (printed === '') throw new Error('PyTorch’s job ended without an answer')
  return { ...Answer.parse(JSON.parse(printed)), seconds: (ready - began) / 1000, afterSeconds: 0 }
}
