import { runAdapterName, type JobTask } from './messages.ts'

/**
 * Under which name each task's head and adapters stand in the state dict: `run`, or `run_<task>` where there are
 * several, with what a path cannot hold replaced.
 */
export function taskPaths(tasks: readonly Pick<JobTask, 'name'>[]): string[] {
  if (tasks.length === 1) return [runAdapterName]
  const taken = new Set<string>()
  return tasks.map(({ name }) => {
    const stem = `${runAdapterName}_${name.replaceAll(/[^\p{L}\p{N}_-]+/gu, '_')}`
    let path = stem
    for (let number = 2; taken.has(path); number++) path = `${stem}_${number}`
    taken.add(path)
    return path
  })
}
