import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { WorkbenchError } from '../preload/contract.ts'

/**
 * The folder of what ships with the program: the starter encoder and the sample tasks.
 * @throws WorkbenchError `internal` when it is missing
 */
export function assetsFolder(): string {
  // Sources and build lie at different depths below the folder that holds it.
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'assets', 'samples'))) {
    const parent = dirname(folder)
    if (parent === folder) {
      const message = 'The folder assets/ of the program is missing. Install the program again.'
      throw new WorkbenchError('internal', message)
    }
    folder = parent
  }
  return join(folder, 'assets')
}
