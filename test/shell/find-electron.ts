import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface ElectronBinary {
  executable: string
  /**
   * Years old, fetched by `npm run setup:test` where the current binary cannot be had: the shell is built for it
   * separately and shows a small test page.
   */
  isOld: boolean
}

/** The Electron to test the shell in: the current one where it is installed, else the old one; undefined without either. */
export function findElectron(): ElectronBinary | undefined {
  const current = currentExecutable()
  if (current !== undefined) return { executable: current, isOld: false }
  const old: { executable: string } = JSON.parse(
    readFileSync(join(root, 'test/shell/old-electron.json'), 'utf8'),
  )
  const executable = join(root, old.executable)
  return existsSync(executable) ? { executable, isOld: true } : undefined
}

function currentExecutable(): string | undefined {
  const inFolder = {
    linux: 'electron',
    darwin: 'Electron.app/Contents/MacOS/Electron',
    win32: 'electron.exe',
  }[process.platform as string]
  if (inFolder === undefined) return undefined
  const folders = [process.env.ELECTRON_OVERRIDE_DIST_PATH, join(root, 'node_modules/electron/dist')]
  return folders
    .filter((folder) => folder !== undefined && folder !== '')
    .map((folder) => join(folder ?? '', inFolder))
    .find((executable) => existsSync(executable))
}
