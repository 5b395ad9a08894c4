import { createRequire } from 'node:module'

const load = createRequire(import.meta.url)

/** What tfjs-node-gpu wants of Node's `util`, where Node 23 took it out or warns of its use. */
const formerlyInUtil = {
  isNullOrUndefined: (value: unknown): boolean => value === null || value === undefined,
  isArray: (value: unknown): boolean => Array.isArray(value),
}

/**
 * Loads @tensorflow/tfjs-node-gpu, which registers its backend `tensorflow` with tfjs.
 *
 * @throws Error in the package's words where its native part is not installed
 */
export function loadTfjsNode(): void {
  const util = load('node:util') as Record<string, unknown>
  Object.assign(util, formerlyInUtil)
  load('@tensorflow/tfjs-node-gpu')
}
