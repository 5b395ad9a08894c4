import type { EarlierTask, ScoreName, Scores, SequenceFigures, TaskSequence } from '../../preload/contract.ts'
import { sequenceFigures } from '../statistics/continual.ts'
import type { Database } from '../store/database.ts'
import { getRun, type RunRecord } from '../store/runs.ts'

/** A task, whose it is, and on which rows it is measured. */
type Measured = Pick<EarlierTask, 'runId' | 'task' | 'split'> & { stage: number }

/**
 * The tasks of the runs that a run goes on from, with its own, and their scores after each stage. What a stage found is
 * in its own run's record; where that run has been removed, what the next one found before it began stands for it.
 *
 * @returns undefined for a run that goes on from no other, or has not finished
 */
export function taskSequence(database: Database, run: RunRecord): TaskSequence | undefined {
  const earlier = run.analysis?.earlierTasks ?? []
  if (earlier.length === 0) return undefined
  const names = new Map(
    [...earlier, { runId: run.id, name: run.name }].map(({ runId, name }) => [runId, name]),
  )
  const ids = [...names.keys()]
  const records = ids.map((id) => (id === run.id ? run : getRun(database, id)))
  const own = (run.taskResults ?? []).map(({ name, test }): Omit<Measured, 'stage'> => ({
    ...{ runId: run.id, task: name, split: test ? 'test' : 'validation' },
  }))
  const tasks = [...earlier, ...own].map(({ runId, task, split }): Measured => ({
    ...{ runId, task, split },
    stage: ids.indexOf(runId),
  }))
  const scores = tasks.flatMap((task, index) =>
    ids.flatMap((_, stage) => {
      const found = stage < task.stage ? undefined : scoresAfter(ids, records, stage, task)
      return found ? [{ stage, task: index, scores: found }] : []
    }),
  )
  return {
    stages: Array.from(names, ([runId, name], stage) => ({ runId, name: records[stage]?.name ?? name })),
    tasks: tasks.map(({ task, stage, split }) => ({ name: task, stage, split })),
    scores,
    figures: figuresOf(ids.length, tasks, scores),
  }
}

/** What each stage of a sequence trained, in words. */
export function stageNames({ stages, tasks }: Pick<TaskSequence, 'stages' | 'tasks'>): string[] {
  return stages.map((_, stage) =>
    tasks
      .filter((task) => task.stage === stage)
      .map(({ name }) => name)
      .join(' + '),
  )
}

function scoresAfter(
  ids: readonly string[],
  records: readonly (RunRecord | undefined)[],
  stage: number,
  { runId, task, split, stage: trainedAt }: Measured,
): Scores | undefined {
  const measuredBy = (run: RunRecord | undefined): EarlierTask | undefined =>
    run?.analysis?.earlierTasks?.find((one) => one.runId === runId && one.task === task)
  const run = records[stage]
  const there =
    stage === trainedAt
      ? run?.taskResults?.find(({ name }) => name === task)?.[split === 'test' ? 'test' : 'validation']
      : measuredBy(run)?.after
  const next = records[stage + 1]
  // Where a stage in between is missing, the next one found another backbone than this one left.
  return there ?? (next?.config.earlierRunId === ids[stage] ? measuredBy(next)?.before : undefined)
}

function figuresOf(
  stages: number,
  tasks: readonly Measured[],
  scores: TaskSequence['scores'],
): Record<ScoreName, SequenceFigures> {
  const of = (metric: ScoreName): SequenceFigures =>
    sequenceFigures({
      stages,
      trainedAt: tasks.map(({ stage }) => stage),
      score: (stage, task) =>
        scores.find((cell) => cell.stage === stage && cell.task === task)?.scores[metric],
    })
  return { accuracy: of('accuracy'), macroF1: of('macroF1'), matthews: of('matthews') }
}
