import { existsSync, mkdirSync } from 'node:fs'
import { homedir, platform as hostPlatform } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

import { WorkbenchError } from '../preload/contract.ts'

/** Where the home folder's name may come from; the defaults are this process's. */
export interface HomeSources {
  /** Command-line arguments, of which `--home FOLDER` and `--home=FOLDER` count. */
  argv?: readonly string[]
  environment?: Readonly<Record<string, string | undefined>>
  platform?: NodeJS.Platform
  userFolder?: string
}

/**
 * The home folder's absolute path: `--home`, else `WORKBENCH_HOME`, else the platform's data folder.
 * Only names it: nothing is created.
 * @throws WorkbenchError `bad-input` when `--home` stands without a folder
 */
export function homePath(sources: HomeSources = {}): string {
  const { argv = process.argv.slice(2), environment = process.env } = sources
  const { platform = hostPlatform(), userFolder = homedir() } = sources
  const named = homeArgument(argv) ?? environment.WORKBENCH_HOME
  if (named !== undefined && named !== '') return resolve(named)
  if (platform === 'darwin') return join(userFolder, 'Library', 'Application Support', 'Adapter Workbench')
  if (platform === 'win32') {
    return join(environment.APPDATA ?? join(userFolder, 'AppData', 'Roaming'), 'Adapter Workbench')
  }
  // The XDG base directory specification: a relative path there is to be ignored.
  const dataHome = environment.XDG_DATA_HOME
  const base = dataHome !== undefined && isAbsolute(dataHome) ? dataHome : join(userFolder, '.local', 'share')
  return join(base, 'adapter-workbench')
}

/**
 * The home folder (see `homePath`), created where it is missing, readable by its user only.
 * @throws WorkbenchError `bad-input` when `--home` stands without a folder, `storage` when it cannot be created
 */
export function resolveHome(sources: HomeSources = {}): string {
  const home = homePath(sources)
  if (existsSync(home)) return home
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new WorkbenchError(
      'storage',
      `The home folder ${home} cannot be created: ${reason}. Name another with --home.`,
      { cause: error },
    )
  }
  return home
}

function homeArgument(argv: readonly string[]): string | undefined {
  for (const [index, argument] of argv.entries()) {
    if (argument.startsWith('--home=')) return requireFolder(argument.slice('--home='.length))
    if (argument === '--home') return requireFolder(argv[index + 1])
  }
  return undefined
}

function requireFolder(folder: string | undefined): string {
  if (folder === undefined || folder === '' || folder.startsWith('--')) {
    throw new WorkbenchError('bad-input', '--home needs a folder, as in --home ./my-workbench.')
  }
  return folder
}
