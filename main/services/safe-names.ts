import { runAdapterName } from '../training/messages.ts'

/** Words that choose among a run's task adapters (`runs.predict` in the contract), which no task can be called. */
const selections = /^(?:all|own|confident|top\d+)$/

const longest = 40

/**
 * Names of tasks and adapters as they stand in parameter and metric names: letters, digits and underscores, each once.
 * `question types` becomes `question_types`.
 *
 * @param taken those that are in use already
 */
export function safeNames(names: readonly string[], taken: readonly string[] = []): string[] {
  const used = new Set([runAdapterName, ...taken])
  return names.map((name) => {
    const base =
      name
        .normalize('NFC')
        .replace(/[^\p{L}\p{M}\p{N}]+/gu, '_')
        .slice(0, longest)
        .replace(/^_+|_+$/g, '') || 'task'
    let free = base
    for (let number = 2; used.has(free) || selections.test(free); number++) free = `${base}_${number}`
    used.add(free)
    return free
  })
}
