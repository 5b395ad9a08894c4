import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { HostTensor } from '../../../main/engines/engine.ts'
import { createOnnxRuntimeEngine } from '../../../main/engines/onnxruntime.ts'
import { Graph, type Value } from '../../../main/graph/index.ts'
import {
  architectureOf,
  encoderInputs,
  type EncoderInputs,
  type EncodeOptions,
} from '../../../main/models/architecture.ts'
import { openCheckpoint } from '../../../main/models/checkpoint/index.ts'
import { languageModelHead } from '../../../main/models/language-model.ts'
import { plainBuild } from '../../../main/models/plain-build.ts'
import type { Build } from '../../../main/models/sites.ts'
import { loadBackbone, writeWeightFile, type Backbone } from '../../../main/models/weights.ts'
import { frozenCopies } from '../../../main/training/precision.ts'

/** Right-padded token ids of a batch, and which of them are tokens. */
export interface TokenBatch {
  ids: readonly (readonly number[])[]
  mask: readonly (readonly number[])[]
}

type Parameter = Build['parameter']

/** What adds the nodes after the backbone and gives the outputs to be computed. */
export type After = (states: Value[], parameter: Parameter, inputs: EncoderInputs) => Record<string, Value>

/** A checkpoint's backbone (and language-model head, where it has one) as one graph, run over batches. */
export async function runBackbone(
  folder: string,
  after: (backbone: Backbone) => After,
  batches: readonly { batch: TokenBatch; more?: Record<string, HostTensor> }[],
  { int8 = false, ...options }: EncodeOptions & { int8?: boolean } = {},
): Promise<Record<string, Float32Array>[]> {
  const checkpoint = await openCheckpoint(folder)
  const scratch = await mkdtemp(join(tmpdir(), 'backbone-'))
  try {
    const backbone = await loadBackbone(checkpoint)
    const head = languageModelHead(backbone)
    const weights = await writeWeightFile(
      { hash: backbone.hash, tensors: new Map([...backbone.tensors, ...(head?.tensors ?? [])]) },
      scratch,
    )
    const graph = new Graph()
    const inputs = encoderInputs(graph)
    const build = plainBuild(graph, inputs.mask)
    const states = architectureOf(backbone.config).encode(build, backbone.config, inputs, options)
    const outputs = after(backbone)(states, build.parameter, inputs)
    for (const [name, value] of Object.entries(outputs)) graph.output(name, value)
    const engine = createOnnxRuntimeEngine()
    const copies = int8 ? await frozenCopies('int8', backbone, engine, scratch) : {}
    const compiled = await engine.compile(graph, { weights, ...copies })
    const results: Record<string, Float32Array>[] = []
    for (const { batch, more } of batches) {
      const fetched = await compiled.run({ ...feeds(batch), ...more }, Object.keys(outputs))
      results.push(
        Object.fromEntries(
          Object.entries(fetched).map(([name, { data }]) => [name, Float32Array.from(data, Number)]),
        ),
      )
    }
    await compiled.dispose()
    return results
  } finally {
    await checkpoint.close()
    await rm(scratch, { recursive: true, force: true })
  }
}

function feeds({ ids, mask }: TokenBatch): Record<string, HostTensor> {
  const batch = ids.length
  const sequence = ids[0]?.length ?? 0
  const timeMajor = Int32Array.from(
    { length: sequence * batch },
    (_, i) => ids[i % batch]?.[Math.floor(i / batch)] ?? 0,
  )
  return {
    ids: { data: timeMajor, shape: [sequence, batch] },
    typeIds: { data: new Int32Array(sequence * batch), shape: [sequence, batch] },
    positions: { data: Int32Array.from({ length: sequence }, (_, position) => position), shape: [sequence] },
    mask: { data: Float32Array.from(mask.flat()), shape: [batch, sequence] },
  }
}
