/**
 * Our side of the benchmark, in the same protocol as bench/torch_reference.py: one JSON object per line.
 * The graphs are those of a run (main/training/graphs.ts), with weights from the file that both sides read.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { createInterface } from 'node:readline'

import { collate } from '../main/data/batches.ts'
import type { CompiledGraph, HostTensor, WeightFile } from '../main/engines/engine.ts'
import { createOnnxRuntimeEngine } from '../main/engines/onnxruntime.ts'
import { encoderFeeds, targetFeeds } from '../main/training/feeds.ts'
import { evaluationGraph, trainingGraph } from '../main/training/graphs.ts'
import type { ParameterLayout } from '../main/training/layout.ts'
import { optimizerFeeds } from '../main/training/optimizer.ts'
import { workload, type SizeName } from './sizes.ts'

export interface LoadRequest {
  kind: 'train' | 'infer'
  size: SizeName
  length: number
  cut: boolean
  threads: number
  weights: string
  entries: Record<string, { offset: number; byteLength: number }>
}

const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 1 }

async function load(
  request: LoadRequest,
): Promise<(count: number) => Promise<{ ms: number[]; result: number }>> {
  const { model, ids, labels, batch } = workload(request.size, request.length)
  const weights: WeightFile = { path: request.weights, entries: new Map(Object.entries(request.entries)) }
  const engine = createOnnxRuntimeEngine({ threads: request.threads })
  const training = request.kind === 'train'
  const tuned = training
    ? trainingGraph(model, optimizer, { cutLastLayer: request.cut })
    : evaluationGraph(model, { cutLastLayer: request.cut })
  const compiled = await engine.compile(tuned.graph, { weights, state: tuned.state })
  compiled.setState('parameters', trainedParameters(tuned.layout, weights))
  if (training) {
    compiled.setState('moment1', new Float32Array(tuned.layout.size))
    compiled.setState('moment2', new Float32Array(tuned.layout.size))
  }
  const text = collate(
    ids.map((row) => ({ ids: row, typeIds: row.map(() => 0) })),
    0,
  )
  const feeds = { ...encoderFeeds(text), ...targetFeeds(labels, 2, batch) }
  let step = 0
  return async (count) => {
    const ms: number[] = []
    let result = 0
    for (let i = 0; i < count; i++) {
      step += 1
      const began = performance.now()
      result = await once(
        compiled,
        training ? { ...feeds, ...optimizerFeeds(step, 1e-3, 0.01, optimizer) } : feeds,
        training,
      )
      ms.push(performance.now() - began)
    }
    return { ms, result }
  }
}

async function once(
  compiled: CompiledGraph,
  feeds: Record<string, HostTensor>,
  training: boolean,
): Promise<number> {
  const output = training ? 'loss' : 'logits'
  const { [output]: tensor } = await compiled.run(feeds, [output])
  return Number(tensor?.data[0])
}

/** Only the trained parameters are read here: the whole file in memory would count as ours. */
function trainedParameters(layout: ParameterLayout, { path, entries }: WeightFile): Float32Array {
  const vector = new Float32Array(layout.size)
  const file = openSync(path, 'r')
  for (const { name, offset, size } of layout.entries.values()) {
    const entry = entries.get(name)
    if (!entry) throw new Error(`the weight file lacks ${name}`)
    readSync(file, vector.subarray(offset, offset + size), { position: entry.offset })
  }
  closeSync(file)
  return vector
}

let run: Awaited<ReturnType<typeof load>> | undefined
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as { load?: LoadRequest; train?: number; infer?: number }
  let answer: object = {}
  if (request.load) run = await load(request.load)
  else if (run) answer = await run(request.train ?? request.infer ?? 0)
  console.log(JSON.stringify({ ...answer, peakRssBytes: process.resourceUsage().maxRSS * 1024 }))
}
