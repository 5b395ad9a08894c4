import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import { WorkbenchError } from '../../preload/contract.ts'
import { readSafetensors } from '../models/checkpoint/safetensors.ts'
import type { NamedTensors } from '../training/tuned-model.ts'

const HeadConfig = z.looseObject({
  head_type: z.string().optional(),
  num_labels: z.number().int(),
  layers: z.number().int(),
  activation_function: z.string().nullish(),
  use_pooler: z.boolean().nullish(),
  bias: z.boolean().nullish(),
})

export const CaseConfig = z.looseObject({
  model_class: z.string(),
  model_config: z.looseObject({
    id2label: z.record(z.string(), z.string()).nullish(),
    num_labels: z.number().int().nullish(),
    problem_type: z.string().nullish(),
  }),
  adapters: z.record(z.string(), z.unknown()),
  fusions: z.record(z.string(), z.unknown()),
  heads: z.record(z.string(), HeadConfig).nullable(),
  setup: z.string(),
  active_adapters: z.string().nullish(),
  active_head: z.string().nullish(),
})
export type CaseConfig = z.infer<typeof CaseConfig>

const Rows = z.array(z.array(z.number()))
const Numbers = z.union([z.number(), z.array(z.number()), Rows])

export const CaseInputs = z.object({
  input_ids: Rows,
  attention_mask: Rows,
  token_type_ids: Rows.optional(),
  labels: z.array(z.number().int()),
})

export const CaseExpected = z.looseObject({ trainable: z.array(z.string()) })
export type CaseExpected = z.infer<typeof CaseExpected>

/**
 * What the model computes by expected.json: its rows of numbers, and its losses. The other entries tell of the case
 * or of how sure its numbers are.
 *
 * @returns flat, by their keys
 */
export function extrasOf(expected: CaseExpected): ReadonlyMap<string, readonly number[]> {
  const extras = new Map<string, readonly number[]>()
  for (const [key, value] of Object.entries(expected)) {
    const numbers = Numbers.safeParse(value).data
    const flat = typeof numbers === 'number' ? (key.includes('loss') ? [numbers] : []) : numbers?.flat()
    if (flat && flat.length > 0) extras.set(key, flat)
  }
  return extras
}

/** @param canonical a parameter's name without the model's prefix */
export async function readTensors(path: string, canonical: (name: string) => string): Promise<NamedTensors> {
  const file = await readSafetensors(path)
  try {
    const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>()
    for (const [name, { shape }] of file.tensors) {
      // `grad.bert.encoder…` is `grad.encoder…`: the model's prefix goes, what stands before it stays.
      const kind = /^(?:reg_added\.|reg_trainer\.)?(?:grad|after3\.param)\./.exec(name)?.[0] ?? ''
      tensors.set(kind + canonical(name.slice(kind.length)), { shape, data: await file.read(name) })
    }
    return tensors
  } finally {
    await file.close()
  }
}

export async function readJson(folder: string, file: string): Promise<unknown> {
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
