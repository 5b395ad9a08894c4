import { WorkbenchError, type RunConfig } from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import { getRun, isImported, type RunRecord } from '../store/runs.ts'

/**
 * The run that a configuration goes on from.
 * @throws WorkbenchError `not-found` where it is not there, `bad-input` where nothing can go on from it
 */
export function findEarlierRun(
  database: Database,
  { earlierRunId, modelId }: RunConfig,
): RunRecord | undefined {
  if (earlierRunId === undefined) return undefined
  const earlier = getRun(database, earlierRunId)
  if (earlier === undefined) {
    throw new WorkbenchError(
      'not-found',
      `earlierRunId: there is no run ${earlierRunId}. See the list of runs.`,
    )
  }
  if (isImported(database, earlierRunId)) {
    throw new WorkbenchError(
      'bad-input',
      `earlierRunId: the run “${earlier.name}” was imported: what it trained is not here. Name a run of this workbench.`,
    )
  }
  if (earlier.status !== 'finished') {
    throw new WorkbenchError(
      'bad-input',
      `earlierRunId: the run “${earlier.name}” has not finished. Wait for it, or name another.`,
    )
  }
  if (earlier.modelId !== modelId) {
    throw new WorkbenchError(
      'bad-input',
      `earlierRunId: the run “${earlier.name}” trained the model “${earlier.modelName}”. Choose that model, or another run.`,
    )
  }
  return earlier
}

/**
 * All runs that a configuration goes on from, in the order in which they were trained: each went on from the one
 * before it. Where one in between has been removed, those that the next measured again stand for what it went on from.
 *
 * @throws WorkbenchError as `findEarlierRun`, which finds the last of them
 */
export function findEarlierRuns(database: Database, config: RunConfig): RunRecord[] {
  const runs: RunRecord[] = []
  for (let run = findEarlierRun(database, config); run !== undefined;) {
    runs.unshift(run)
    const { earlierRunId } = run.config
    const before = earlierRunId === undefined ? undefined : getRun(database, earlierRunId)
    if (earlierRunId !== undefined && before === undefined) {
      const measured = new Set(run.analysis?.earlierTasks?.map(({ runId }) => runId))
      runs.unshift(...[...measured].flatMap((id) => getRun(database, id) ?? []))
    }
    run = before
  }
  return runs
}
