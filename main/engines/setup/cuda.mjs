/**
 * `npm run setup:cuda`: the CUDA libraries of onnxruntime, which `npm ci` leaves out, by the package's own script. They
 * come from the package's own host and need CUDA 12 and cuDNN 9 on the system.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)

function say(line) {
  console.error(`setup:cuda: ${line}`)
}

function install() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('onnxruntime’s package has CUDA for Linux x64 only; the device webgpu serves any GPU')
  }
  const folder = dirname(require.resolve('onnxruntime-node/package.json'))
  const library = join(folder, 'bin', 'napi-v6', 'linux', 'x64', 'libonnxruntime_providers_cuda.so')
  if (existsSync(library)) return
  say('fetching onnxruntime’s CUDA libraries')
  const { status, stderr, error } = spawnSync(process.execPath, [join(folder, 'script', 'install.js')], {
    encoding: 'utf8',
    stdio: ['ignore', 'inherit', 'pipe'],
    // `cuda12`, which its comments name, does nothing in a script of npm's.
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'true' },
  })
  if (status === 0 && existsSync(library)) return
  const reason = error?.message ?? /^.*Error: .*$/m.exec(stderr)?.[0] ?? 'the libraries did not arrive'
  throw new Error(`the download failed: ${reason}. It needs a connection to the package's own host`)
}

try {
  install()
  say('installed; `npm run workbench -- devices` says whether the GPU can be used')
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
