import { z } from 'zod'

import { activationNames, WorkbenchError, type Activation } from '../../preload/contract.ts'
import { dropoutRate, flag, fromWord, layerList, numberFromWord } from './options.ts'

/** Below 1 it makes the bottleneck wider than the hidden state, as the library allows. */
const factor = z.number('a number above 0').positive('must be above 0')

/** A factor for all layers, or one per layer (`{"0": 4, "default": 16}`). */
const ReductionFactor = z.union(
  [factor, z.record(z.string().regex(/^(?:\d+|default)$/), factor)],
  'must be a number above 0, or one for each layer, such as {"0": 4, "default": 16}',
)

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
            'How many times narrower than the hidden state the bottleneck is: larger means fewer parameters. One for each layer as in {"0": 4, "default": 16}.',
          kind: 'number',
          minimum: 0.1,
          maximum: 256,
          perLayer: true,
        }),
      non_linearity: z
        .enum(activationNames)
        .default(preset.non_linearity ?? 'relu')
        .meta({ title: 'Non-linearity', description: 'The function between the two projections.' }),
      dropout: dropoutRate(
        preset.dropout ?? 0,
        'Share of the adapter output set to 0 at random while training, against overfitting.',
      ),
      mh_adapter: flag(
        preset.mh_adapter ?? false,
        'After attention',
        'Put an adapter after the attention part of each block.',
        true,
      ),
      output_adapter: flag(
        preset.output_adapter ?? true,
        'After feed-forward',
        'Put an adapter after the feed-forward part of each block.',
        true,
      ),
      is_parallel: flag(
        preset.is_parallel ?? false,
        'Parallel',
        'Let the adapter read the input of the part it belongs to, beside it, instead of its output.',
        true,
      ),
      scaling: z
        .preprocess(
          numberFromWord,
          z.union([z.number(), z.enum(['learned', 'channel'])], 'must be a number, "learned" or "channel"'),
        )
        .default(preset.scaling ?? 1)
        .meta({
          title: 'Scaling',
          description:
            'Factor on the adapter output: a number, "learned" to train it, or "channel" to train one for every unit.',
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
      leave_out: layerList(
        preset.leave_out ?? [],
        'Leave out layers',
        'Layers without an adapter, counted from 0, with commas between.',
      ),
      ln_before: flag(
        preset.ln_before ?? false,
        'Layer norm before',
        'A layer norm of its own before the down-projection.',
        true,
      ),
      ln_after: flag(
        preset.ln_after ?? false,
        'Layer norm after',
        'A layer norm of its own after the up-projection.',
        true,
      ),
      original_ln_before: flag(
        preset.original_ln_before ?? true,
        "Block's norm before",
        "Apply the block's own residual and layer norm before the adapter too.",
        true,
      ),
      original_ln_after: flag(
        preset.original_ln_after ?? true,
        "Block's norm after",
        "Apply the block's own residual and layer norm after the adapter.",
        true,
      ),
      residual_before_ln: z
        .preprocess(
          fromWord,
          z.union([z.boolean(), z.literal('post_add')], 'must be true, false or post_add'),
        )
        .default(preset.residual_before_ln ?? true)
        .meta({
          title: 'Residual taken',
          description:
            "What the adapter's own residual adds: the value before the block's sum (true), after its norm (false), or between (post_add).",
          choices: ['true', 'false', 'post_add'],
          advanced: true,
        }),
      adapter_residual_before_ln: flag(
        preset.adapter_residual_before_ln ?? false,
        'Residual before own norm',
        "Add the adapter's residual before its own last layer norm instead of after it.",
        true,
      ),
      use_gating: flag(
        preset.use_gating ?? false,
        'Gate',
        'Learn, per text, how much of the adapter output is let through.',
        true,
      ),
      inv_adapter: z
        .preprocess((value) => value ?? 'none', z.enum(['none', 'nice'], { error: refuseInvertible }))
        .default(preset.inv_adapter ?? 'none')
        .meta({
          title: 'Invertible adapter',
          description:
            'Also change the embeddings before the first block, in a way that can be undone (NICE).',
          choices: ['none', 'nice'],
          advanced: true,
        }),
      inv_adapter_reduction_factor: z
        .preprocess((value) => value ?? 2, z.number().positive('must be above 0'))
        .default(preset.inv_adapter_reduction_factor ?? 2)
        .meta({
          title: 'Reduction of the invertible adapter',
          description:
            'How many times narrower its inner layer is than the half of the embedding that it reads.',
          kind: 'number',
          minimum: 0.1,
          maximum: 256,
          advanced: true,
        }),
    })
    .strict()
}

function refuseInvertible({ input }: { input?: unknown }): string {
  return input === 'glow'
    ? 'GLOW couplings are not supported (in the adapters library they fail at the first forward pass); use "nice"'
    : 'must be "none" or "nice"'
}

export interface BottleneckOptions {
  reduction_factor: ReductionFactor
  non_linearity: Activation
  dropout: number
  mh_adapter: boolean
  output_adapter: boolean
  is_parallel: boolean
  scaling: number | 'learned' | 'channel'
  init_weights: 'bert' | 'mam_adapter' | 'houlsby'
  leave_out: number[]
  ln_before: boolean
  ln_after: boolean
  original_ln_before: boolean
  original_ln_after: boolean
  residual_before_ln: boolean | 'post_add'
  adapter_residual_before_ln: boolean
  use_gating: boolean
  inv_adapter: 'none' | 'nice'
  inv_adapter_reduction_factor: number
}

/** Those of adapters that sit in the blocks alone. */
export type BlockBottleneckOptions = Omit<BottleneckOptions, 'inv_adapter' | 'inv_adapter_reduction_factor'>

/**
 * The options of a method that has several adapters or leaves some out: an invertible one changes the embeddings,
 * which are the same for all of them, whatever is left out.
 */
export const blockBottleneckOptions = bottleneckOptions({}).omit({
  inv_adapter: true,
  inv_adapter_reduction_factor: true,
})

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

/** The factor that gives a bottleneck of this width. */
export function reductionFactorFor(width: number, hiddenSize: number): number {
  // Half a unit more where it does not divide evenly, lest rounding make it one narrower.
  return hiddenSize % width === 0 ? hiddenSize / width : hiddenSize / (width + 0.5)
}
