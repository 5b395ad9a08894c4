import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { partialPrefix } from '../data/dataset-file.ts'
import type { Database } from '../store/database.ts'
import { countDatasetsOfFile, listDatasets } from '../store/datasets.ts'

/** Folder of the datasets' rows inside the home folder, and in the store's references to them. */
export const datasetsFolder = 'datasets'

/** Removes what an import that was cut short left behind: unfinished files, and rows that no dataset names. */
export function sweepDatasetFiles(database: Database, home: string): void {
  const folder = join(home, datasetsFolder)
  mkdirSync(folder, { recursive: true })
  // A store without any dataset may be a new one, beside the rows of one that was lost: those are left alone.
  const anyNamed = listDatasets(database).length > 0
  for (const name of readdirSync(folder)) {
    const rows = /^([0-9a-f]{64}\.jsonl)(?:\.index)?$/.exec(name)?.[1]
    const unnamed =
      anyNamed && rows !== undefined && countDatasetsOfFile(database, `${datasetsFolder}/${rows}`) === 0
    if (unnamed || name.startsWith(partialPrefix)) rmSync(join(folder, name), { force: true })
  }
}
