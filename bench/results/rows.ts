import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

import { z } from 'zod'

const Scores = z.object({
  accuracy: z.number(),
  macroF1: z.number(),
  matthews: z.number(),
  loss: z.number(),
})

/** What is kept of a run that has finished. */
export const ResultRow = z.object({
  encoder: z.string(),
  task: z.string(),
  method: z.string(),
  seed: z.number(),
  /** What it was trained with; a row of another recipe does not count. */
  recipe: z.string(),
  runId: z.string(),
  test: Scores,
  testRows: z.number(),
  validation: z.number(),
  trainableParameters: z.number(),
  backboneParameters: z.number(),
  seconds: z.number(),
  dropCurve: z
    .array(z.object({ droppedLayers: z.number(), scores: Scores, msPerExample: z.number() }))
    .optional(),
  forgetting: z.object({ before: z.number(), after: z.number(), tokens: z.number() }).optional(),
  earlierTask: z.object({ before: Scores, after: Scores }).optional(),
  cost: z
    .object({ forwardFlops: z.number(), backwardFlops: z.number(), activationBytes: z.number() })
    .optional(),
  processor: z.string(),
})
export type ResultRow = z.infer<typeof ResultRow>

const Kept = z.record(z.string(), ResultRow)

/** Rows that are done, in one file, by the names of their cells. */
export interface KeptRows {
  get(key: string): ResultRow | undefined
  all(): ResultRow[]
  set(key: string, row: ResultRow): void
}

/** @throws Error naming the file where it is not one of ours */
export function openRows(file: string): KeptRows {
  const rows = new Map(existsSync(file) ? Object.entries(parse(file)) : [])
  return {
    get: (key) => rows.get(key),
    all: () => [...rows.values()],
    set(key, row) {
      rows.set(key, row)
      // Renamed into place, so that a kill leaves either the old rows or the new.
      writeFileSync(`${file}.new`, `${JSON.stringify(Object.fromEntries(rows), undefined, 1)}\n`)
      renameSync(`${file}.new`, file)
    },
  }
}

function parse(file: string): z.infer<typeof Kept> {
  try {
    return Kept.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (cause) {
    throw new Error(`${file} does not hold results of this script; move it away to begin anew`, { cause })
  }
}
