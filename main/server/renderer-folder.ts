import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The renderer's build, for an entry of `main/` run from its source or from its own build.
 * @param entry `import.meta.url` of the entry
 */
export function rendererFolder(entry: string): string {
  const folder = dirname(fileURLToPath(entry))
  const isBuilt = basename(dirname(folder)) === 'out'
  return isBuilt ? join(folder, '..', 'renderer') : join(folder, '..', 'out', 'renderer')
}
