import { z } from 'zod'

export const SplitName = z.enum(['train', 'validation', 'test'])
export type SplitName = z.infer<typeof SplitName>

export const Encoding = z.enum(['utf-8', 'utf-16le', 'latin-1', 'windows-1252'])
export type Encoding = z.infer<typeof Encoding>

/** How a file is to be read; every field left out is sniffed. Columns go by header name or by 1-based number. */
export const ReadOptions = z
  .object({
    format: z.enum(['delimited', 'jsonl', 'labelled-lines', 'lines']).optional(),
    delimiter: z.string().min(1).max(4).optional(),
    /** Whether `"` quotes a field. Raw TSV files (MRPC) carry quote characters that mean themselves. */
    quoting: z.boolean().optional(),
    header: z.boolean().optional(),
    encoding: Encoding.optional(),
    text: z.string().optional(),
    secondText: z.string().optional(),
    label: z.string().optional(),
    /** For `LABEL:fine text` lines: keep the fine label too (`DESC:manner`), not only the part before the colon. */
    fineLabels: z.boolean().optional(),
  })
  .strict()
export type ReadOptions = z.infer<typeof ReadOptions>

/** One file of a dataset. A file of one class per file (`rt-polarity.pos`) carries its label here. */
export const SourceFile = z
  .object({ path: z.string().min(1), split: SplitName.default('train'), label: z.string().min(1).optional() })
  .strict()
export type SourceFile = z.infer<typeof SourceFile>

/** What to import, or to preview. A validation split that is not given is drawn: stratified, seeded. */
export const DatasetSources = z
  .object({
    name: z.string().min(1).max(120).optional(),
    files: z.array(SourceFile).min(1, 'name at least one file'),
    options: ReadOptions.default({}),
    validationShare: z.number().min(0.01).max(0.5).default(0.1),
    /** 0: no test split unless a file is given for it. */
    testShare: z.number().min(0).max(0.5).default(0),
    splitSeed: z.number().int().min(0).default(1),
    /** Take only the first so many good rows of each file. */
    maximumRows: z.number().int().min(1).optional(),
  })
  .strict()
export type DatasetSources = z.infer<typeof DatasetSources>

export interface DatasetRow {
  /** Position in the dataset, from 0. */
  index: number
  split: SplitName
  text: string
  secondText?: string
  label: string
}

export interface RejectedRow {
  file: string
  /** 1-based line in the file where the row begins. */
  line: number
  reason: string
}

/** How one file was read, as sniffed or as asked for. */
export interface SniffedFile {
  path: string
  format: 'delimited' | 'jsonl' | 'labelled-lines' | 'lines'
  encoding: Encoding
  byteOrderMark: boolean
  delimiter?: string
  quoting?: boolean
  header?: boolean
  /** Header names, or `1`, `2`, … where there is no header. */
  columns: string[]
  /** The column, by name, that serves as text, second text and label. */
  text?: string
  secondText?: string
  label?: string
}

export interface DatasetPreview {
  files: (SniffedFile & { rows: DatasetRow[]; rejected: RejectedRow[]; raw: string[] })[]
  /** Label counts over the previewed rows. */
  labels: Record<string, number>
  /** Sentences about what looks odd: one class only, texts empty, a guess that could be wrong. */
  warnings: string[]
}

export interface DatasetSummary {
  id: string
  name: string
  /** SHA-256 of the stored rows. */
  hash: string
  task: 'single-text' | 'text-pair'
  rows: number
  rejected: number
  /** In the order of their class index. */
  labels: string[]
  splits: Partial<Record<SplitName, number>>
  createdAt: string
  sample: boolean
}

export interface DatasetDetail extends DatasetSummary {
  labelCounts: Record<SplitName, Record<string, number>>
  /** Histogram of text lengths in characters: counts per bucket of `lengthBucket` characters, per split. */
  lengthBucket: number
  lengths: Record<SplitName, number[]>
  /** Rows whose text occurs in an earlier split as well, or twice. */
  duplicates: { withinSplits: number; acrossSplits: number }
  files: SniffedFile[]
  /** The first 1,000 of them; `rejected` counts all. */
  rejectedRows: RejectedRow[]
  splitSeed: number
  validationShare: number
}
