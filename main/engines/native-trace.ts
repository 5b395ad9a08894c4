import { createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const load = createRequire(import.meta.url)

/** Where the engines' packages have their native parts: `setup:cuda` adds to the first, `setup:tensorflow` to the second. */
const natives: readonly [name: string, ...folders: string[]][] = [
  ['onnxruntime-node', 'bin'],
  ['@tensorflow/tfjs-node-gpu', 'deps', 'lib'],
]

/** A short hash of the native parts that are installed for the engines: another one where any was added or replaced. */
export function nativeTrace(): string {
  return traceOf(
    natives.flatMap(([name, ...folders]) => {
      const folder = packageFolder(name)
      return folder === undefined ? [] : folders.map((inside) => join(folder, inside))
    }),
  )
}

/**
 * A hash of the names and sizes of all files in these folders. Their times do not count: `npm ci` brings the same files
 * anew. A folder that is not there counts as empty.
 */
export function traceOf(folders: readonly string[]): string {
  const files = folders.flatMap((folder, position) =>
    filesIn(folder).map((name) => {
      const size = statSync(join(folder, name), { throwIfNoEntry: false })?.size
      return `${position} ${name} ${size}`
    }),
  )
  return createHash('sha256').update(files.sort().join('\n')).digest('hex').slice(0, 12)
}

/** Paths inside the folder. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length))
  } catch {
    return []
  }
}

/** Undefined where npm has left an optional package out. */
function packageFolder(name: string): string | undefined {
  try {
    return dirname(load.resolve(`${name}/package.json`))
  } catch {
    return undefined
  }
}
