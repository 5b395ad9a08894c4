/**
 * Our side of the benchmark, in the same protocol as bench/torch_reference.py: one JSON object per line. The graphs are
 * those of a run, with weights from the file that both sides read.
 */
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

import { openDevice } from '../main/engines/devices.ts'
import { openGraph, type OpenGraph } from './graphs.ts'
import type { LoadRequest } from './side.ts'
import { workload } from './sizes.ts'

async function load(request: LoadRequest): Promise<OpenGraph> {
  const { kind, cut, weights, quantised } = request
  const work = workload(request.work)
  const engine = await openDevice(request, request.threads)
  const tasks = request.allTasks ? work.model.tasks : work.model.tasks.slice(0, 1)
  return openGraph(
    kind,
    work,
    engine,
    {
      weights: { path: weights.path, entries: new Map(weights.entries) },
      quantised: quantised && { path: quantised.path, entries: new Map(quantised.entries) },
    },
    { cut, readings: tasks.map((_, task) => ({ task, variant: {} })) },
  )
}

/** What this program uses of TensorFlow.js to see whether tensors are left behind. */
function countTensors(): number {
  const tf = createRequire(import.meta.url)('@tensorflow/tfjs-core') as { memory(): { numTensors: number } }
  return tf.memory().numTensors
}

let graph: OpenGraph | undefined
let interpreted = false
let step = 0

async function answer(request: { load?: LoadRequest; train?: number; infer?: number }): Promise<object> {
  if (request.load) {
    interpreted = request.load.engine === 'tensorflow'
    graph = await load(request.load)
    const { buildMs, compileMs, operations } = graph
    return { buildMs, compileMs, operations }
  }
  if (!graph) throw new Error('nothing was loaded')
  const ms: number[] = []
  const processorMs: number[] = []
  let result = 0
  for (let i = 0; i < (request.train ?? request.infer ?? 0); i++) {
    const [began, usedBefore] = [performance.now(), process.cpuUsage()]
    result = await graph.run(step++)
    ms.push(performance.now() - began)
    const { user, system } = process.cpuUsage(usedBefore)
    processorMs.push((user + system) / 1000)
  }
  return { ms, processorMs, result }
}

for await (const line of createInterface({ input: process.stdin })) {
  let told: object
  try {
    told = {
      ...(await answer(JSON.parse(line) as Parameters<typeof answer>[0])),
      rssBytes: process.memoryUsage.rss(),
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      ...(interpreted ? { tensors: countTensors() } : {}),
    }
  } catch (error) {
    told = { error: error instanceof Error ? error.message : String(error) }
  }
  console.log(JSON.stringify(told))
}
