import { z } from 'zod'

import { activationNames } from '../../preload/contract.ts'
import type { BackboneConfig } from '../models/config.ts'
import { bottleneckOptions, reductionFactorFor, type BottleneckOptions } from './bottleneck-options.ts'
import { parallelDefaults, prepareBottleneck } from './bottleneck.ts'
import { defineMethod, type Method, type Preset } from './method.ts'
import { dropoutRate, flag, layerList, numberFromWord } from './options.ts'
import { prefixOptions, type PrefixOptions } from './prefix-options.ts'
import { preparePrefix } from './prefix.ts'
import { unite } from './union.ts'

/**
 * What sets the presets apart. The prefix's network is narrower than the paper's 800, which was for larger backbones:
 * on one of hidden size 192, that width did not learn at the rate that serves the adapter.
 */
const mixAndMatchSizes = {
  mam: { prefix_length: 16, prefix_bottleneck: 256, adapter_width: 16, scale: 2 },
  mam_generation: { prefix_length: 30, prefix_bottleneck: 512, adapter_width: 512, scale: 4 },
} as const

/** The options of Mix-And-Match: a prefix in every attention, an adapter beside every feed-forward part. */
function mixAndMatchOptions(preset: keyof typeof mixAndMatchSizes) {
  const sizes = mixAndMatchSizes[preset]
  return z
    .object({
      prefix_length: z.number().int().min(1).max(1024).default(sizes.prefix_length).meta({
        title: 'Prefix length',
        description: 'How many learned positions every word can look at, in front of the text.',
      }),
      adapter_width: z.number().int().min(1).max(8192).default(sizes.adapter_width).meta({
        title: 'Adapter width',
        description: 'Units of the bottleneck beside each feed-forward part.',
      }),
      scale: z
        .preprocess(
          numberFromWord,
          z.union([z.number(), z.literal('learned')], 'must be a number or "learned"'),
        )
        .default(sizes.scale)
        .meta({
          title: 'Scale',
          description: 'Factor on the adapter output: a number, or "learned" to train it.',
          kind: 'text',
        }),
      flat: flag(
        false,
        'Learn the prefix directly',
        'Train the prefix’s keys and values themselves instead of a small network that makes them.',
      ),
      prefix_bottleneck: z.number().int().min(1).max(8192).default(sizes.prefix_bottleneck).meta({
        title: 'Width of the prefix network',
        description:
          'Inner width of the network that makes the prefix while training; not used where it is learned directly.',
        advanced: true,
      }),
      non_linearity: z.enum(activationNames).default('relu').meta({
        title: 'Non-linearity',
        description: 'The function between the adapter’s two projections.',
        advanced: true,
      }),
      dropout: dropoutRate(
        0,
        'Share of the prefix and of the adapter output set to 0 at random while training, against overfitting.',
      ),
      leave_out: layerList(
        [],
        'Leave out layers',
        'Layers without a prefix and without an adapter, counted from 0, with commas between.',
      ),
    })
    .strict()
}

/** Mix-And-Match (He et al. 2022) in the sizes that the paper uses for classification. */
export const mixAndMatch = mixAndMatchMethod({
  name: 'mam',
  label: 'Mix-And-Match',
  summary:
    'A short prefix in every attention and a scaled adapter beside every feed-forward part, trained together; in sizes for classification.',
  learningRate: 2e-3,
})

/** The same in the sizes that the paper uses for generation. */
export const mixAndMatchGeneration = mixAndMatchMethod({
  name: 'mam_generation',
  label: 'Mix-And-Match (large)',
  summary:
    'As Mix-And-Match in the sizes that the paper uses for generating text: a longer prefix and a much wider adapter.',
  learningRate: 5e-4,
})

function mixAndMatchMethod(
  preset: Omit<Preset, 'source'> & { name: keyof typeof mixAndMatchSizes; learningRate: number },
): Method {
  return defineMethod({
    ...preset,
    family: 'mam',
    source:
      'He et al. 2022, "Towards a Unified View of Parameter-Efficient Transfer Learning"; mam in the adapters library',
    options: mixAndMatchOptions(preset.name),
    prepare(options, { config, adapterName }) {
      const { prefix, adapter } = mixAndMatchParts(options, config)
      return unite(
        [
          { label: 'prefix', method: preparePrefix(prefix, config, adapterName) },
          { label: 'adapter', method: prepareBottleneck(adapter, config, adapterName) },
        ],
        config,
        adapterName,
      )
    },
    eject(options, config, given) {
      const { prefix } = mixAndMatchParts(options, config)
      if (prefix.flat) return undefined
      return { prefix, method: { name: preset.name, options: { ...given, flat: true } } }
    },
  })
}

/** The two configurations of the adapters library that Mix-And-Match is the union of. */
function mixAndMatchParts(
  options: z.output<ReturnType<typeof mixAndMatchOptions>>,
  { hiddenSize }: Pick<BackboneConfig, 'hiddenSize'>,
): { prefix: PrefixOptions; adapter: BottleneckOptions } {
  const { dropout, leave_out, flat } = options
  return {
    prefix: prefixOptions({}).parse({
      prefix_length: options.prefix_length,
      bottleneck_size: options.prefix_bottleneck,
      flat,
      dropout,
      leave_out,
    }),
    adapter: bottleneckOptions(parallelDefaults).parse({
      reduction_factor: reductionFactorFor(options.adapter_width, hiddenSize),
      non_linearity: options.non_linearity,
      scaling: options.scale,
      dropout,
      leave_out,
    }),
  }
}
