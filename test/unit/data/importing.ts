import { join } from 'node:path'

import type { z } from 'zod'

import { readRows } from '../../../main/data/dataset-file.ts'
import { importDataset } from '../../../main/data/import.ts'
import { DatasetSources, WorkbenchError, type DatasetRow } from '../../../preload/contract.ts'
import { temporaryFolder } from './temporary-files.ts'

export type Input = z.input<typeof DatasetSources>

/** A temporary folder for each test, and imports into a store inside it. */
export function importing() {
  const files = temporaryFolder()
  const load = (input: Input) => importDataset(DatasetSources.parse(input), join(files.path(), 'store'))
  return {
    files,
    load,
    loadOne: (path: string, options: Input['options'] = {}) => load({ files: [{ path }], options }),
    /** What an import that must fail throws. */
    async failure(input: Input): Promise<WorkbenchError> {
      const error: unknown = await load(input).then(
        () => new Error('did not fail'),
        (thrown: unknown) => thrown,
      )
      if (error instanceof WorkbenchError) return error
      throw error
    },
  }
}

/** All rows of a dataset's file. */
export async function readAllRows(path: string): Promise<DatasetRow[]> {
  const all: DatasetRow[] = []
  for await (const row of readRows(path)) all.push(row)
  return all
}

/** Rows `text<TAB>label`, so many of each label. */
export function table(counts: Record<string, number>, prefix = 'some text number'): string {
  return Object.entries(counts)
    .flatMap(([label, count]) =>
      Array.from({ length: count }, (_, at) => `${prefix} ${label} ${at}\t${label}\n`),
    )
    .join('')
}
