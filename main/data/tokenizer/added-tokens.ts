import { z } from 'zod'

import { letters } from './normalizer.ts'

/** A token that stands in the text as such, `[MASK]` for one, and is never split. */
export const AddedToken = z.looseObject({
  id: z.number().int().min(0),
  content: z.string().min(1),
  /** Only where no letter or digit is next to it. */
  single_word: z.boolean().default(false),
  /** Takes the white space before it, or after it. */
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  special: z.boolean().default(false),
  /** Looked for in the normalised text, else in the text as it is. */
  normalized: z.boolean().optional(),
})
export type AddedToken = z.infer<typeof AddedToken>

/** A stretch of text, or the id of an added token that stood between two of them. */
export type Section = string | number

/** Splits at the tokens, the longest one where several begin. Texts between them come as they are, never empty. */
export type Splitter = (text: string) => Section[]

export function makeSplitter(tokens: readonly AddedToken[], normalize: (text: string) => string): Splitter {
  const byContent = new Map(tokens.map((token) => [normalize(token.content), token]))
  byContent.delete('')
  if (byContent.size === 0) return (text) => (text === '' ? [] : [text])
  const contents = [...byContent.keys()].toSorted((a, b) => b.length - a.length)
  const pattern = new RegExp(contents.map(escapePattern).join('|'), 'gu')
  return (text) => {
    const sections: Section[] = []
    let done = 0
    const add = (end: number) => {
      if (end > done) sections.push(text.slice(done, end))
    }
    for (const match of text.matchAll(pattern)) {
      const token = byContent.get(match[0])
      let start = match.index
      let end = start + match[0].length
      if (token === undefined || (token.single_word && touchesWord(text, start, end))) continue
      if (token.lstrip) start = Math.max(done, text.slice(0, start).replace(spaceAtEnd, '').length)
      if (token.rstrip) end = text.length - text.slice(end).replace(spaceAtStart, '').length
      add(start)
      sections.push(token.id)
      done = end
    }
    add(text.length)
    return sections
  }
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

// White space is Unicode's, as in Rust; JavaScript's trim() takes other characters.
const spaceAtEnd = /\p{White_Space}+$/u
const spaceAtStart = /^\p{White_Space}+/u
const endsInWord = new RegExp(`[${letters}]$`, 'u')
const beginsWithWord = new RegExp(`^[${letters}]`, 'u')

function touchesWord(text: string, start: number, end: number): boolean {
  return endsInWord.test(text.slice(0, start)) || beginsWithWord.test(text.slice(end))
}
