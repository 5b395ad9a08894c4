import { join } from 'node:path'

import { z } from 'zod'

import { WorkbenchError } from '../../preload/contract.ts'

/** What a backbone's graph depends on, under this program's names. Sizes count elements. */
export interface BackboneConfig {
  architecture: 'bert'
  layers: number
  hiddenSize: number
  heads: number
  intermediateSize: number
  vocabularySize: number
  maximumPositions: number
  typeVocabularySize: number
  layerNormEpsilon: number
  activation: 'gelu' | 'gelu_new' | 'relu'
  padTokenId: number
  /** Standard deviation from which new weights (heads) are drawn. */
  initializerRange: number
}

const Size = z.number().int().min(1)

/** Defaults are those of Hugging Face's BertConfig; sizes must be given. */
const BertConfig = z.object({
  num_hidden_layers: Size,
  hidden_size: Size,
  num_attention_heads: Size,
  intermediate_size: Size,
  vocab_size: Size,
  max_position_embeddings: Size,
  type_vocab_size: Size.default(2),
  layer_norm_eps: z.number().positive().default(1e-12),
  hidden_act: z.string().default('gelu'),
  pad_token_id: z.number().int().min(0).nullish(),
  initializer_range: z.number().positive().default(0.02),
  position_embedding_type: z.string().nullish(),
  is_decoder: z.boolean().default(false),
})

const activations: Record<string, BackboneConfig['activation']> = {
  gelu: 'gelu',
  gelu_new: 'gelu_new',
  // The same tanh approximation under its newer name.
  gelu_pytorch_tanh: 'gelu_new',
  relu: 'relu',
}

/** One reader per `model_type` of Hugging Face. */
const architectures: Record<string, (json: unknown, path: string) => BackboneConfig> = { bert: parseBert }

/**
 * The configuration of a checkpoint's backbone from its config.json.
 * @throws WorkbenchError `unsupported` naming what is supported, or `bad-input` naming the setting.
 */
export function parseBackboneConfig(json: unknown, folder: string): BackboneConfig {
  const path = join(folder, 'config.json')
  const type = modelType(json)
  const parse = Object.hasOwn(architectures, type) ? architectures[type] : undefined
  if (parse !== undefined) return parse(json, path)
  const supported = Object.keys(architectures).join(', ')
  const what = type === '' ? 'names no model_type' : `says model_type "${type}", which is not supported`
  throw new WorkbenchError('unsupported', `${path} ${what}. Supported: ${supported}.`)
}

const Named = z.object({ model_type: z.string().nullish(), architectures: z.array(z.string()).nullish() })

/** Old BERT checkpoints name only their class. */
function modelType(json: unknown): string {
  const named = Named.safeParse(json).data
  if (typeof named?.model_type === 'string') return named.model_type
  return named?.architectures?.some((name) => name.startsWith('Bert')) === true ? 'bert' : ''
}

function parseBert(json: unknown, path: string): BackboneConfig {
  const parsed = BertConfig.safeParse(json)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path: setting, message }) => `${setting.join('.')}: ${message}`,
    )
    throw new WorkbenchError('bad-input', `${path} is not usable: ${problems.join('; ')}.`)
  }
  const bert = parsed.data
  const activation = Object.hasOwn(activations, bert.hidden_act) ? activations[bert.hidden_act] : undefined
  if (activation === undefined) {
    throw new WorkbenchError(
      'unsupported',
      `${path} says hidden_act "${bert.hidden_act}", which is not supported. ` +
        `Supported: ${Object.keys(activations).join(', ')}.`,
    )
  }
  if ((bert.position_embedding_type ?? 'absolute') !== 'absolute') {
    throw new WorkbenchError(
      'unsupported',
      `${path} says position_embedding_type "${bert.position_embedding_type}"; only "absolute" is supported.`,
    )
  }
  if (bert.is_decoder) {
    throw new WorkbenchError('unsupported', `${path} says is_decoder; only BERT encoders are supported.`)
  }
  if (bert.hidden_size % bert.num_attention_heads !== 0) {
    throw new WorkbenchError(
      'bad-input',
      `${path}: hidden_size ${bert.hidden_size} is no multiple of num_attention_heads ${bert.num_attention_heads}.`,
    )
  }
  return {
    architecture: 'bert',
    layers: bert.num_hidden_layers,
    hiddenSize: bert.hidden_size,
    heads: bert.num_attention_heads,
    intermediateSize: bert.intermediate_size,
    vocabularySize: bert.vocab_size,
    maximumPositions: bert.max_position_embeddings,
    typeVocabularySize: bert.type_vocab_size,
    layerNormEpsilon: bert.layer_norm_eps,
    activation,
    padTokenId: bert.pad_token_id ?? 0,
    initializerRange: bert.initializer_range,
  }
}
