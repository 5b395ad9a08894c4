/**
 * `npm run setup:bench`: a Python environment with the official CPU build of PyTorch in the ignored `.cache/torch`,
 * which only the benchmark needs. Run again, it does only what is missing.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../.cache/torch/', import.meta.url))
const python = join(folder, 'bin', 'python')
const requirement = 'torch==2.13.0'

/** Wheels that were measured with, and what they must hash to. */
const wheels = {
  'torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl':
    '6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b',
}

function run(command, args) {
  const { status, error, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (status === 0) return
  const reason = error?.message ?? stderr?.trim().split('\n').at(-1)
  throw new Error(`\`${command} ${args.join(' ')}\` failed: ${reason}`)
}

function say(line) {
  console.error(`setup:bench: ${line}`)
}

function hasTorch() {
  return existsSync(python) && spawnSync(python, ['-c', 'import torch']).status === 0
}

function install() {
  run(process.env.WORKBENCH_PYTHON ?? 'python3', ['-m', 'venv', folder])
  const downloads = join(folder, 'download')
  rmSync(downloads, { recursive: true, force: true })
  mkdirSync(downloads)
  say(`fetching ${requirement}`)
  run(python, ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', downloads, requirement])
  const [wheel] = readdirSync(downloads)
  if (wheel === undefined) throw new Error(`no wheel of ${requirement} arrived`)
  const path = join(downloads, wheel)
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex')
  if (wheels[wheel] !== sha256) {
    const expected = wheels[wheel] ?? `none that is known; known are ${Object.keys(wheels).join(', ')}`
    throw new Error(
      `${wheel} has SHA-256 ${sha256}, expected ${expected}. To measure with a PyTorch of your own, name its Python in WORKBENCH_PYTHON`,
    )
  }
  run(python, ['-m', 'pip', 'install', '--quiet', path])
  rmSync(downloads, { recursive: true })
}

try {
  if (hasTorch()) {
    say('PyTorch: there')
  } else {
    install()
    say(`PyTorch: in ${folder}`)
  }
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
