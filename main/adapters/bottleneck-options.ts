import { z } from 'zod'

import { WorkbenchError } from '../../preload/contract.ts'
import { fromWord, numberFromWord, numberList } from './options.ts'

const factor = z.number('a number of at least 1').min(1, 'must be at least 1')

/** A factor for all layers, or one per layer (`{"0": 4, "default": 16}`). */
const ReductionFactor = z.union([factor, z.record(z.string(), factor)])

export type ReductionFactor = z.output<typeof ReductionFactor>

/**
 * The options of a bottleneck adapter under their names in the adapters library's `BnConfig`, so that its
 * configuration files can be read as they are.
 *
 * @param preset the defaults that make it a named variant
 */
export function bottleneckOptions(preset: Partial<BottleneckOptions>) {
  return z
    .object({
      reduction_factor: z
        .preprocess(numberFromWord, ReductionFactor)
        .default(preset.reduction_factor ?? 16)
        .meta({
          title: 'Reduction factor',
          description:
            'How many times narrower than the hidden state the bottleneck is: larger means fewer parameters.',
          kind: 'number',
          minimum: 1,
          maximum: 256,
        }),
      non_linearity: z
        .enum(['relu', 'leakyrelu', 'gelu', 'gelu_new', 'swish', 'silu', 'tanh', 'sigmoid'])
        .default(preset.non_linearity ?? 'relu')
        .meta({ title: 'Non-linearity', description: 'The function between the two projections.' }),
      dropout: z
        .number()
        .min(0)
        .max(0.9)
        .default(preset.dropout ?? 0)
        .meta({
          title: 'Dropout',
          description: 'Share of the adapter output set to 0 at random while training, against overfitting.',
        }),
      mh_adapter: z
        .preprocess(fromWord, z.boolean())
        .default(preset.mh_adapter ?? false)
        .meta({
          title: 'After attention',
          description: 'Put an adapter after the attention part of each block.',
          kind: 'boolean',
          advanced: true,
        }),
      output_adapter: z
        .preprocess(fromWord, z.boolean())
        .default(preset.output_adapter ?? true)
        .meta({
          title: 'After feed-forward',
          description: 'Put an adapter after the feed-forward part of each block.',
          kind: 'boolean',
          advanced: true,
        }),
      is_parallel: z
        .preprocess(fromWord, z.boolean())
        .default(preset.is_parallel ?? false)
        .meta({
          title: 'Parallel',
          description:
            'Let the adapter read the input of the part it belongs to, beside it, instead of its output.',
          kind: 'boolean',
          advanced: true,
        }),
      scaling: z
        .preprocess(numberFromWord, z.union([z.number(), z.literal('learned')]))
        .default(preset.scaling ?? 1)
        .meta({
          title: 'Scaling',
          description: 'Factor on the adapter output: a number, or "learned" to train it.',
          kind: 'text',
          advanced: true,
        }),
      init_weights: z
        .enum(['bert', 'mam_adapter', 'houlsby'])
        .default(preset.init_weights ?? 'bert')
        .meta({
          title: 'Initial weights',
          description:
            'bert: small random; mam_adapter: the adapter starts as zero; houlsby: smaller, truncated random.',
          advanced: true,
        }),
      leave_out: z
        .preprocess(numberList, z.array(z.number('layers are numbers, from 0').int().min(0)))
        .default(preset.leave_out ?? [])
        .meta({
          title: 'Leave out layers',
          description: 'Layers without an adapter, counted from 0, with commas between.',
          kind: 'text',
          advanced: true,
        }),
      ln_before: z
        .preprocess(fromWord, z.boolean())
        .default(preset.ln_before ?? false)
        .meta({
          title: 'Layer norm before',
          description: 'A layer norm of its own before the down-projection.',
          kind: 'boolean',
          advanced: true,
        }),
      ln_after: z
        .preprocess(fromWord, z.boolean())
        .default(preset.ln_after ?? false)
        .meta({
          title: 'Layer norm after',
          description: 'A layer norm of its own after the up-projection.',
          kind: 'boolean',
          advanced: true,
        }),
      original_ln_before: z
        .preprocess(fromWord, z.boolean())
        .default(preset.original_ln_before ?? true)
        .meta({
          title: "Block's norm before",
          description: "Apply the block's own residual and layer norm before the adapter too.",
          kind: 'boolean',
          advanced: true,
        }),
      original_ln_after: z
        .preprocess(fromWord, z.boolean())
        .default(preset.original_ln_after ?? true)
        .meta({
          title: "Block's norm after",
          description: "Apply the block's own residual and layer norm after the adapter.",
          kind: 'boolean',
          advanced: true,
        }),
      residual_before_ln: z
        .preprocess(fromWord, z.union([z.boolean(), z.literal('post_add')]))
        .default(preset.residual_before_ln ?? true)
        .meta({
          title: 'Residual taken',
          description:
            "What the adapter's own residual adds: the value before the block's sum (true), after its norm (false), or between (post_add).",
          choices: ['true', 'false', 'post_add'],
          advanced: true,
        }),
      adapter_residual_before_ln: z
        .preprocess(fromWord, z.boolean())
        .default(preset.adapter_residual_before_ln ?? false)
        .meta({
          title: 'Residual before own norm',
          description: "Add the adapter's residual before its own last layer norm instead of after it.",
          kind: 'boolean',
          advanced: true,
        }),
      use_gating: z
        .preprocess(fromWord, z.boolean())
        .default(preset.use_gating ?? false)
        .meta({
          title: 'Gate',
          description: 'Learn, per text, how much of the adapter output is let through.',
          kind: 'boolean',
          advanced: true,
        }),
    })
    .strict()
}

export interface BottleneckOptions {
  reduction_factor: ReductionFactor
  non_linearity: 'relu' | 'leakyrelu' | 'gelu' | 'gelu_new' | 'swish' | 'silu' | 'tanh' | 'sigmoid'
  dropout: number
  mh_adapter: boolean
  output_adapter: boolean
  is_parallel: boolean
  scaling: number | 'learned'
  init_weights: 'bert' | 'mam_adapter' | 'houlsby'
  leave_out: number[]
  ln_before: boolean
  ln_after: boolean
  original_ln_before: boolean
  original_ln_after: boolean
  residual_before_ln: boolean | 'post_add'
  adapter_residual_before_ln: boolean
  use_gating: boolean
}

/** Width of the bottleneck in one layer: `⌊hidden / factor⌋`, at least 1. */
export function bottleneckSize(factor: ReductionFactor, layer: number, hiddenSize: number): number {
  const chosen = typeof factor === 'number' ? factor : (factor[String(layer)] ?? factor['default'])
  if (chosen === undefined) {
    throw new WorkbenchError(
      'bad-input',
      `option "reduction_factor" has a number for some layers, but none for layer ${layer} and no "default"`,
    )
  }
  return Math.max(1, Math.floor(hiddenSize / chosen))
}
