import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import { WorkbenchError } from '../../../preload/contract.ts'
import { AddedToken } from './added-tokens.ts'
import { Stage } from './library.ts'

/** What the parts of a tokenizer are made from: a tokenizer.json, checked as far as it is used. */
export interface TokenizerDefinition {
  /** The file that it comes from. */
  file: string
  model: Stage
  normalizer: Stage | undefined
  preTokenizer: Stage | undefined
  postProcessor: Stage | undefined
  addedTokens: AddedToken[]
  padToken: string | undefined
  /** The token that ends a text, where the model has one for it. */
  endToken: string | undefined
}

const optionalStage = Stage.nullish().transform((stage) => stage ?? undefined)

const TokenizerJson = z.looseObject({
  model: Stage,
  normalizer: optionalStage,
  pre_tokenizer: optionalStage,
  post_processor: optionalStage,
  added_tokens: z.array(AddedToken).default([]),
})

const TokenName = z.union([
  z.string(),
  z.looseObject({ content: z.string() }).transform(({ content }) => content),
])
const optionalName = TokenName.nullish().transform((name) => name ?? undefined)

/** tokenizer_config.json and special_tokens_map.json, as far as they are used. */
const TokenizerConfig = z.looseObject({
  tokenizer_class: z.string().nullish(),
  do_lower_case: z.boolean().nullish(),
  strip_accents: z.boolean().nullish(),
  tokenize_chinese_chars: z.boolean().nullish(),
  add_prefix_space: z.boolean().nullish(),
  pad_token: optionalName,
  unk_token: optionalName,
  cls_token: optionalName,
  sep_token: optionalName,
  mask_token: optionalName,
  bos_token: optionalName,
  eos_token: optionalName,
  added_tokens_decoder: z.record(z.string(), z.looseObject({ content: z.string() })).nullish(),
})
type TokenizerConfig = z.infer<typeof TokenizerConfig>

/**
 * The tokenizer of a model folder: from tokenizer.json, else vocab.txt (BERT), else vocab.json with merges.txt
 * (GPT-2, RoBERTa). Padding and truncation stored in tokenizer.json are not read.
 * @throws WorkbenchError `bad-input` naming the file, or the files that are expected.
 */
export async function readDefinition(folder: string): Promise<TokenizerDefinition> {
  const map = await readJson(join(folder, 'special_tokens_map.json'))
  const settings = await readJson(join(folder, 'tokenizer_config.json'))
  const config = check(
    TokenizerConfig,
    { ...asObject(map), ...asObject(settings) },
    join(folder, 'tokenizer_config.json'),
  )

  const jsonPath = join(folder, 'tokenizer.json')
  const json = await readJson(jsonPath)
  if (json !== undefined) {
    const parsed = check(TokenizerJson, json, jsonPath)
    return {
      file: jsonPath,
      model: parsed.model,
      normalizer: parsed.normalizer,
      preTokenizer: parsed.pre_tokenizer,
      postProcessor: parsed.post_processor,
      addedTokens: withModelIds(parsed.added_tokens, parsed.model),
      padToken: config.pad_token,
      endToken: config.eos_token,
    }
  }
  const vocabulary = await readText(join(folder, 'vocab.txt'))
  if (vocabulary !== undefined) return wordPieceDefinition(join(folder, 'vocab.txt'), vocabulary, config)

  const bytePairs = await readJson(join(folder, 'vocab.json'))
  const merges = await readText(join(folder, 'merges.txt'))
  if (bytePairs !== undefined && merges !== undefined) {
    return bytePairDefinition(join(folder, 'vocab.json'), bytePairs, merges, config)
  }
  throw new WorkbenchError(
    'bad-input',
    `${folder} holds no tokenizer: tokenizer.json, vocab.txt, or vocab.json with merges.txt is expected there.`,
  )
}

function wordPieceDefinition(file: string, text: string, config: TokenizerConfig): TokenizerDefinition {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''))
  if (lines.at(-1) === '') lines.pop()
  const vocabulary = new Map(lines.map((token, id) => [token, id]))
  const names = {
    unknown: config.unk_token ?? '[UNK]',
    begin: config.cls_token ?? '[CLS]',
    separator: config.sep_token ?? '[SEP]',
    pad: config.pad_token ?? '[PAD]',
    mask: config.mask_token ?? '[MASK]',
  }
  return {
    file,
    model: {
      type: 'WordPiece',
      vocab: Object.fromEntries(vocabulary),
      unk_token: names.unknown,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
    },
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: config.tokenize_chinese_chars ?? true,
      strip_accents: config.strip_accents,
      lowercase: config.do_lower_case ?? true,
    },
    preTokenizer: { type: 'BertPreTokenizer' },
    postProcessor: {
      type: 'BertProcessing',
      cls: [names.begin, requireToken(file, vocabulary, names.begin)],
      sep: [names.separator, requireToken(file, vocabulary, names.separator)],
    },
    addedTokens: [
      ...specialTokens(vocabulary, Object.values(names)),
      ...configuredTokens(config, vocabulary),
    ],
    padToken: names.pad,
    endToken: config.eos_token,
  }
}

/** GPT-2's only special token. */
const endOfText = '<|endoftext|>'

function bytePairDefinition(
  file: string,
  json: unknown,
  mergesText: string,
  config: TokenizerConfig,
): TokenizerDefinition {
  const vocabulary = new Map(Object.entries(check(z.record(z.string(), z.number()), json, file)))
  const merges = mergesText
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line, index) => line !== '' && !(index === 0 && line.startsWith('#version')))
  // RoBERTa differs from GPT-2 by its special tokens only.
  const isRoberta =
    config.tokenizer_class?.startsWith('Roberta') ??
    ['<s>', '</s>', '<pad>'].every((name) => vocabulary.has(name))
  const begin = config.cls_token ?? '<s>'
  const separator = config.sep_token ?? '</s>'
  const pad = config.pad_token ?? (isRoberta ? '<pad>' : undefined)
  const names = isRoberta
    ? [begin, separator, pad, config.unk_token ?? '<unk>']
    : [pad, config.bos_token, config.eos_token, config.unk_token, endOfText]
  const mask = config.mask_token ?? '<mask>'
  return {
    file,
    model: { type: 'BPE', vocab: Object.fromEntries(vocabulary), merges, unk_token: null },
    normalizer: undefined,
    preTokenizer: { type: 'ByteLevel', add_prefix_space: config.add_prefix_space ?? false, use_regex: true },
    postProcessor: isRoberta
      ? {
          type: 'RobertaProcessing',
          cls: [begin, requireToken(file, vocabulary, begin)],
          sep: [separator, requireToken(file, vocabulary, separator)],
        }
      : undefined,
    addedTokens: [
      ...specialTokens(vocabulary, names),
      ...(isRoberta ? specialTokens(vocabulary, [mask]).map((token) => ({ ...token, lstrip: true })) : []),
      ...configuredTokens(config, vocabulary),
    ],
    padToken: pad,
    endToken: config.eos_token ?? (isRoberta ? separator : endOfText),
  }
}

/** A token that the model's own vocabulary has keeps its id there, whatever the list of added tokens says. */
function withModelIds(tokens: readonly AddedToken[], model: Stage): AddedToken[] {
  const vocabulary = new Map(Object.entries(z.record(z.string(), z.number()).catch({}).parse(model['vocab'])))
  return tokens.map((token) => ({ ...token, id: vocabulary.get(token.content) ?? token.id }))
}

function requireToken(file: string, vocabulary: ReadonlyMap<string, number>, name: string): number {
  const id = vocabulary.get(name)
  if (id === undefined) throw new WorkbenchError('bad-input', `${file} lacks the special token "${name}".`)
  return id
}

function specialTokens(
  vocabulary: ReadonlyMap<string, number>,
  names: readonly (string | undefined)[],
): AddedToken[] {
  return [...new Set(names)].flatMap((content) => {
    const id = content === undefined ? undefined : vocabulary.get(content)
    if (content === undefined || id === undefined) return []
    return [
      { id, content, single_word: false, lstrip: false, rstrip: false, special: true, normalized: false },
    ]
  })
}

/** Tokens that tokenizer_config.json adds to those of the vocabulary. */
function configuredTokens(config: TokenizerConfig, vocabulary: ReadonlyMap<string, number>): AddedToken[] {
  return Object.entries(config.added_tokens_decoder ?? {}).flatMap(([id, token]) => {
    const parsed = AddedToken.safeParse({ ...token, id: Number(id) })
    return parsed.success && !vocabulary.has(parsed.data.content) ? [parsed.data] : []
  })
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

function check<Schema extends z.ZodType>(schema: Schema, value: unknown, path: string): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new WorkbenchError(
    'bad-input',
    `${path} is not usable: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`,
  )
}

/** The file's text; undefined where there is none. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    const reason = error instanceof Error ? error.message : String(error)
    throw new WorkbenchError('storage', `${path} could not be read: ${reason}`, { cause: error })
  }
}

async function readJson(path: string): Promise<unknown> {
  const text = await readText(path)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new WorkbenchError('bad-input', `${path} is not JSON. Download or copy it again.`, { cause: error })
  }
}
