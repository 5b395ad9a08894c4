import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { z } from 'zod'

import { HeadChoice, WorkbenchError, type MethodChoice } from '../../preload/contract.ts'
import { classificationHead, poolerHead } from '../adapters/head.ts'
import { findMethod } from '../adapters/registry.ts'
import { methodOfAdapterConfig } from '../formats/adapter-config.ts'
import { readSafetensors } from '../models/checkpoint/safetensors.ts'
import { parseBackboneConfig } from '../models/config.ts'
import { canonicalName } from '../models/weights.ts'
import { tunedModel, type TunedModel } from '../training/tuned-model.ts'

/** What the reference library computed for one configuration, and all that is needed to compute it again. */
export interface GoldenCase {
  name: string
  model: TunedModel
  /** The model with these layers' adapters left out, for the logits that the case has for that. */
  skipping(layers: readonly number[]): TunedModel
  /** The complete state dict, under names without the model's prefix. */
  weights: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>
  /** Batch-major, as stored. */
  inputs: { ids: number[][]; mask: number[][]; typeIds: number[][]; labels: number[] }
  /** Values under the names of `expected.safetensors`, parameters without the model's prefix. */
  expected: ReadonlyMap<string, Float32Array>
  /** Names of the parameters that the library trained. */
  trainable: readonly string[]
  /** Logits with the adapters of some layers left out, where the case has them. */
  skipped: readonly { layers: number[]; logits: Float32Array }[]
}

const HeadConfig = z.looseObject({ num_labels: z.number().int(), layers: z.number().int() })
const CaseConfig = z.looseObject({
  model_class: z.string(),
  model_config: z.looseObject({ id2label: z.record(z.string(), z.string()).optional() }),
  adapters: z.record(z.string(), z.unknown()),
  fusions: z.record(z.string(), z.unknown()),
  heads: z.record(z.string(), HeadConfig).nullable(),
  setup: z.string(),
  active_head: z.string().nullish(),
})
const Rows = z.array(z.array(z.number()))
const CaseInputs = z.object({
  input_ids: Rows,
  attention_mask: Rows,
  token_type_ids: Rows.optional(),
  labels: z.array(z.number().int()),
})
const CaseExpected = z.looseObject({ trainable: z.array(z.string()) })

/**
 * Reads a golden case's folder (config.json, weights.safetensors, inputs.json, expected.safetensors, expected.json).
 *
 * @throws WorkbenchError `bad-input` for a folder that is none, `unsupported` for a method that is not there
 */
export async function readGoldenCase(folder: string): Promise<GoldenCase> {
  const name = basename(folder)
  const config = CaseConfig.parse(await readJson(folder, 'config.json'))
  const inputs = CaseInputs.parse(await readJson(folder, 'inputs.json'))
  const expected = CaseExpected.parse(await readJson(folder, 'expected.json'))
  const backbone = parseBackboneConfig(config.model_config, folder)

  const adapters = Object.entries(config.adapters)
  const [adapter, ...more] = adapters
  if (more.length > 0 || Object.keys(config.fusions).length > 0) {
    throw new WorkbenchError('unsupported', `${name}: compositions of several adapters are not supported`)
  }
  const full = !adapter && config.setup.includes('all')
  const adapterName = adapter?.[0] ?? ''
  const choice: MethodChoice = adapter
    ? methodOfAdapterConfig(adapter[1], name)
    : { name: full ? 'full' : 'head', options: {} }
  const method = (options: Record<string, unknown>) =>
    findMethod(choice.name).prepare(
      { ...choice.options, ...options },
      { config: backbone, adapterName, tasks: ['task'], adapters: [] },
    )

  const headName = config.active_head ?? Object.keys(config.heads ?? {})[0]
  const headConfig = headName === undefined ? undefined : config.heads?.[headName]
  const labels = headConfig?.num_labels ?? Object.keys(config.model_config.id2label ?? {}).length
  const head =
    headName === undefined || headConfig === undefined
      ? poolerHead(backbone, labels, full)
      : classificationHead(HeadChoice.parse({ layers: headConfig.layers }), backbone, labels, headName)
  const withOptions = (options: Record<string, unknown>): TunedModel =>
    tunedModel(backbone, method(options), [{ name: 'task', head, labels }])

  return {
    name,
    model: withOptions({}),
    skipping: (layers) => withOptions({ leave_out: layers }),
    weights: await readTensors(join(folder, 'weights.safetensors')),
    inputs: {
      ids: inputs.input_ids,
      mask: inputs.attention_mask,
      typeIds: inputs.token_type_ids ?? inputs.input_ids.map((row) => row.map(() => 0)),
      labels: inputs.labels,
    },
    expected: new Map(
      Array.from(await readTensors(join(folder, 'expected.safetensors')), ([key, { data }]) => [key, data]),
    ),
    trainable: expected.trainable.map(canonicalName),
    skipped: skippedLogits(expected),
  }
}

/** `logits_skip_layers_0_1`: logits with the adapters of layers 0 and 1 left out. */
function skippedLogits(expected: Record<string, unknown>): GoldenCase['skipped'] {
  return Object.entries(expected).flatMap(([key, value]) => {
    const layers = /^logits_skip_layers((?:_\d+)+)$/.exec(key)?.[1]
    if (layers === undefined) return []
    return [
      { layers: layers.slice(1).split('_').map(Number), logits: Float32Array.from(Rows.parse(value).flat()) },
    ]
  })
}

async function readTensors(
  path: string,
): Promise<Map<string, { shape: readonly number[]; data: Float32Array }>> {
  const file = await readSafetensors(path)
  try {
    const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>()
    for (const [name, { shape }] of file.tensors) {
      tensors.set(withoutPrefix(name), { shape, data: await file.read(name) })
    }
    return tensors
  } finally {
    await file.close()
  }
}

/** `grad.bert.encoder…` is `grad.encoder…`: the model's prefix goes, what stands before it stays. */
function withoutPrefix(name: string): string {
  const kind = /^(?:grad|after3\.param)\./.exec(name)?.[0] ?? ''
  return kind + canonicalName(name.slice(kind.length))
}

async function readJson(folder: string, file: string): Promise<unknown> {
  const path = join(folder, file)
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown
  } catch (cause) {
    throw new WorkbenchError(
      'bad-input',
      `${path} cannot be read: a golden case has config.json, weights.safetensors, inputs.json, expected.json and expected.safetensors`,
      { cause },
    )
  }
}
