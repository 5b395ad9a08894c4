import { basename, dirname, extname } from 'node:path'

import { WorkbenchError, type DatasetSummary } from '../../preload/contract.ts'

const longestName = 120

/** A name from the first file's: `TREC.train` -> `TREC`, `glue_RTE/train.tsv` -> `glue_RTE`. */
export function nameOfFile(path: string): string {
  const stem = basename(path, extname(path))
  const telling = !/^(train|training|dev|valid|validation|val|test|data|dataset|all)$/i.test(stem)
  const folder = basename(dirname(path))
  return (telling || folder === '' || folder === '.' ? stem : folder).slice(0, longestName)
}

/**
 * The name under which rows with this hash are stored, or the dataset that has them already under that name.
 * A name that was derived gets a number when it is taken; one that the user chose is an error then.
 */
export function settleName(
  datasets: readonly DatasetSummary[],
  hash: string,
  chosen: string | undefined,
  derived: string,
): { name: string } | { existing: DatasetSummary } {
  const base = chosen ?? derived
  for (let number = 1; ; number++) {
    const suffix = number === 1 ? '' : ` ${number}`
    const name = `${base.slice(0, longestName - suffix.length)}${suffix}`
    const holder = datasets.find((dataset) => dataset.name === name)
    if (holder === undefined) return { name }
    if (holder.hash === hash) return { existing: holder }
    if (chosen !== undefined) {
      throw new WorkbenchError(
        'conflict',
        `There is a dataset “${name}” with other rows already. Choose another name, or remove that dataset first.`,
      )
    }
  }
}
