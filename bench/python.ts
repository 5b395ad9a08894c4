import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const own = fileURLToPath(new URL('../.cache/torch/bin/python', import.meta.url))

/**
 * A Python that has PyTorch: `WORKBENCH_PYTHON` and no other where it is set, else the one of
 * `npm run setup:bench`, else `python3`.
 * @throws Error saying how to get one
 */
export function findPython(): { command: string; torch: string } {
  const named = process.env['WORKBENCH_PYTHON']
  const candidates = named === undefined ? [...(existsSync(own) ? [own] : []), 'python3'] : [named]
  for (const command of candidates) {
    const { status, stdout } = spawnSync(command, ['-c', 'import torch; print(torch.__version__)'], {
      encoding: 'utf8',
    })
    if (status === 0) return { command, torch: stdout.trim() }
  }
  throw new Error(
    `No PyTorch was found with ${candidates.join(' or ')}. ` +
      'Run `npm run setup:bench`, or name a Python that has it in WORKBENCH_PYTHON.',
  )
}
