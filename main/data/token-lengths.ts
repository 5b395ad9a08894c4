import { setImmediate as nextTurn } from 'node:timers/promises'

import { readRowChunks } from './dataset-file.ts'
import type { Tokenizer } from './tokenizer.ts'

export interface TokenLengths {
  /** `counts[n]`: rows with n tokens, special tokens included. */
  counts: number[]
  longest: number
}

/** The most tokens that a run may be set to; longer texts count as this long. */
const longestCounted = 4096
/** Rows between two chances for other work of the process. */
const sliceRows = 100

/** How many tokens a dataset's rows have before any truncation. */
export async function countTokenLengths(
  file: string,
  tokenizer: Pick<Tokenizer, 'encode'>,
): Promise<TokenLengths> {
  const counts: number[] = []
  for await (const rows of readRowChunks(file)) {
    for (const [position, row] of rows.entries()) {
      const { length } = tokenizer.encode(row.text, row.secondText, longestCounted).ids
      while (counts.length <= length) counts.push(0)
      counts[length] = (counts[length] ?? 0) + 1
      if (position % sliceRows === sliceRows - 1) await nextTurn()
    }
  }
  return { counts, longest: Math.max(0, counts.length - 1) }
}
