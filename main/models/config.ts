import { join } from 'node:path'

import { z } from 'zod'

import { WorkbenchError } from '../../preload/contract.ts'

/** What a backbone's graph depends on, under this program's names. Sizes count elements. */
export interface BackboneConfig {
  architecture: 'bert' | 'roberta' | 'distilbert' | 'gpt2'
  layers: number
  hiddenSize: number
  heads: number
  intermediateSize: number
  vocabularySize: number
  /** Rows of the table of positions, of which an architecture may leave some unused (`Architecture.maximumLength`). */
  maximumPositions: number
  /** 0 where there are no token types. */
  typeVocabularySize: number
  layerNormEpsilon: number
  activation: 'gelu' | 'gelu_new' | 'relu' | 'silu'
  padTokenId: number
  /** Standard deviation from which new weights (heads) are drawn. */
  initializerRange: number
  /** What attention scores are divided by; left out: the square root of a head's size. */
  attentionScaling?: { byHeadSize: boolean; byLayer: boolean }
  /** The table of positions is computed, not learned: no method trains it. */
  fixedPositions?: boolean
  /** The language-model head's decoder has weights of its own instead of the word embeddings'. */
  untiedDecoder?: boolean
}

const Size = z.number().int().min(1)
const Token = z.number().int().min(0).nullish()

const activations: Record<string, BackboneConfig['activation']> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu_new',
  // The same tanh approximation under its other names.
  gelu_pytorch_tanh: 'gelu_new',
  gelu_fast: 'gelu_new',
  relu: 'relu',
  silu: 'silu',
  swish: 'silu',
}

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
  pad_token_id: Token,
  initializer_range: z.number().positive().default(0.02),
  tie_word_embeddings: z.boolean().default(true),
  position_embedding_type: z.string().nullish(),
  is_decoder: z.boolean().default(false),
})

const DistilBertConfig = z.object({
  n_layers: Size,
  dim: Size,
  n_heads: Size,
  hidden_dim: Size,
  vocab_size: Size,
  max_position_embeddings: Size,
  activation: z.string().default('gelu'),
  pad_token_id: Token,
  initializer_range: z.number().positive().default(0.02),
  tie_word_embeddings: z.boolean().default(true),
  sinusoidal_pos_embds: z.boolean().default(false),
})

const Gpt2Config = z.object({
  n_layer: Size,
  n_embd: Size,
  n_head: Size,
  n_inner: Size.nullish(),
  vocab_size: Size,
  n_positions: Size,
  layer_norm_epsilon: z.number().positive().default(1e-5),
  activation_function: z.string().default('gelu_new'),
  pad_token_id: Token,
  eos_token_id: Token,
  initializer_range: z.number().positive().default(0.02),
  tie_word_embeddings: z.boolean().default(true),
  scale_attn_weights: z.boolean().default(true),
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  add_cross_attention: z.boolean().default(false),
})

/** One reader per `model_type` of Hugging Face. */
const architectures: Record<BackboneConfig['architecture'], (json: unknown, path: string) => BackboneConfig> =
  { bert: parseBert, roberta: parseRoberta, distilbert: parseDistilBert, gpt2: parseGpt2 }

/**
 * The configuration of a checkpoint's backbone from its config.json.
 * @throws WorkbenchError `unsupported` naming what is supported, or `bad-input` naming the setting.
 */
export function parseBackboneConfig(json: unknown, folder: string): BackboneConfig {
  const path = join(folder, 'config.json')
  const type = modelType(json)
  for (const [architecture, parse] of Object.entries(architectures)) {
    if (architecture === type) return parse(json, path)
  }
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
  return bertLike('bert', check(BertConfig, json, path), path)
}

function parseRoberta(json: unknown, path: string): BackboneConfig {
  const { pad_token_id: given, ...roberta } = check(BertConfig, json, path)
  const padding = given ?? 1
  if (roberta.max_position_embeddings < padding + 2) {
    throw new WorkbenchError(
      'bad-input',
      `${path}: max_position_embeddings ${roberta.max_position_embeddings} leaves no position for a token: ` +
        `RoBERTa's positions begin at pad_token_id + 1, here ${padding + 1}.`,
    )
  }
  return bertLike('roberta', { ...roberta, pad_token_id: padding }, path)
}

function bertLike(
  architecture: 'bert' | 'roberta',
  config: z.infer<typeof BertConfig>,
  path: string,
): BackboneConfig {
  if ((config.position_embedding_type ?? 'absolute') !== 'absolute') {
    throw new WorkbenchError(
      'unsupported',
      `${path} says position_embedding_type "${config.position_embedding_type}"; only "absolute" is supported.`,
    )
  }
  if (config.is_decoder) {
    throw new WorkbenchError(
      'unsupported',
      `${path} says is_decoder; of ${architecture} only encoders are supported.`,
    )
  }
  requireWholeHeads(
    path,
    ['hidden_size', config.hidden_size],
    ['num_attention_heads', config.num_attention_heads],
  )
  return {
    architecture,
    layers: config.num_hidden_layers,
    hiddenSize: config.hidden_size,
    heads: config.num_attention_heads,
    intermediateSize: config.intermediate_size,
    vocabularySize: config.vocab_size,
    maximumPositions: config.max_position_embeddings,
    typeVocabularySize: config.type_vocab_size,
    layerNormEpsilon: config.layer_norm_eps,
    activation: activationOf('hidden_act', config.hidden_act, path),
    padTokenId: config.pad_token_id ?? 0,
    initializerRange: config.initializer_range,
    ...(config.tie_word_embeddings ? {} : { untiedDecoder: true }),
  }
}

function parseDistilBert(json: unknown, path: string): BackboneConfig {
  const config = check(DistilBertConfig, json, path)
  requireWholeHeads(path, ['dim', config.dim], ['n_heads', config.n_heads])
  return {
    architecture: 'distilbert',
    layers: config.n_layers,
    hiddenSize: config.dim,
    heads: config.n_heads,
    intermediateSize: config.hidden_dim,
    vocabularySize: config.vocab_size,
    maximumPositions: config.max_position_embeddings,
    typeVocabularySize: 0,
    // No setting: Hugging Face's DistilBERT has it in its code.
    layerNormEpsilon: 1e-12,
    activation: activationOf('activation', config.activation, path),
    padTokenId: config.pad_token_id ?? 0,
    initializerRange: config.initializer_range,
    ...(config.tie_word_embeddings ? {} : { untiedDecoder: true }),
    ...(config.sinusoidal_pos_embds ? { fixedPositions: true } : {}),
  }
}

function parseGpt2(json: unknown, path: string): BackboneConfig {
  const config = check(Gpt2Config, json, path)
  requireWholeHeads(path, ['n_embd', config.n_embd], ['n_head', config.n_head])
  if (config.add_cross_attention) {
    throw new WorkbenchError('unsupported', `${path} says add_cross_attention, which is not supported.`)
  }
  return {
    architecture: 'gpt2',
    layers: config.n_layer,
    hiddenSize: config.n_embd,
    heads: config.n_head,
    intermediateSize: config.n_inner ?? 4 * config.n_embd,
    vocabularySize: config.vocab_size,
    maximumPositions: config.n_positions,
    typeVocabularySize: 0,
    layerNormEpsilon: config.layer_norm_epsilon,
    activation: activationOf('activation_function', config.activation_function, path),
    // GPT-2 was trained without padding; whatever stands there is masked.
    padTokenId: config.pad_token_id ?? config.eos_token_id ?? 0,
    initializerRange: config.initializer_range,
    ...(config.tie_word_embeddings ? {} : { untiedDecoder: true }),
    attentionScaling: {
      byHeadSize: config.scale_attn_weights,
      byLayer: config.scale_attn_by_inverse_layer_idx,
    },
  }
}

function check<Schema extends z.ZodType>(schema: Schema, json: unknown, path: string): z.output<Schema> {
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path: setting, message }) => `${setting.join('.')}: ${message}`)
  throw new WorkbenchError('bad-input', `${path} is not usable: ${problems.join('; ')}.`)
}

function activationOf(setting: string, name: string, path: string): BackboneConfig['activation'] {
  const activation = Object.hasOwn(activations, name) ? activations[name] : undefined
  if (activation !== undefined) return activation
  throw new WorkbenchError(
    'unsupported',
    `${path} says ${setting} "${name}", which is not supported. Supported: ${Object.keys(activations).join(', ')}.`,
  )
}

function requireWholeHeads(
  path: string,
  [sizeName, size]: [name: string, value: number],
  [headsName, heads]: [name: string, value: number],
): void {
  if (size % heads === 0) return
  throw new WorkbenchError(
    'bad-input',
    `${path}: ${sizeName} ${size} is no multiple of ${headsName} ${heads}.`,
  )
}
