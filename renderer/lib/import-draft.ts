/** What the import form holds, and what it asks the workbench for. */
import type { InputOf, ReadOptions, SplitName } from '../../preload/contract.ts'
import { fileName } from './format.ts'

export interface ImportFile {
  path: string
  split: SplitName
  /** Class of the whole file, for files of one class each. */
  label: string
}

export interface ImportDraft {
  name: string
  files: ImportFile[]
  options: Partial<ReadOptions>
  /** In percent, as typed. */
  validation: number
  test: number
  seed: number
}

export const emptyImport: ImportDraft = { name: '', files: [], options: {}, validation: 10, test: 0, seed: 1 }

/** The split a file's name speaks of; training where it speaks of none. */
export function guessSplit(path: string): SplitName {
  const name = fileName(path).toLowerCase()
  if (/(^|[^a-z])(dev|val|valid|validation)([^a-z]|$)/.test(name)) return 'validation'
  return /(^|[^a-z])test([^a-z]|$)/.test(name) ? 'test' : 'train'
}

/** A dataset's name from its files: what they have in common, without split words and endings. */
export function guessName(paths: readonly string[]): string {
  const [first] = paths
  if (first === undefined) return ''
  const bare = fileName(first)
    .replace(/\.[^.]*$/, '')
    .replace(/[._-]*(train(ing)?|dev|valid(ation)?|test)\b/gi, '')
    .replace(/^[._-]+|[._-]+$/g, '')
  if (bare !== '') return bare
  const folder = first.split(/[\\/]/).filter(Boolean).at(-2)
  return folder ?? fileName(first)
}

/** The draft with one more file; a file that is there already is not taken twice. */
export function withFile(draft: ImportDraft, path: string): ImportDraft {
  if (draft.files.some((file) => file.path === path)) return draft
  return { ...draft, files: [...draft.files, { path, split: guessSplit(path), label: '' }] }
}

/** What `datasets.preview` and `datasets.import` take. */
export function importSources(draft: ImportDraft): InputOf<'datasets.import'> {
  const name = draft.name.trim() === '' ? guessName(draft.files.map((file) => file.path)) : draft.name.trim()
  return {
    ...(name === '' ? {} : { name: name.slice(0, 120) }),
    files: draft.files.map(({ path, split, label }) => ({
      path,
      split,
      ...(label.trim() === '' ? {} : { label: label.trim() }),
    })),
    options: draft.options,
    validationShare: draft.validation / 100,
    testShare: draft.test / 100,
    splitSeed: draft.seed,
  }
}

/** The options with one set, or left to be sniffed again where it is undefined. */
export function withReadOption(
  options: Partial<ReadOptions>,
  name: keyof ReadOptions,
  value: ReadOptions[keyof ReadOptions],
): Partial<ReadOptions> {
  const rest = Object.fromEntries(Object.entries(options).filter(([key]) => key !== name))
  return value === undefined || value === '' ? rest : { ...rest, [name]: value }
}

/** The draft as the address carries it; nothing while it is empty. */
export function encodeImport(draft: ImportDraft): string | undefined {
  return JSON.stringify(draft) === JSON.stringify(emptyImport) ? undefined : JSON.stringify(draft)
}

/** The draft in an address; anything unreadable is as if it were not there. */
export function decodeImport(text: string | undefined): ImportDraft {
  if (text === undefined) return emptyImport
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed !== 'object' || parsed === null) return emptyImport
    const draft = { ...emptyImport, ...parsed }
    return Array.isArray(draft.files) ? draft : emptyImport
  } catch {
    return emptyImport
  }
}
