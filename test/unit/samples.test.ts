import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

interface Row {
  split: string
  label: string
  text: string
}

interface Sample {
  task: string
  /** Rows per label in train, validation and test. */
  counts: Record<string, readonly [number, number, number]>
}

const samples = [
  { task: 'reviews', counts: { negative: [175, 30, 45], positive: [175, 30, 45] } },
  {
    task: 'questions',
    counts: {
      abbreviation: [44, 7, 11],
      description: [53, 9, 14],
      entity: [53, 9, 14],
      human: [53, 9, 14],
      location: [53, 9, 14],
      number: [53, 9, 14],
    },
  },
  {
    task: 'support',
    counts: {
      account: [61, 11, 16],
      billing: [61, 11, 16],
      bug: [61, 11, 16],
      feature: [61, 11, 16],
      shipping: [61, 11, 16],
    },
  },
] satisfies Sample[]

const splits = ['train', 'validation', 'test']

function readLines(task: string): string[] {
  const file = new URL(`../../assets/samples/${task}.tsv`, import.meta.url)
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file))
  return text.split('\n')
}

function readRows(task: string): Row[] {
  return readLines(task)
    .slice(1, -1)
    .map((line) => {
      const [split = '', label = '', text = ''] = line.split('\t')
      return { split, label, text }
    })
}

function words(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+(?:['’][\p{L}\p{N}]+)*/gu) ?? []
}

/** Shared words over all words of the two, from 0 to 1. */
function jaccard(left: Set<string>, right: Set<string>): number {
  const shared = [...left].filter((word) => right.has(word)).length
  return shared / (left.size + right.size - shared)
}

/** Every pair of texts for which `alike` holds, as two lines to read in a failing test. */
function pairs<Item extends { text: string }>(items: Item[], alike: (left: Item, right: Item) => boolean) {
  return items.flatMap((left, index) =>
    items
      .slice(index + 1)
      .filter((right) => alike(left, right))
      .map((right) => `${left.text}\n${right.text}`),
  )
}

describe.each(samples)('sample task $task', ({ task, counts }: Sample) => {
  const rows = readRows(task)

  it('is a header and three fields per line, with a line break at the end', () => {
    const lines = readLines(task)
    expect(lines[0]).toBe('split\tlabel\ttext')
    expect(lines.at(-1)).toBe('')
    expect(lines.slice(1, -1).filter((line) => line.split('\t').length !== 3)).toEqual([])
  })

  it('holds tidy texts of 4 to 40 words that read the same with and without quoting', () => {
    const untidy = rows.filter(({ text }) => /^\s|\s$|\s\s|["\p{Cc}\uFEFF\uFFFD]/u.test(text))
    expect(untidy).toEqual([])
    const length = ({ text }: Row): number => text.split(' ').length
    expect(rows.filter((row) => length(row) < 4 || length(row) > 40)).toEqual([])
  })

  it('has at least 420 rows in the stated number per label and split', () => {
    expect(rows.length).toBeGreaterThanOrEqual(420)
    const found = Object.fromEntries(
      [...new Set(rows.map((row) => row.label))].map((label) => [
        label,
        splits.map((split) => rows.filter((row) => row.label === label && row.split === split).length),
      ]),
    )
    expect(found).toEqual(counts)
    expect(new Set(rows.map((row) => row.split))).toEqual(new Set(splits))
  })

  it('repeats no text, neither within a split nor across splits', () => {
    const seen = rows.map((row) => words(row.text).join(' '))
    expect(seen.filter((text, index) => seen.indexOf(text) !== index)).toEqual([])
  })

  it('has no two texts that share 60 % of their words', () => {
    const items = rows.map(({ text }) => ({ text, words: new Set(words(text)) }))
    expect(pairs(items, (left, right) => jaccard(left.words, right.words) >= 0.6)).toEqual([])
  })

  it('has no two texts that begin with the same five words', () => {
    const items = rows
      .map(({ text }) => ({ text, opening: words(text).slice(0, 5) }))
      .filter(({ opening }) => opening.length === 5)
    expect(pairs(items, (left, right) => left.opening.join(' ') === right.opening.join(' '))).toEqual([])
  })

  it('gives no label away by a word that every fourth text of it has and no other text has', () => {
    const held = rows.map((row) => ({ label: row.label, words: new Set(words(row.text)) }))
    const givenAway = Object.keys(counts).flatMap((label) => {
      const own = held.filter((row) => row.label === label)
      const others = held.filter((row) => row.label !== label)
      const vocabulary = new Set(own.flatMap((row) => [...row.words]))
      return [...vocabulary].filter(
        (word) =>
          own.filter((row) => row.words.has(word)).length > own.length / 4 &&
          !others.some((row) => row.words.has(word)),
      )
    })
    expect(givenAway).toEqual([])
  })
})

it('no text belongs to two sample tasks', () => {
  const texts = samples.flatMap(({ task }) => readRows(task).map((row) => words(row.text).join(' ')))
  expect(new Set(texts).size).toBe(texts.length)
})
