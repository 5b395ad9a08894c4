import { runAdapterName, type JobTask } from './messages.ts'

/**
 * The tasks' names as parts of parameter names: with what a path cannot hold replaced, and unique. A task alone
 * stands under the run's own name.
 */
export function pathNames(tasks: readonly Pick<JobTask, 'name'>[]): string[] {
  if (tasks.length === 1) return [runAdapterName]
  const taken = new Set<string>()
  return tasks.map(({ name }) => {
    const stem = name.replaceAll(/[^\p{L}\p{N}_-]+/gu, '_')
    let path = stem
    for (let number = 2; taken.has(path); number++) path = `${stem}_${number}`
    taken.add(path)
    return path
  })
}

/** Under which name each task's head stands in the state dict: `run`, or `run_<task>` where there are several. */
export function headNames(tasks: readonly Pick<JobTask, 'name'>[]): string[] {
  const names = pathNames(tasks)
  return names.length === 1 ? names : names.map((name) => `${runAdapterName}_${name}`)
}
