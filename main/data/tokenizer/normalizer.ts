/**
 * Normalisation and splitting into words as Hugging Face's `tokenizers` does them. The JavaScript library differs
 * from it in places that real text reaches: Chinese characters beyond U+FFFF are not set apart, a capital sigma at
 * a word's end becomes another letter than elsewhere, accents go after lower-casing instead of before, `\w` covers
 * ASCII only, neighbouring punctuation is not parted, and white space is JavaScript's. What BERT's and GPT-2's
 * tokenizers use is therefore done here, the rest is left to the library. Compared over all code points, what still
 * differs are marks and punctuation that came into Unicode after the tables of `tokenizers` (version 8).
 */
import { z } from 'zod'

import { makeByteLevel } from './byte-level.ts'
import { libraryParts, Stage } from './library.ts'

export interface Normalizer {
  normalize(text: string): string
  /** Words that spaces part can be normalised one by one, with the same result. */
  readonly wordByWord: boolean
}

export interface PreTokenizer {
  /** `section` counts the stretches of text between special tokens. */
  split(text: string, section: number): string[]
  readonly wordByWord: boolean
}

const BertNormalizer = z.looseObject({
  clean_text: z.boolean().default(true),
  handle_chinese_chars: z.boolean().default(true),
  strip_accents: z.boolean().nullish(),
  lowercase: z.boolean().default(true),
})
const Normalizers = z.looseObject({ normalizers: z.array(Stage) })
const ByteLevel = z.looseObject({
  add_prefix_space: z.boolean().default(true),
  use_regex: z.boolean().default(true),
})
const Punctuation = z.looseObject({ behavior: z.string().default('Isolated') })
const PreTokenizers = z.looseObject({ pretokenizers: z.array(Stage) })

export function makeNormalizer(stage: Stage | undefined): Normalizer {
  if (stage === undefined) return { normalize: (text) => text, wordByWord: true }
  switch (stage.type) {
    case 'BertNormalizer':
      return { normalize: bertNormalizer(BertNormalizer.parse(stage)), wordByWord: true }
    case 'Lowercase':
      return { normalize: lowerCase, wordByWord: true }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = stage.type
      return { normalize: (text) => text.normalize(form), wordByWord: true }
    }
    case 'Sequence': {
      const parts = Normalizers.parse(stage).normalizers.map(makeNormalizer)
      return {
        normalize: (text) => parts.reduce((current, part) => part.normalize(current), text),
        wordByWord: parts.every((part) => part.wordByWord),
      }
    }
    default: {
      const { normalizer } = libraryParts({ normalizer: stage })
      if (normalizer === null) return makeNormalizer(undefined)
      return { normalize: (text) => normalizer.normalize(text), wordByWord: stage.type === 'StripAccents' }
    }
  }
}

export function makePreTokenizer(stage: Stage | undefined): PreTokenizer {
  if (stage === undefined) return { split: (text) => [text], wordByWord: false }
  switch (stage.type) {
    case 'BertPreTokenizer':
      return byPattern(/[^\p{White_Space}\p{P}!-/:-@[-`{-~]+|[\p{P}!-/:-@[-`{-~]/gu)
    case 'Whitespace':
      return byPattern(new RegExp(`[${letters}]+|[^\\p{White_Space}${letters}]+`, 'gu'))
    case 'WhitespaceSplit':
      return byPattern(/\P{White_Space}+/gu)
    case 'ByteLevel': {
      const { add_prefix_space: addPrefixSpace, use_regex: useRegex } = ByteLevel.parse(stage)
      return { split: makeByteLevel({ addPrefixSpace, useRegex }), wordByWord: false }
    }
    case 'Punctuation':
      return byPunctuation(Punctuation.parse(stage).behavior)
    case 'Sequence': {
      const parts = PreTokenizers.parse(stage).pretokenizers.map(makePreTokenizer)
      return {
        split: (text, section) =>
          parts.reduce((words, part) => words.flatMap((word) => part.split(word, section)), [text]),
        // Whatever follows a split at spaces sees single words.
        wordByWord: parts[0]?.wordByWord === true,
      }
    }
    default: {
      const library = libraryParts({ pre_tokenizer: stage }).pre_tokenizer
      if (library === null) return makePreTokenizer(undefined)
      return {
        split: (text, section) => library.pre_tokenize(text, { section_index: section }),
        wordByWord: false,
      }
    }
  }
}

/** What Rust's `\w` is, as the inside of a character class. */
export const letters = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}'

function byPattern(pattern: RegExp): PreTokenizer {
  return { split: (text) => text.match(pattern) ?? [], wordByWord: true }
}

function byPunctuation(behavior: string): PreTokenizer {
  const patterns: Record<string, RegExp> = {
    Isolated: /[^\p{P}!-/:-@[-`{-~]+|[\p{P}!-/:-@[-`{-~]/gu,
    Contiguous: /[^\p{P}!-/:-@[-`{-~]+|[\p{P}!-/:-@[-`{-~]+/gu,
    Removed: /[^\p{P}!-/:-@[-`{-~]+/gu,
  }
  const pattern = Object.hasOwn(patterns, behavior) ? patterns[behavior] : undefined
  if (pattern === undefined) throw new Error(`punctuation that is "${behavior}" is not supported`)
  return { ...byPattern(pattern), wordByWord: false }
}

/** Each character by itself: JavaScript alone makes another sigma of one that ends a word. */
function lowerCase(text: string): string {
  return text.replaceAll('Σ', 'σ').toLowerCase()
}

/** NUL, the replacement character, and control, format and private-use characters; tab and line ends are spaces. */
const unwanted = /[\0\uFFFD\p{Cf}\p{Co}]|(?![\t\n\r])\p{Cc}/gu
const spaces = /\p{White_Space}/gu
const chinese =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu
const accents = /\p{Mn}/gu

function bertNormalizer(options: z.infer<typeof BertNormalizer>): (text: string) => string {
  const stripAccents = options.strip_accents ?? options.lowercase
  return (text) => {
    let result = text
    if (options.clean_text) result = result.replace(unwanted, '').replace(spaces, ' ')
    if (options.handle_chinese_chars) result = result.replace(chinese, ' $& ')
    if (stripAccents) result = result.normalize('NFD').replace(accents, '')
    return options.lowercase ? lowerCase(result) : result
  }
}
