import type { Database } from '../store/database.ts'
import { appendLog } from '../store/run-log.ts'
import { listRunIds, updateRun } from '../store/runs.ts'

const pollTime = 100

/**
 * Runs that a program which went away left `running` become `interrupted`. They keep the process id of their trainer:
 * it ends when it notices that its program is gone, which takes as long as the step that it computes.
 */
export function interruptRuns(database: Database): void {
  for (const id of listRunIds(database, ['running'])) {
    updateRun(database, id, { status: 'interrupted' })
    const text = 'The program ended while this run was going on. It can be resumed.'
    appendLog(database, id, [{ time: new Date().toISOString(), level: 'warning', text }])
  }
}

/**
 * Resolves when none of these processes is there any more, after `limit` milliseconds at the latest: the system may
 * have given an id to another program meanwhile, which is why none of them is ended by us.
 */
export async function waitForProcesses(pids: readonly number[], limit: number): Promise<void> {
  for (let waited = 0; waited < limit && pids.some(isAlive); waited += pollTime) {
    await new Promise((resolve) => setTimeout(resolve, pollTime))
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // EPERM: it is there, but another user's, so it is no trainer of ours.
    return false
  }
}
