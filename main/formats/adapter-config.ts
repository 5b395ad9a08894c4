import { z } from 'zod'

import { WorkbenchError, type MethodChoice } from '../../preload/contract.ts'
import { attentionKind, fusionOptions, type FusionKind } from '../adapters/fusion.ts'
import type { BackboneConfig } from '../models/config.ts'

/** The options of the library's `BnConfig` that are ours under the same name. */
const bottleneckKeys = [
  'mh_adapter',
  'output_adapter',
  'reduction_factor',
  'non_linearity',
  'original_ln_before',
  'original_ln_after',
  'ln_before',
  'ln_after',
  'init_weights',
  'is_parallel',
  'scaling',
  'use_gating',
  'residual_before_ln',
  'adapter_residual_before_ln',
  'leave_out',
  'dropout',
] as const

const AdapterConfig = z.looseObject({
  architecture: z.string().nullish(),
  inv_adapter: z.string().nullish(),
  phm_layer: z.boolean().nullish(),
  mh_adapter: z.boolean().optional(),
})

/**
 * The method that an adapter configuration of the adapters library describes (`adapter_config.json`'s `config`).
 *
 * @param where named in errors: a file or a case
 * @throws WorkbenchError `unsupported` naming what it asks for that there is not
 */
export function methodOfAdapterConfig(config: unknown, where: string): MethodChoice {
  const parsed = AdapterConfig.safeParse(config)
  if (!parsed.success) throw new WorkbenchError('bad-input', `${where}: not an adapter configuration`)
  const { architecture, inv_adapter: invertible, phm_layer: hypercomplex } = parsed.data
  if (architecture || parsed.data.mh_adapter === undefined) {
    throw new WorkbenchError(
      'unsupported',
      `${where}: adapters of architecture "${architecture ?? 'unknown'}" are not supported`,
    )
  }
  if (invertible)
    throw new WorkbenchError('unsupported', `${where}: invertible adapters (inv_adapter) are not supported`)
  if (hypercomplex)
    throw new WorkbenchError('unsupported', `${where}: hypercomplex layers (phm_layer) are not supported`)
  const options: Record<string, unknown> = {}
  for (const key of bottleneckKeys) {
    const value = parsed.data[key]
    if (value !== undefined && value !== null) options[key] = value
  }
  return { name: 'seq_bn', options }
}

/**
 * How a fusion of the adapters library weighs its adapters.
 *
 * @param config an `adapter_fusion_config.json`'s `config`
 * @param regularisation weight of the value matrix's regularisation in the loss; 0: none
 */
export function fusionOfConfig(config: unknown, backbone: BackboneConfig, regularisation = 0): FusionKind {
  const parsed = z.looseObject({ value: z.boolean().optional() }).safeParse(config)
  if (!parsed.success) throw new WorkbenchError('bad-input', 'not a fusion configuration')
  const options = Object.fromEntries(
    fusionKeys.flatMap((key) => (parsed.data[key] === undefined ? [] : [[key, parsed.data[key]]])),
  )
  return attentionKind(
    fusionOptions({ value: true }).parse({
      ...options,
      regularization: regularisation > 0,
      regularization_weight: regularisation,
    }),
    backbone,
  )
}

const fusionKeys = [
  'key',
  'query',
  'value',
  'query_before_ln',
  'residual_before',
  'temperature',
  'value_before_softmax',
  'value_initialized',
  'dropout_prob',
]
