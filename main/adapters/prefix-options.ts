import { z } from 'zod'

import { activationNames, type Activation } from '../../preload/contract.ts'
import { dropoutRate, flag, layerList } from './options.ts'

/**
 * The options of the adapters library's `PrefixTuningConfig` under its names; those for models with an encoder and a
 * decoder are left out.
 *
 * @param preset the defaults that make it a named variant
 */
export function prefixOptions(preset: Partial<PrefixOptions>) {
  return z
    .object({
      prefix_length: z
        .number()
        .int()
        .min(1)
        .max(1024)
        .default(preset.prefix_length ?? 30)
        .meta({
          title: 'Prefix length',
          description: 'How many learned positions every word can look at, in front of the text.',
        }),
      flat: flag(
        preset.flat ?? false,
        'Learn the prefix directly',
        'Train the keys and values themselves instead of a small network that makes them.',
      ),
      bottleneck_size: z
        .number()
        .int()
        .min(1)
        .max(8192)
        .default(preset.bottleneck_size ?? 512)
        .meta({
          title: 'Width of the network',
          description:
            'Inner width of the network that makes the prefix; not used where it is learned directly.',
        }),
      non_linearity: z
        .enum(activationNames)
        .default(preset.non_linearity ?? 'tanh')
        .meta({
          title: 'Non-linearity',
          description: 'The function between the two layers of that network.',
          advanced: true,
        }),
      dropout: dropoutRate(
        preset.dropout ?? 0,
        'Share of the prefix’s keys and values set to 0 at random while training, against overfitting.',
      ),
      leave_out: layerList(
        preset.leave_out ?? [],
        'Leave out layers',
        'Layers without a prefix, counted from 0, with commas between.',
      ),
      use_gating: flag(
        preset.use_gating ?? false,
        'Gate',
        'Learn, per text, how much of the prefix is let through.',
        true,
      ),
      shared_gating: flag(
        preset.shared_gating ?? true,
        'One gate for keys and values',
        'Use the same gate for both instead of one for each; only with a gate.',
        true,
      ),
    })
    .strict()
}

export interface PrefixOptions {
  prefix_length: number
  flat: boolean
  bottleneck_size: number
  non_linearity: Activation
  dropout: number
  leave_out: number[]
  use_gating: boolean
  shared_gating: boolean
}
