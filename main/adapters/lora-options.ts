import { z } from 'zod'

import { dropoutRate, flag, layerList, wordList } from './options.ts'

/**
 * The options of the adapters library's `LoRAConfig` under its names.
 *
 * @param preset the defaults that make it a named variant
 */
export function loraOptions(preset: Partial<LoraOptions>) {
  return z
    .object({
      r: z
        .number()
        .int()
        .min(1)
        .max(1024)
        .default(preset.r ?? 8)
        .meta({
          title: 'Rank',
          description: 'How many directions each change of a weight matrix has: more can learn more.',
        }),
      alpha: z
        .number()
        .positive('must be above 0')
        .default(preset.alpha ?? 8)
        .meta({
          title: 'Alpha',
          description: 'The change counts alpha / rank; a scaling vector counts alpha.',
          kind: 'number',
          minimum: 0.01,
          maximum: 1024,
        }),
      dropout: dropoutRate(
        preset.dropout ?? 0,
        'Share of what the adapter reads that is set to 0 at random while training.',
      ),
      attn_matrices: wordList(['q', 'k', 'v'], preset.attn_matrices ?? ['q', 'v'], {
        title: 'Attention matrices',
        description: 'Which of the attention’s matrices are changed: q (query), k (key), v (value).',
      }),
      selfattn_lora: flag(
        preset.selfattn_lora ?? true,
        'In attention',
        'Change the attention’s matrices that are named above.',
        true,
      ),
      intermediate_lora: flag(
        preset.intermediate_lora ?? false,
        'In the first feed-forward layer',
        'Change the layer that widens the hidden state.',
        true,
      ),
      output_lora: flag(
        preset.output_lora ?? false,
        'In the second feed-forward layer',
        'Change the layer that narrows it again.',
        true,
      ),
      leave_out: layerList(
        preset.leave_out ?? [],
        'Leave out layers',
        'Layers without an adapter, counted from 0, with commas between.',
      ),
      composition_mode: z
        .enum(['add', 'scale'])
        .default(preset.composition_mode ?? 'add')
        .meta({
          title: 'Kind of change',
          description:
            'add: a low-rank matrix is added (LoRA); scale: each output is multiplied (IA3), at rank 1.',
          advanced: true,
        }),
      init_weights: z
        .enum(['lora', 'bert', 'ia3'])
        .default(preset.init_weights ?? 'lora')
        .meta({
          title: 'Initial weights',
          description:
            'lora: begins without effect; bert: small random; ia3: ones, without effect where it scales.',
          advanced: true,
        }),
      use_gating: flag(
        preset.use_gating ?? false,
        'Gate',
        'Learn, per text, how much of the change is let through; alpha then does not count.',
        true,
      ),
    })
    .strict()
}

export interface LoraOptions {
  r: number
  alpha: number
  dropout: number
  attn_matrices: ('q' | 'k' | 'v')[]
  selfattn_lora: boolean
  intermediate_lora: boolean
  output_lora: boolean
  leave_out: number[]
  composition_mode: 'add' | 'scale'
  init_weights: 'lora' | 'bert' | 'ia3'
  use_gating: boolean
}

/** Where each preset differs from LoRA's defaults. */
export const loraPresets: Record<'lora' | 'ia3', Partial<LoraOptions>> = {
  lora: {},
  ia3: {
    r: 1,
    alpha: 1,
    attn_matrices: ['k', 'v'],
    intermediate_lora: true,
    composition_mode: 'scale',
    init_weights: 'ia3',
  },
}

/** `α/r`, or `α` where outputs are scaled. */
export function loraScale({ alpha, r, composition_mode: mode }: LoraOptions): number {
  return mode === 'scale' ? alpha : alpha / r
}
