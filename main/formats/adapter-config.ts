import { z } from 'zod'

import { WorkbenchError, type MethodChoice } from '../../preload/contract.ts'
import { bottlenecks } from '../adapters/bottleneck.ts'
import { attentionKind, fusionOptions, type FusionKind } from '../adapters/fusion.ts'
import { loras } from '../adapters/lora.ts'
import type { Method } from '../adapters/method.ts'
import { prefixes } from '../adapters/prefix.ts'
import type { BackboneConfig } from '../models/config.ts'

/** Settings that may refuse a configuration; everything else is an option of the method under the same name. */
const AdapterConfig = z.looseObject({
  architecture: z.string().nullish(),
  configs: z.array(z.unknown()).optional(),
  mh_adapter: z.boolean().optional(),
  phm_layer: z.boolean().nullish(),
  inv_adapter: z.string().nullish(),
  /** How the library's first versions wrote `inv_adapter` and its reduction factor. */
  invertible_adapter: z.looseObject({ block_type: z.string(), reduction_factor: z.number() }).nullish(),
  stochastic_depth: z.number().nullish(),
  vera_d: z.number().nullish(),
})
type AdapterConfig = z.output<typeof AdapterConfig>

/** The library's `BnConfig` where a file leaves a setting out; our presets have other defaults. */
const bottleneckDefaults = {
  original_ln_before: false,
  original_ln_after: true,
  ln_before: false,
  ln_after: false,
  init_weights: 'bert',
  is_parallel: false,
  scaling: 1,
  use_gating: false,
  residual_before_ln: true,
  adapter_residual_before_ln: false,
  inv_adapter: 'none',
  inv_adapter_reduction_factor: 2,
  leave_out: [],
  dropout: 0,
}

/** Identifiers that may stand for a configuration, old names among them. */
const identifiers: Readonly<Record<string, string>> = {
  pfeiffer: 'seq_bn',
  houlsby: 'double_seq_bn',
  parallel: 'par_bn',
  scaled_parallel: 'scaled_par_bn',
  'pfeiffer+inv': 'seq_bn_inv',
  'houlsby+inv': 'double_seq_bn_inv',
  ...Object.fromEntries([...bottlenecks, ...loras, ...prefixes].map(({ name }) => [name, name])),
  unipelt: 'unipelt',
}

/** What refuses an adapter whatever else its configuration says. */
const unsupportedArchitectures: Readonly<Record<string, string>> = {
  prompt_tuning: 'prompt tuning is not supported',
  reft: 'representation fine-tuning (ReFT) is not supported',
}

export interface ReadingOptions {
  /**
   * Reads LoRA's alpha as equal to its rank. For adapters saved by versions before 1.1.0 (`savedBeforeAlpha`), which
   * left alpha out of what they computed while training.
   */
  ignoreAlpha?: boolean
}

/**
 * The method that an adapter configuration of the adapters library describes (`adapter_config.json`'s `config`): the
 * nearest preset, with the options that differ from it.
 *
 * @param where named in errors: a file or a case
 * @throws WorkbenchError `unsupported` naming what it asks for that there is not
 */
export function methodOfAdapterConfig(
  config: unknown,
  where: string,
  reading: ReadingOptions = {},
): MethodChoice {
  if (typeof config === 'string') {
    const name = identifiers[config]
    if (name === undefined) unsupported(where, `the configuration "${config}" is not supported`)
    return { name, options: {} }
  }
  const parsed = AdapterConfig.safeParse(config)
  if (!parsed.success) throw new WorkbenchError('bad-input', `${where}: not an adapter configuration`)
  const { architecture, configs, mh_adapter: bottleneck } = parsed.data
  switch (architecture ?? 'bottleneck') {
    case 'bottleneck':
      if (bottleneck === undefined) unsupported(where, 'it is of no architecture that is known here')
      return bottleneckChoice(parsed.data, where)
    case 'lora':
      return loraChoice(parsed.data, where, reading)
    case 'prefix_tuning':
      return nearest(prefixes, parsed.data)
    case 'union':
      return {
        name: 'union',
        options: {
          parts: (configs ?? []).map((part, i) =>
            methodOfAdapterConfig(part, `${where}, part ${i + 1}`, reading),
          ),
        },
      }
    default:
      return unsupported(
        where,
        unsupportedArchitectures[architecture ?? ''] ??
          `adapters of architecture "${architecture}" are not supported`,
      )
  }
}

/**
 * Whether an adapter was saved by a version of the adapters library that left LoRA's alpha out while training: 0.1.0 to
 * 1.0.1. The library's predecessor, adapter-transformers, which did not, had LoRA from its version 3.
 *
 * @param version `adapter_config.json`'s `version`: `adapters.1.0.0`, or the number alone
 */
export function savedBeforeAlpha(version: string | undefined): boolean {
  const [, major, minor] = /^(?:adapters\.)?(\d+)\.(\d+)/.exec(version ?? '') ?? []
  return major === '0' || (major === '1' && minor === '0')
}

function bottleneckChoice(config: AdapterConfig, where: string): MethodChoice {
  const { invertible_adapter: old, phm_layer: hypercomplex, stochastic_depth: depth } = config
  if (hypercomplex) unsupported(where, 'hypercomplex layers (phm_layer, Compacter) are not supported')
  if ((depth ?? 0) > 0)
    unsupported(where, 'dropping whole adapters at random (stochastic_depth) is not supported')
  const invertible = config.inv_adapter ?? old?.block_type ?? 'none'
  if (invertible !== 'none' && invertible !== 'nice') {
    unsupported(
      where,
      `invertible adapters of kind "${invertible}" (inv_adapter) are not supported; only "nice" is`,
    )
  }
  return nearest(bottlenecks, {
    ...bottleneckDefaults,
    ...(old ? { inv_adapter_reduction_factor: old.reduction_factor } : {}),
    ...given(config),
    inv_adapter: invertible,
  })
}

function loraChoice(
  config: AdapterConfig,
  where: string,
  { ignoreAlpha = false }: ReadingOptions,
): MethodChoice {
  if (given(config)['vera_d'] !== undefined) unsupported(where, 'VeRA (vera_d) is not supported')
  const { r } = config
  return nearest(loras, ignoreAlpha ? { ...config, alpha: r } : config)
}

/** What is set: the library writes null for what is not. */
function given(config: AdapterConfig): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).filter(([, value]) => value !== null && value !== undefined),
  )
}

/** The preset with the fewest options that differ. Settings that are no option of it are left out. */
function nearest(presets: readonly Method[], config: Record<string, unknown>): MethodChoice {
  const choices = presets.map((preset): MethodChoice => {
    const options: Record<string, unknown> = {}
    for (const { name, default: preselected } of preset.fields()) {
      const value = config[name]
      if (value === undefined || value === null) continue
      if (JSON.stringify(value) !== JSON.stringify(preselected)) options[name] = value
    }
    return { name: preset.name, options }
  })
  const size = ({ options }: MethodChoice): number => Object.keys(options).length
  return choices.reduce((best, choice) => (size(choice) < size(best) ? choice : best))
}

function unsupported(where: string, why: string): never {
  throw new WorkbenchError('unsupported', `${where}: ${why}`)
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
