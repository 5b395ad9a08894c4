import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { describe, it } from 'vitest'

const root = fileURLToPath(new URL('../../shared/', import.meta.url))

/** Path inside the folder of real data and checkpoints that lies beside the repository. */
export function sharedPath(relative: string): string {
  return root + relative
}

/**
 * A `describe` for tests on real data: without the folder they are left out with one line saying so, and
 * with `WORKBENCH_REQUIRE_SHARED=1` its absence fails.
 */
export function describeWithShared(name: string, needs: string[], body: () => void): void {
  const missing = needs.filter((path) => !existsSync(sharedPath(path)))
  if (missing.length === 0) {
    describe(name, body)
  } else if (process.env['WORKBENCH_REQUIRE_SHARED'] === '1') {
    describe(name, () => {
      it('finds its data in ../shared', () => {
        throw new Error(`missing in ../shared: ${missing.join(', ')}`)
      })
    })
  } else {
    console.warn(`left out "${name}": ../shared lacks ${missing.join(', ')}`)
    describe(name, () => {
      it('is left out because ../shared is not beside the repository', () => undefined)
    })
  }
}
