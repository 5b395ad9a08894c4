import type { LogLine, RunProgress, Scores, SplitName } from '../../preload/contract.ts'
import type { Variant } from '../adapters/method.ts'
import type { TrainedValues } from './checkpoint.ts'
import { evaluate, type Evaluation } from './evaluate.ts'
import type { Examples } from './examples.ts'
import type { JobTask, TrainJob } from './messages.ts'
import { meanScores } from './metrics.ts'
import type { Prepared } from './prepare.ts'
import type { Tuning } from './tuning.ts'

/** The tokenised rows of a task. */
export type TaskExamples = Record<SplitName, Examples>

/** What evaluations and analyses of a run need of it. */
export interface RunContext {
  readonly job: TrainJob
  readonly prepared: Prepared
  readonly tuning: Tuning
  /** Of each task. */
  readonly examples: readonly TaskExamples[]
  log(text: string, level?: LogLine['level']): void
  metric(name: string, value: number): void
  at(phase: RunProgress['phase']): void
  /** To be called after each batch: tells the progress, and ends the run where that was asked for. */
  breathe(phase: RunProgress['phase']): Promise<void>
}

/** One task's part of an evaluation. */
export interface TaskEvaluation extends Evaluation {
  task: number
}

/**
 * Evaluates each task through its own head; on the test split those that have one.
 *
 * @param variantOf what of the method is at work for each task; default: all of it
 */
export async function evaluateTasks(
  context: RunContext,
  split: 'validation' | 'test',
  values: TrainedValues,
  variantOf: (task: number) => Variant = () => ({}),
): Promise<TaskEvaluation[]> {
  const { job, prepared, tuning, examples } = context
  const phase = split === 'test' ? 'testing' : 'validating'
  const evaluations: TaskEvaluation[] = []
  for (const [task, { [split]: rows }] of examples.entries()) {
    if (split === 'test' && rows.texts.length === 0) continue
    const breathe = (): Promise<void> => context.breathe(phase)
    const graph = await tuning.evaluation([{ task, variant: variantOf(task) }], values, { whole: false })
    // Test rows are read once: keeping their states would save nothing.
    if (split === 'validation' && graph.states) await tuning.keepStates(rows, breathe)
    const evaluation = await evaluate(graph, split, rows, taskOf(job, task).labels, {
      padId: prepared.tokenizer.padTokenId,
      onBatch: breathe,
    })
    evaluations.push({ task, ...evaluation })
  }
  return evaluations
}

/** The mean over tasks, told as a metric, and where there are several tasks each one's own as well. */
export function tellScores(
  context: RunContext,
  split: 'validation' | 'test',
  evaluations: readonly TaskEvaluation[],
): Scores {
  const scores = overall(evaluations)
  for (const [name, value] of Object.entries(scores)) context.metric(`${split}.${name}`, value)
  if (context.job.tasks.length > 1) {
    for (const { task, scores: own } of evaluations) {
      for (const [name, value] of Object.entries(own)) {
        context.metric(`${split}.${taskOf(context.job, task).name}.${name}`, value)
      }
    }
  }
  return scores
}

export function overall(evaluations: readonly TaskEvaluation[]): Scores {
  const [first] = evaluations
  return first && evaluations.length === 1
    ? first.scores
    : meanScores(evaluations.map(({ scores }) => scores))
}

export function taskOf({ tasks }: Pick<TrainJob, 'tasks'>, index: number): JobTask {
  const task = tasks[index]
  if (!task) throw new Error(`the run has no task ${index}`)
  return task
}
