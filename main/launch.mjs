/**
 * `node main/launch.mjs start|serve|cli|build …`: builds what is missing or stale, then runs it. Plain JavaScript that
 * every Node from 20 on runs; the program itself runs on the Node of the `node` package, or in Electron.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

const sources = [
  'main',
  'preload',
  'renderer',
  'electron.vite.config.ts',
  'package.json',
  'package-lock.json',
]
const products = ['main/server.js', 'main/cli.js', 'main/trainer.js', 'renderer/index.html']

/** The Node binary of the `node` package; the one that runs this where that package is missing. */
export function nodeBinary(folder = root) {
  const binary = join(
    folder,
    'node_modules',
    'node',
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  )
  return existsSync(binary) ? binary : process.execPath
}

/**
 * The Electron binary, if there is one already; the package would download it when first asked.
 * @param {Readonly<Record<string, string | undefined>>} environment
 */
export function electronBinary(folder = root, environment = process.env, platform = process.platform) {
  const names = { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' }
  const name = names[platform] ?? 'electron'
  const dist = environment.ELECTRON_OVERRIDE_DIST_PATH || join(folder, 'node_modules', 'electron', 'dist')
  const binary = join(dist, name)
  return existsSync(binary) ? binary : undefined
}

/** What the build depends on, in one hash: names, sizes and times, since reading all files would take too long. */
export function fingerprint(folder = root) {
  const hash = createHash('sha256')
  const visit = (path) => {
    const status = statSync(path, { throwIfNoEntry: false })
    if (status === undefined) return
    if (status.isDirectory()) {
      for (const name of readdirSync(path).sort()) visit(join(path, name))
    } else {
      hash.update(`${relative(folder, path)} ${status.size} ${status.mtimeMs}\n`)
    }
  }
  for (const source of sources) visit(join(folder, source))
  return hash.digest('hex')
}

/** Whether `out/` is missing or was built from other sources. */
export function isStale(folder = root) {
  const out = join(folder, 'out')
  if (!products.every((product) => existsSync(join(out, product)))) return true
  try {
    return readFileSync(join(out, 'built-from'), 'utf8') !== fingerprint(folder)
  } catch {
    return true
  }
}

/**
 * Build unless that is done. Of several launches at once one builds and the others wait for it.
 * @param {{ folder?: string, always?: boolean, build?: (folder: string) => Promise<number> }} options
 * @returns the exit status of the build; 0 where none was needed
 */
export async function ensureBuilt({ folder = root, always = false, build = runBuild } = {}) {
  if (!always && !isStale(folder)) return 0
  const out = join(folder, 'out')
  mkdirSync(out, { recursive: true })
  const unlock = await lockBuild(join(out, 'building'))
  try {
    if (!always && !isStale(folder)) return 0
    const builtFrom = fingerprint(folder)
    rmSync(join(out, 'built-from'), { force: true })
    const status = await build(folder)
    if (status === 0) writeFileSync(join(out, 'built-from'), builtFrom)
    return status
  } finally {
    unlock()
  }
}

/** A folder that exists while someone builds, with the builder's process id in it. */
async function lockBuild(lock) {
  let said = false
  for (;;) {
    try {
      mkdirSync(lock)
      writeFileSync(join(lock, 'pid'), String(process.pid))
      return () => rmSync(lock, { recursive: true, force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (isAbandoned(lock)) {
      // Renamed first, so that of several who see this only one removes it.
      const aside = `${lock}-${process.pid}`
      try {
        renameSync(lock, aside)
        rmSync(aside, { recursive: true, force: true })
      } catch {
        // Another was faster.
      }
    } else {
      if (!said) process.stderr.write('Waiting for another launch that builds the program …\n')
      said = true
      await delay(200)
    }
  }
}

function isAbandoned(lock) {
  try {
    const pid = Number(readFileSync(join(lock, 'pid'), 'utf8'))
    if (!(pid > 0)) throw new Error('not written yet')
    process.kill(pid, 0)
    return false
  } catch (error) {
    if (error.code === 'ESRCH') return true
    if (error.code === 'EPERM') return false
    // The id is written right after the folder is made; a builder that died in between left none.
    const status = statSync(lock, { throwIfNoEntry: false })
    return status !== undefined && Date.now() - status.mtimeMs > 10_000
  }
}

async function runBuild(folder) {
  const script = join(folder, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js')
  if (!existsSync(script)) {
    process.stderr.write('The packages are not installed. Run: npm ci\n')
    return 1
  }
  process.stderr.write('Building the program …\n')
  const child = spawn(nodeBinary(folder), [script, 'build'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // Its output is for people: stdout belongs to the program that is started after it.
  child.stdout.pipe(process.stderr, { end: false })
  child.stderr.pipe(process.stderr, { end: false })
  return exitOf(child)
}

/** The folder that the user is in: npm runs scripts in the package's folder and keeps the other one here. */
export function userFolder(environment = process.env, current = process.cwd(), folder = root) {
  const isPackageFolder = relative(current, folder) === ''
  const called = environment.npm_lifecycle_event !== undefined ? environment.INIT_CWD : undefined
  return isPackageFolder && called !== undefined && existsSync(called) ? called : current
}

/** Run to its end, signals passed on; resolves to its exit status, 128 + number when a signal ended it. */
async function run(command, args) {
  const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`
  const child = spawn(command, args, {
    stdio: 'inherit',
    cwd: userFolder(),
    env: { ...process.env, PATH: path },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // Windows knows no signals: the console tells the child itself, and `kill` would end it at once.
      if (process.platform !== 'win32') child.kill(signal)
    })
  }
  return exitOf(child)
}

function exitOf(child) {
  return new Promise((done) => {
    child.once('error', (error) => {
      process.stderr.write(`${error.message}\n`)
      done(1)
    })
    child.once('close', (code, signal) =>
      done(code ?? 128 + ({ SIGINT: 2, SIGKILL: 9, SIGSEGV: 11 }[signal] ?? 15)),
    )
  })
}

const entry = (name) => join(root, 'out', 'main', `${name}.js`)

/** Why the desktop window cannot open here, in a sentence; undefined where it can. */
export function desktopProblem(electron, environment = process.env, platform = process.platform) {
  if (electron === undefined) {
    return 'The Electron binary is not installed (to download it once: npx install-electron), so the workbench is served to your browser instead.'
  }
  if (platform === 'linux' && !environment.DISPLAY && !environment.WAYLAND_DISPLAY) {
    return 'There is no display for a window, so the workbench is served to your browser instead.'
  }
  return undefined
}

async function launch(mode, args) {
  const status = await ensureBuilt({ always: mode === 'build' })
  if (status !== 0) {
    process.stderr.write('The program could not be built; see above.\n')
    return 1
  }
  if (mode === 'build') return 0
  if (mode === 'cli' || mode === 'serve') {
    return run(nodeBinary(), [entry(mode === 'cli' ? 'cli' : 'server'), ...args])
  }
  const electron = electronBinary()
  const problem = desktopProblem(electron)
  if (problem === undefined) return run(electron, [root, ...args])
  process.stderr.write(`${problem}\n`)
  return run(nodeBinary(), [entry('server'), '--open', ...args])
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  const [mode, ...args] = process.argv.slice(2)
  if (['start', 'serve', 'cli', 'build'].includes(mode)) {
    process.exitCode = await launch(mode, args)
  } else {
    process.stderr.write('usage: node main/launch.mjs start|serve|cli|build …\n')
    process.exitCode = 2
  }
}
