import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const own = fileURLToPath(new URL('../.cache/torch/bin/python', import.meta.url))

/**
 * A Python that has PyTorch: `WORKBENCH_PYTHON`, else the one of `npm run setup:bench`, else `python3`.
 * @throws Error saying how to get one
 */
export function findPython(): { command: string; torch: string } {
  const candidates = [process.env['WORKBENCH_PYTHON'], existsSync(own) ? own : undefined, 'python3']
  for (const command of candidates) {
    if (command === undefined) continue
    const { status, stdout } = spawnSync(command, ['-c', 'import torch; print(torch.__version__)'], {
      encoding: 'utf8',
    })
    if (status === 0) return { command, torch: stdout.trim() }
  }
  throw new Error(
    'no Python with PyTorch was found; run `npm run setup:bench`, or name one in WORKBENCH_PYTHON',
  )
}
