import { Tokenizer } from '@huggingface/tokenizers'
import { z } from 'zod'

/** A stage of a tokenizer.json: `{ type, … }`. */
export const Stage = z.looseObject({ type: z.string() })
export type Stage = z.infer<typeof Stage>

/** Parts made by the library, which builds them only within a whole tokenizer. Throws for a type unknown to it. */
export function libraryParts(stages: {
  model?: Stage
  normalizer?: Stage
  pre_tokenizer?: Stage
}): Tokenizer {
  const whole = {
    model: { type: 'WordPiece', vocab: {}, unk_token: '' },
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    added_tokens: [],
  }
  return new Tokenizer({ ...whole, ...stages }, {})
}
