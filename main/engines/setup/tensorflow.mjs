/**
 * `npm run setup:tensorflow [-- --libtensorflow <folder>]`: the native part of @tensorflow/tfjs-node-gpu, which `npm ci`
 * leaves out. Without a folder the package downloads what it was made for; with one, an unpacked TensorFlow wheel, its
 * binding is compiled against that, in place of one that is there.
 */
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const require = createRequire(import.meta.url)
const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']

/** Where npm put the package; undefined where it left it out. */
function packageFolder(name) {
  try {
    return dirname(require.resolve(`${name}/package.json`))
  } catch {
    return undefined
  }
}

/** The Node that runs the program: the binding is made for its Node-API version. */
const node = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')

/** Why the package's native part cannot be loaded, in its own words; undefined where it can. */
export function tensorflowProblem() {
  const loader = new URL('../tfjs-node.ts', import.meta.url).href
  const script = `const { loadTfjsNode } = await import(${JSON.stringify(loader)}); await loadTfjsNode()`
  const { status, stderr, error } = spawnSync(node, ['--input-type=module', '-e', script], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
  })
  if (status === 0) return undefined
  return error?.message ?? /^\w*Error: (.*)$/m.exec(stderr)?.[1] ?? stderr.trim()
}

/**
 * Installs the native part.
 *
 * @param {{ libtensorflow?: string, keep?: boolean, say: (line: string) => void }} options keep one that can be loaded
 * @throws Error saying what failed and what to do
 */
export function installTensorflow({ libtensorflow, keep = libtensorflow === undefined, say }) {
  const folder = packageFolder('@tensorflow/tfjs-node-gpu')
  if (folder === undefined) {
    throw new Error('the package @tensorflow/tfjs-node-gpu is not installed; run: npm ci --include=optional')
  }
  if (keep && tensorflowProblem() === undefined) return say('TensorFlow: there')
  if (libtensorflow === undefined) download(folder, say)
  else compile(folder, resolve(libtensorflow), say)
  const problem = tensorflowProblem()
  if (problem !== undefined) throw new Error(`TensorFlow was installed but cannot be loaded: ${problem}`)
  say('TensorFlow: installed')
}

function download(folder, say) {
  say('fetching what @tensorflow/tfjs-node-gpu was made for')
  const path = [join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter)
  const { status, stderr, error } = spawnSync(node, ['scripts/install.js', 'gpu', 'download'], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'inherit', 'pipe'],
    env: { ...process.env, PATH: path },
  })
  if (status === 0) return
  const reason = error?.message ?? /^\w*Error: .*$/m.exec(stderr)?.[0] ?? lastLine(stderr)
  throw new Error(
    `the package's own download failed (${reason}). With a TensorFlow wheel at hand, unpack it and run: npm run setup:tensorflow -- --libtensorflow <its folder>`,
  )
}

function compile(folder, wheel, say) {
  if (process.platform !== 'linux') {
    throw new Error(
      '--libtensorflow works on Linux; elsewhere use the package’s own download, without that option',
    )
  }
  const tensorflow = [join(wheel, 'tensorflow'), wheel].find((path) =>
    libraries.every((name) => existsSync(join(path, name))),
  )
  if (tensorflow === undefined) {
    throw new Error(
      `${wheel} is no unpacked TensorFlow wheel: it lacks tensorflow/${libraries.join(' and ')}`,
    )
  }
  const headers = packageFolder('node-api-headers')
  if (headers === undefined) throw new Error('the package node-api-headers is not installed; run: npm ci')
  const lib = join(folder, 'deps', 'lib')
  rmSync(join(folder, 'deps'), { recursive: true, force: true })
  mkdirSync(lib, { recursive: true })
  for (const name of libraries) linkOrCopy(join(tensorflow, name), join(lib, name))
  symlinkSync(libraries[0], join(lib, 'libtensorflow.so'))
  symlinkSync(libraries[1], join(lib, 'libtensorflow_framework.so'))

  const target = join(folder, 'lib', `napi-v${bindingVersion(folder)}`)
  mkdirSync(target, { recursive: true })
  const sources = readdirSync(join(folder, 'binding')).filter((name) => name.endsWith('.cc'))
  say('compiling its binding')
  const compiler = process.env.CXX ?? 'g++'
  const { status, stderr, error } = spawnSync(
    compiler,
    [
      ...['-O2', '-fPIC', '-shared', '-std=c++17', '-w', '-DNAPI_VERSION=8'],
      ...sources.map((name) => join('binding', name)),
      ...[`-I${join(headers, 'include')}`, `-I${join(tensorflow, 'include')}`],
      ...[`-L${lib}`, '-ltensorflow', '-ltensorflow_framework', '-Wl,-rpath,$ORIGIN/../../deps/lib'],
      ...['-o', join(target, 'tfjs_binding.node')],
    ],
    { cwd: folder, encoding: 'utf8' },
  )
  if (error?.code === 'ENOENT') {
    throw new Error(
      `there is no C++ compiler ${compiler}; install one (Debian: apt-get install g++) and run this again`,
    )
  }
  if (status !== 0) throw new Error(`${compiler} could not compile the binding: ${lastLine(stderr)}`)
}

/** The newest Node-API version that both the package and Node know: it names the folder that is looked into. */
function bindingVersion(folder) {
  const { stdout } = spawnSync(node, ['-p', 'process.versions.napi'], { encoding: 'utf8' })
  const { binary } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return Math.max(...binary.napi_versions.filter((version) => version <= Number(stdout)))
}

/** A second name for the file, which needs no room; a copy where the folders are on different disks. */
function linkOrCopy(from, to) {
  try {
    linkSync(realpathSync(from), to)
  } catch {
    copyFileSync(from, to)
  }
}

function lastLine(text) {
  return text?.trim().split('\n').at(-1) || undefined
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  const say = (line) => console.error(`setup:tensorflow: ${line}`)
  try {
    const { values } = parseArgs({ options: { libtensorflow: { type: 'string' } } })
    installTensorflow({ ...values, say })
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}
