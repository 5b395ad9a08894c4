import { z } from 'zod'

import { WorkbenchError } from '../../preload/contract.ts'
import { makeSplitter, type Section } from './tokenizer/added-tokens.ts'
import { readDefinition, type TokenizerDefinition } from './tokenizer/definition.ts'
import { libraryParts } from './tokenizer/library.ts'
import { makeNormalizer, makePreTokenizer } from './tokenizer/normalizer.ts'
import { applyTemplate, makeTemplate, type EncodedText } from './tokenizer/template.ts'

export type { EncodedText } from './tokenizer/template.ts'

export interface Tokenizer {
  /** `WordPiece`, `byte-level BPE`, …. */
  readonly kind: string
  /** The file that it was read from. */
  readonly file: string
  readonly lowercase: boolean
  readonly padTokenId: number
  /** The highest token id plus one: the embedding rows that a model needs. */
  readonly vocabularySize: number
  /**
   * Token ids with special tokens, not padded. Texts that are too long are cut at their end, of a pair the longer
   * one first; special tokens are kept. `maximumLength` counts tokens, special ones included.
   * @throws WorkbenchError `bad-input` when not even the special tokens fit.
   */
  encode(text: string, secondText: string | undefined, maximumLength: number): EncodedText
  /** How a text splits, without special tokens. */
  tokens(text: string): string[]
}

/**
 * The tokenizer of a model folder.
 * @throws WorkbenchError `bad-input` or `unsupported` naming the file and what is wrong or expected.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const definition = await readDefinition(folder)
  try {
    return makeTokenizer(definition)
  } catch (error) {
    if (error instanceof WorkbenchError && error.code === 'bad-input') throw error
    const reason = error instanceof z.ZodError ? (error.issues[0]?.message ?? '') : String(error)
    throw new WorkbenchError('unsupported', `${definition.file}: this tokenizer cannot be used: ${reason}`, {
      cause: error,
    })
  }
}

function makeTokenizer(definition: TokenizerDefinition): Tokenizer {
  const encodeText = makeTextEncoder(definition)
  const template = makeTemplate(definition.postProcessor)
  const names = tokenNames(definition)
  // Padding is masked out, so any id serves where the tokenizer has none for it.
  const padding = [definition.padToken, '[PAD]', '<pad>', definition.endToken]
  return {
    kind: kindOf(definition),
    file: definition.file,
    lowercase: makeNormalizer(definition.normalizer).normalize('A') === 'a',
    padTokenId: firstOf(padding, (token) => idOf(definition, token)) ?? 0,
    vocabularySize: Math.max(-1, ...definition.addedTokens.map(({ id }) => id), highest(names)) + 1,
    encode: (text, secondText, maximumLength) =>
      applyTemplate(
        template,
        encodeText(text),
        secondText === undefined ? undefined : encodeText(secondText),
        maximumLength,
      ),
    tokens: (text) => encodeText(text).map((id) => names.get(id) ?? `#${id}`),
  }
}

/** Ids of a text without special tokens around it. Added tokens that stand in the text become their ids. */
function makeTextEncoder(definition: TokenizerDefinition): (text: string) => number[] {
  const normalizer = makeNormalizer(definition.normalizer)
  const preTokenizer = makePreTokenizer(definition.preTokenizer)
  const encodeWords = makeModel(definition)
  const isNormalized = (token: { normalized?: boolean | undefined; special: boolean }) =>
    token.normalized ?? !token.special
  const asIs = definition.addedTokens.filter((token) => !isNormalized(token))
  const afterwards = definition.addedTokens.filter(isNormalized)
  const splitRaw = makeSplitter(asIs, (content) => content)
  const splitNormalized = makeSplitter(afterwards, normalizer.normalize)

  const encodeSection = (text: string, section: number): number[] =>
    splitNormalized(normalizer.normalize(text)).flatMap((part) =>
      typeof part === 'number' ? [part] : encodeWords(preTokenizer.split(part, section)),
    )

  const encodeWord = remembering((word) => encodeSection(word, 0))
  const wordByWord =
    normalizer.wordByWord && preTokenizer.wordByWord && !afterwards.some(({ content }) => /\s/.test(content))

  return (text) => {
    const ids: number[] = []
    const add = (part: Section, section: number) => {
      if (typeof part === 'number') ids.push(part)
      else if (!wordByWord) append(ids, encodeSection(part, section))
      else for (const word of part.split(/[ \t\n\r]+/)) if (word !== '') append(ids, encodeWord(word))
    }
    // A lone half of a surrogate pair is no character; UTF-8 text cannot hold one.
    splitRaw(text.toWellFormed()).forEach(add)
    return ids
  }
}

function append(target: number[], source: readonly number[]): void {
  for (const id of source) target.push(id)
}

/** The model proper (WordPiece, BPE, Unigram) from the library. */
function makeModel(definition: TokenizerDefinition): (words: string[]) => number[] {
  const { model } = libraryParts({ model: definition.model })
  if (model === null) throw new Error('it has no model')
  const encode = (words: string[]): number[] =>
    model._call(words).flatMap((token) => {
      const id = model.tokens_to_ids.get(token) ?? model.unk_token_id
      return id === undefined ? [] : [id]
    })
  // Fused unknown tokens reach across words.
  if (model.fuse_unk) return encode
  const encodeWord = remembering((word) => encode([word]))
  return (words) => words.flatMap(encodeWord)
}

/** Words kept with their ids; real text repeats most of its words. */
const wordsKept = 200_000

function remembering(encode: (word: string) => number[]): (word: string) => readonly number[] {
  const known = new Map<string, readonly number[]>()
  return (word) => {
    const cached = known.get(word)
    if (cached !== undefined) return cached
    const ids = encode(word)
    if (known.size >= wordsKept) known.clear()
    known.set(word, ids)
    return ids
  }
}

const Vocabulary = z.record(z.string(), z.number())
const PieceList = z.array(z.tuple([z.string(), z.number()]))

function vocabularyOf({ model }: TokenizerDefinition): [string, number][] {
  const pieces = PieceList.safeParse(model['vocab'])
  if (pieces.success) return pieces.data.map(([piece], id) => [piece, id])
  return Object.entries(Vocabulary.parse(model['vocab']))
}

/** Token strings by id. */
function tokenNames(definition: TokenizerDefinition): Map<number, string> {
  const names = new Map(vocabularyOf(definition).map(([token, id]) => [id, token]))
  for (const { id, content } of definition.addedTokens) names.set(id, content)
  return names
}

/** What `find` gives for the first of the names for which it gives something. */
function firstOf<Found>(
  names: readonly (string | undefined)[],
  find: (name: string) => Found | undefined,
): Found | undefined {
  for (const name of names) {
    const found = name === undefined ? undefined : find(name)
    if (found !== undefined) return found
  }
  return undefined
}

function idOf(definition: TokenizerDefinition, token: string): number | undefined {
  const added = definition.addedTokens.find(({ content }) => content === token)
  return added?.id ?? vocabularyOf(definition).find(([name]) => name === token)?.[1]
}

function highest(names: ReadonlyMap<number, string>): number {
  let result = -1
  for (const id of names.keys()) result = Math.max(result, id)
  return result
}

function kindOf({ model, preTokenizer }: TokenizerDefinition): string {
  return model.type === 'BPE' && JSON.stringify(preTokenizer ?? {}).includes('"ByteLevel"')
    ? 'byte-level BPE'
    : model.type
}
