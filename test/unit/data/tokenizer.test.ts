import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { loadTokenizer, type Tokenizer } from '../../../main/data/tokenizer.ts'
import { describeWithShared, sharedPath } from '../../shared.ts'

const starter = fileURLToPath(new URL('../../../assets/starter/', import.meta.url))
const tokens = fileURLToPath(new URL('../../fixtures/tokens/', import.meta.url))
const fixtures = join(tokens, 'starter.jsonl')

interface Reference {
  text: string
  secondText?: string
  maximumLength: number
  ids: number[]
  typeIds: number[]
}

function readLines<Row>(path: string): Row[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line): Row => JSON.parse(line))
}

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tokenizer-'))
})

const write = (name: string, content: string | object) =>
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))

/** A folder with only the vocabulary and settings of another. */
function vocabularyOnly(source: string): string {
  const target = mkdtempSync(join(tmpdir(), 'vocabulary-'))
  for (const file of ['vocab.txt', 'tokenizer_config.json'])
    copyFileSync(join(source, file), join(target, file))
  return target
}

/** A whole-word tokenizer.json: every word a token, with what `changes` replaces. */
function wordTokenizer(words: string[], changes: object = {}): object {
  const vocab = Object.fromEntries(
    ['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...words].map((word, id) => [word, id]),
  )
  return {
    model: { type: 'WordPiece', vocab, unk_token: '[UNK]', continuing_subword_prefix: '##' },
    normalizer: { type: 'BertNormalizer', lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: { type: 'BertProcessing', cls: ['[CLS]', 2], sep: ['[SEP]', 3] },
    added_tokens: [],
    ...changes,
  }
}

describe.each([
  ['tokenizer.json', () => starter],
  ['vocab.txt alone', () => vocabularyOnly(starter)],
])('the tokenizer of the shipped encoder, from %s', (_, source) => {
  let tokenizer: Tokenizer
  beforeAll(async () => {
    tokenizer = await loadTokenizer(source())
  })

  it('gives the ids and type ids of the Hugging Face tokenizer for texts and pairs, cut or whole', () => {
    const references = readLines<Reference>(fixtures)
    expect(references.length).toBeGreaterThan(70)
    for (const { text, secondText, maximumLength, ids, typeIds } of references) {
      const label = JSON.stringify([text, secondText, maximumLength])
      expect(tokenizer.encode(text, secondText, maximumLength), label).toEqual({ ids, typeIds })
    }
  })

  it('says what it is', () => {
    expect(tokenizer).toMatchObject({
      kind: 'WordPiece',
      lowercase: true,
      padTokenId: 0,
      vocabularySize: 8192,
    })
    expect(tokenizer.tokens('The movie!')).toEqual(['the', 'movie', '!'])
  })

  it('gives the same when words come again', () => {
    const text = 'The movie, the movie; THE movie 你好 naïve [MASK]'
    const once = tokenizer.encode(text, undefined, 64)
    expect(tokenizer.encode(text, undefined, 64)).toEqual(once)
  })

  it('refuses a length that special tokens alone exceed', () => {
    expect(() => tokenizer.encode('a', 'b', 2)).toThrow('2 tokens are fewer than the 3 special tokens')
  })

  it('reads half a surrogate pair as no character', () => {
    expect(tokenizer.encode('the\ud83d movie', undefined, 64)).toEqual(
      tokenizer.encode('the movie', undefined, 64),
    )
  })
})

describe.each([
  ['vocab.json and merges.txt', 'roberta'],
  ['tokenizer.json', 'roberta-json'],
])("RoBERTa's tokenizer, from %s", (_, source) => {
  it('gives the ids of the Hugging Face tokenizer for texts and pairs, cut or whole', async () => {
    const tokenizer = await loadTokenizer(join(tokens, source))
    expect(tokenizer).toMatchObject({ kind: 'byte-level BPE', padTokenId: 1, vocabularySize: 385 })
    const references = readLines<Reference>(join(tokens, 'roberta/references.jsonl'))
    expect(references).toHaveLength(90)
    for (const { text, secondText, maximumLength, ids, typeIds } of references) {
      const label = JSON.stringify([text, secondText, maximumLength])
      expect(tokenizer.encode(text, secondText, maximumLength), label).toEqual({ ids, typeIds })
    }
  })
})

describe('loadTokenizer', () => {
  it('lets padding and truncation stored in tokenizer.json not govern', async () => {
    write(
      'tokenizer.json',
      wordTokenizer(['a', 'b'], {
        truncation: { max_length: 3, strategy: 'LongestFirst', stride: 0 },
        padding: { strategy: { Fixed: 128 }, pad_id: 0 },
      }),
    )
    const tokenizer = await loadTokenizer(folder)
    expect(tokenizer.encode('a b a b', undefined, 64).ids).toEqual([2, 4, 5, 4, 5, 3])
  })

  it('keeps case where tokenizer_config.json says so', async () => {
    write('vocab.txt', ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'The', 'the'].join('\r\n') + '\r\n')
    write('tokenizer_config.json', { do_lower_case: false })
    const cased = await loadTokenizer(folder)
    expect(cased.tokens('The the')).toEqual(['The', 'the'])
    expect(cased.lowercase).toBe(false)
    write('tokenizer_config.json', { do_lower_case: true })
    expect((await loadTokenizer(folder)).tokens('The the')).toEqual(['the', 'the'])
  })

  it('finds added tokens as their flags say', async () => {
    const token = (id: number, content: string, flags: object) => ({ id, content, special: true, ...flags })
    write(
      'tokenizer.json',
      wordTokenizer(['a', 'ab', '<', '>', 'x'], {
        added_tokens: [
          token(10, '<x>', { normalized: false, lstrip: true }),
          token(11, 'Code', { special: false, normalized: true }),
          token(12, 'b', { normalized: false, single_word: true }),
        ],
      }),
    )
    const tokenizer = await loadTokenizer(folder)
    const ids = (text: string) => tokenizer.encode(text, undefined, 64).ids.slice(1, -1)
    expect(ids('a  <x>a')).toEqual([4, 10, 4])
    expect(ids('CODE code')).toEqual([11, 11])
    expect(ids('ab b')).toEqual([5, 12])
    expect(tokenizer.tokens('<x>')).toEqual(['<x>'])
    expect(tokenizer.vocabularySize).toBe(13)
  })

  it('builds GPT-2 and RoBERTa from vocab.json and merges.txt', async () => {
    const pieces = ['a', 'b', 'Ġ', 'ab', 'Ġab', 'é'.normalize(), 'Ã', '©']
    const vocabulary = Object.fromEntries(pieces.map((piece, id) => [piece, id]))
    write('vocab.json', vocabulary)
    write('merges.txt', '#version: 0.2\na b\nĠ ab\n')
    const gpt2 = await loadTokenizer(folder)
    expect(gpt2.kind).toBe('byte-level BPE')
    expect(gpt2.tokens('ab abé')).toEqual(['ab', 'Ġab', 'Ã', '©'])
    expect(gpt2.encode('ab', 'a', 8)).toEqual({ ids: [3, 0], typeIds: [0, 1] })
    write('vocab.json', { ...vocabulary, '<s>': 8, '<pad>': 9, '</s>': 10, '<unk>': 11, '<mask>': 12 })
    const roberta = await loadTokenizer(folder)
    expect(roberta.encode('ab <mask>', 'a', 16)).toEqual({
      ids: [8, 3, 12, 10, 10, 0, 10],
      typeIds: [0, 0, 0, 0, 0, 0, 0],
    })
    expect(roberta.padTokenId).toBe(9)
  })

  it('pads with the end of text where GPT-2 names no padding', async () => {
    write('vocab.json', { a: 0, b: 1, '<|endoftext|>': 2, '<pad>': 3 })
    write('merges.txt', '#version: 0.2\n')
    expect((await loadTokenizer(folder)).padTokenId).toBe(3)
    write('vocab.json', { a: 0, b: 1, '<|endoftext|>': 2 })
    expect((await loadTokenizer(folder)).padTokenId).toBe(2)
    write('tokenizer_config.json', { eos_token: 'b' })
    expect((await loadTokenizer(folder)).padTokenId).toBe(1)
    write('tokenizer_config.json', { eos_token: 'b', pad_token: { content: 'a' } })
    expect((await loadTokenizer(folder)).padTokenId).toBe(0)
  })

  it('says which files are expected, and which file is damaged', async () => {
    await expect(loadTokenizer(folder)).rejects.toThrow(
      `${folder} holds no tokenizer: tokenizer.json, vocab.txt, or vocab.json with merges.txt is expected there.`,
    )
    write('vocab.txt', 'the\nmovie\n')
    await expect(loadTokenizer(folder)).rejects.toThrow(
      `${join(folder, 'vocab.txt')} lacks the special token "[CLS]"`,
    )
    write('tokenizer.json', '{"model":')
    await expect(loadTokenizer(folder)).rejects.toThrow(`${join(folder, 'tokenizer.json')} is not JSON`)
    write('tokenizer.json', { normalizer: null })
    await expect(loadTokenizer(folder)).rejects.toThrow(/tokenizer\.json is not usable: model/)
  })

  it('refuses what it would do wrongly', async () => {
    write('tokenizer.json', wordTokenizer(['a'], { pre_tokenizer: { type: 'Psychic' } }))
    await expect(loadTokenizer(folder)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining(join(folder, 'tokenizer.json')),
    })
    const behavior = 'MergedWithNext'
    write('tokenizer.json', wordTokenizer(['a'], { pre_tokenizer: { type: 'Punctuation', behavior } }))
    await expect(loadTokenizer(folder)).rejects.toThrow('"MergedWithNext" is not supported')
    write('tokenizer.json', wordTokenizer(['a'], { post_processor: { type: 'Psychic' } }))
    await expect(loadTokenizer(folder)).rejects.toThrow('post-processor "Psychic" is not supported')
  })
})

const checkpoints: [string, string, () => string][] = [
  ['starter-encoder', 'tokenizer.json', () => sharedPath('checkpoints/starter-encoder')],
  ['starter-encoder', 'vocab.txt', () => vocabularyOnly(sharedPath('checkpoints/starter-encoder'))],
  ['minilm-l6', 'tokenizer.json', () => sharedPath('checkpoints/minilm-l6')],
  ['minilm-l6', 'vocab.txt', () => vocabularyOnly(sharedPath('checkpoints/minilm-l6'))],
  ['gpt2_tokenizer', 'vocab.json', () => sharedPath('checkpoints/gpt2_tokenizer')],
]

describeWithShared(
  'the Hugging Face tokenizers on awkward strings and whole files',
  ['tokens', 'checkpoints', 'data'],
  () => {
    describe.each(checkpoints)('%s from %s', (name, file, source) => {
      let tokenizer: Tokenizer
      beforeAll(async () => {
        tokenizer = await loadTokenizer(source())
        expect(tokenizer.file.endsWith(file)).toBe(true)
      })
      const encode = (text: string) => tokenizer.encode(text, undefined, Infinity).ids

      it('are matched on every line of the reference', () => {
        const references = readLines<{ text: string; ids: number[] }>(sharedPath(`tokens/${name}.jsonl`))
        expect(references.length).toBeGreaterThan(200)
        for (const { text, ids } of references) expect(encode(text), JSON.stringify(text)).toEqual(ids)
      })

      it('are matched on whole files', () => {
        const rows = readFileSync(sharedPath('tokens/whole-files.tsv'), 'utf8').trimEnd().split('\n').slice(1)
        const mine = rows.map((row) => row.split('\t')).filter(([tokenizerName]) => tokenizerName === name)
        expect(mine).toHaveLength(11)
        for (const [, path = '', encoding, lineCount, tokenCount, sha256] of mine) {
          const text = readFileSync(sharedPath(`data/${path}`), encoding === 'latin-1' ? 'latin1' : 'utf8')
          const lines = text.split('\n').map((line) => line.replace(/\r$/, ''))
          if (lines.at(-1) === '') lines.pop()
          const encoded = lines.map(encode)
          const digest = createHash('sha256')
            .update(encoded.map((ids) => ids.join(' ')).join('\n'))
            .digest('hex')
          const tokens = encoded.reduce((total, ids) => total + ids.length, 0)
          expect([path, lines.length, tokens, digest]).toEqual([
            path,
            Number(lineCount),
            Number(tokenCount),
            sha256,
          ])
        }
      })
    })
  },
)
