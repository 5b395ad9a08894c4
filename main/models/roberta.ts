import type { Architecture } from './architecture.ts'
import { bert, encodeBert } from './bert.ts'
import { countedPositions } from './positions.ts'

/** RoBERTa (Liu et al. 2019): BERT's layers and names, with positions that begin after that of padding. */
export const roberta: Architecture = {
  ...bert,
  prefix: 'roberta.',
  encode: (build, config, inputs, options) =>
    encodeBert(build, config, inputs, countedPositions(inputs, config.padTokenId), options),
  maximumLength: ({ maximumPositions, padTokenId }) => maximumPositions - padTokenId - 1,
  languageModel: {
    kind: 'masked',
    wordEmbeddings: 'embeddings.word_embeddings.weight',
    transform: 'lm_head.dense',
    norm: 'lm_head.layer_norm',
    decoder: 'lm_head.decoder.weight',
    biases: ['lm_head.bias', 'lm_head.decoder.bias'],
    activation: () => 'gelu',
  },
}
