import { WorkbenchError, type ReadOptions } from '../../preload/contract.ts'

/** Which column (by position, from 0) serves as what. */
export interface Roles {
  text?: number
  secondText?: number
  label?: number
  split?: number
}

const pairNames: readonly (readonly [string, string])[] = [
  ['sentence1', 'sentence2'],
  ['text1', 'text2'],
  ['texta', 'textb'],
  ['sentencea', 'sentenceb'],
  ['question1', 'question2'],
  ['1string', '2string'],
  ['premise', 'hypothesis'],
  ['text', 'secondtext'],
  ['question', 'sentence'],
  ['question', 'passage'],
  ['question', 'context'],
  ['query', 'document'],
]
const textNames = [
  ...[
    'text',
    'sentence',
    'sentence1',
    'text1',
    'texta',
    'review',
    'content',
    'tweet',
    'comment',
    'utterance',
  ],
  ...[
    'question',
    'question1',
    'query',
    'description',
    'document',
    'body',
    'message',
    'premise',
    '1string',
    'headline',
  ],
]
const labelNames = [
  ...[
    'label',
    'labels',
    'class',
    'category',
    'target',
    'goldlabel',
    'gold',
    'sentiment',
    'polarity',
    'quality',
  ],
  ...['intent', 'topic', 'coarselabel', 'labelcoarse', 'rating', 'stars', 'y'],
]
const otherNames = [
  'index',
  'id',
  'idx',
  'title',
  'split',
  'source',
  'genre',
  'finelabel',
  'labelfine',
  'score',
]

const splitValues = new Set(['train', 'training', 'validation', 'valid', 'val', 'dev', 'test'])

/** Lower case, letters and digits only: `#1 String` and `1_string` are one name. */
function plainName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
}

export function isKnownColumnName(name: string): boolean {
  const plain = plainName(name)
  return [...textNames, ...labelNames, ...otherNames, ...pairNames.flat()].includes(plain)
}

/** A split by the names that people give it; undefined for any other word. */
export function splitOfWord(word: string): 'train' | 'validation' | 'test' | undefined {
  const plain = plainName(word)
  if (!splitValues.has(plain)) return undefined
  if (plain.startsWith('train')) return 'train'
  return plain === 'test' ? 'test' : 'validation'
}

/**
 * The column that a user means: by its name, letter case aside, or by its number from 1.
 * @throws WorkbenchError('bad-input') naming file, setting and the columns that there are
 */
export function resolveColumn(
  path: string,
  setting: string,
  columns: readonly string[],
  wanted: string,
): number {
  const exact = columns.indexOf(wanted)
  if (exact !== -1) return exact
  const plain = wanted.trim().toLowerCase()
  const similar = columns.findIndex((name) => name.trim().toLowerCase() === plain)
  if (similar !== -1) return similar
  const number = /^\d+$/.test(plain) ? Number(plain) : 0
  if (number >= 1 && number <= columns.length) return number - 1
  throw new WorkbenchError(
    'bad-input',
    `${path} has no column "${wanted}" for ${setting}. Its columns are: ${columns.join(', ')}.`,
  )
}

interface ColumnFacts {
  distinct: number
  emptyShare: number
  numericShare: number
  meanLength: number
  maximumLength: number
  spacedShare: number
}

/**
 * Decides which column is text, second text, label and split: as asked, else by header name, else by content
 * (text: the longest; label: few distinct short values and no empty ones).
 *
 * @param named whether `columns` are names from a header or keys, not numbers
 * @param rows some of the file's records, all as long as `columns`
 * @param needsLabel false where the file's label is given for all its rows
 */
export function chooseRoles(
  path: string,
  columns: readonly string[],
  named: boolean,
  rows: readonly (readonly string[])[],
  options: ReadOptions,
  needsLabel: boolean,
): Roles {
  const asked = (setting: 'text' | 'secondText' | 'label') => {
    const wanted = options[setting]
    return wanted === undefined ? undefined : resolveColumn(path, setting, columns, wanted)
  }
  const roles: Roles = {}
  const taken = () => new Set(Object.values(roles))
  const assign = (role: keyof Roles, column: number | undefined) => {
    if (column !== undefined && roles[role] === undefined) roles[role] = column
  }
  assign('text', asked('text'))
  assign('secondText', asked('secondText'))
  if (needsLabel) assign('label', asked('label'))

  const plain = named ? columns.map(plainName) : []
  const facts = columns.map((_, column) => describeColumn(rows.map((row) => row[column] ?? '')))
  const splitColumn = plain.indexOf('split')
  if (splitColumn !== -1 && rows.every((row) => splitOfWord(row[splitColumn] ?? '') !== undefined)) {
    roles.split = splitColumn
  }
  const byName = (names: readonly string[]) => {
    const found = names.map((name) => plain.indexOf(name)).find((at) => at !== -1 && !taken().has(at))
    return found
  }
  if (roles.text === undefined && roles.secondText === undefined) {
    const pair = pairNames.find(([first, second]) => plain.includes(first) && plain.includes(second))
    if (pair !== undefined) {
      assign('text', byName([pair[0]]))
      assign('secondText', byName([pair[1]]))
    }
  }
  const textByName = roles.text !== undefined || byName(textNames) !== undefined
  assign('text', byName(textNames))
  if (needsLabel) assign('label', byName(labelNames))
  assign('text', longest(facts, taken()))
  if (needsLabel) assign('label', mostLabelLike(facts, taken(), rows.length))
  if (!textByName) assign('secondText', secondLongest(facts, taken()))
  return roles
}

function describeColumn(values: readonly string[]): ColumnFacts {
  const total = Math.max(1, values.length)
  const share = (test: (value: string) => boolean) => values.filter(test).length / total
  return {
    distinct: new Set(values).size,
    emptyShare: share((value) => value.trim() === ''),
    numericShare: share(isNumeric),
    meanLength: values.reduce((sum, value) => sum + value.length, 0) / total,
    maximumLength: values.reduce((most, value) => Math.max(most, value.length), 0),
    spacedShare: share((value) => /\S\s+\S/.test(value)),
  }
}

export function isNumeric(value: string): boolean {
  return value.trim() !== '' && Number.isFinite(Number(value))
}

function longest(facts: readonly ColumnFacts[], taken: ReadonlySet<number>): number | undefined {
  return facts
    .map((fact, column) => ({ ...fact, column }))
    .filter(({ column, numericShare }) => !taken.has(column) && numericShare < 0.9)
    .sort((a, b) => b.meanLength - a.meanLength)[0]?.column
}

function secondLongest(facts: readonly ColumnFacts[], taken: ReadonlySet<number>): number | undefined {
  return facts
    .map((fact, column) => ({ ...fact, column }))
    .filter(
      ({ column, spacedShare, emptyShare }) => !taken.has(column) && spacedShare > 0.7 && emptyShare < 0.05,
    )
    .filter(({ meanLength }) => meanLength >= 15)
    .sort((a, b) => b.meanLength - a.meanLength)[0]?.column
}

function mostLabelLike(
  facts: readonly ColumnFacts[],
  taken: ReadonlySet<number>,
  rows: number,
): number | undefined {
  const most = rows < 8 ? rows : Math.min(200, rows / 2)
  return facts
    .map((fact, column) => ({ ...fact, column }))
    .filter(({ column, emptyShare }) => !taken.has(column) && emptyShare <= 0.01)
    .filter(({ distinct, maximumLength }) => maximumLength <= 60 && distinct <= most)
    .sort(
      (a, b) =>
        // One value throughout tells nothing, so it comes after any column that has several.
        Number(a.distinct < 2) - Number(b.distinct < 2) ||
        a.distinct - b.distinct ||
        a.meanLength - b.meanLength ||
        b.column - a.column,
    )[0]?.column
}
