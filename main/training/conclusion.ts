import { WorkbenchError, type TaskResult } from '../../preload/contract.ts'
import { analyseRun } from './analysis.ts'
import type { Position, TrainedValues } from './checkpoint.ts'
import { partOf } from './layout.ts'
import type { TrainResult } from './messages.ts'
import { onlyAnswer } from './metrics.ts'
import { writeAnswers, type KeptAnswers } from './predictions.ts'
import { backboneHash, frozenUnchanged } from './prepare.ts'
import {
  evaluateTasks,
  overall,
  taskOf,
  tellScores,
  type RunContext,
  type TaskEvaluation,
} from './run-context.ts'
import { writeParts } from './trained-parts.ts'

/** What a run found out, without what it measured of itself. */
export type Conclusion = Omit<TrainResult, 'examplesPerSecond' | 'stepMs' | 'peakRssBytes' | 'seconds'>

/**
 * Evaluates a run's best parameters, writes the parts of them that are worth keeping, and proves the frozen backbone
 * frozen.
 *
 * @throws WorkbenchError `engine` where the frozen backbone is not as it was
 */
export async function concludeRun(
  context: RunContext,
  best: NonNullable<Position['best']>,
  values: TrainedValues,
): Promise<Conclusion> {
  const { job, prepared } = context
  context.at('validating')
  const validation = await evaluateTasks(context, 'validation', values)
  for (const evaluation of validation) warnOfOneAnswer(context, evaluation)
  let test: TaskEvaluation[] = []
  if (context.examples.some((rows) => rows.test.texts.length > 0)) {
    context.at('testing')
    test = await evaluateTasks(context, 'test', values)
    const { accuracy } = tellScores(context, 'test', test)
    context.log(
      `Test accuracy ${(accuracy * 100).toFixed(1)} % with the parameters of epoch ${best.epoch}` +
        (test.length > 1 ? `, mean of ${test.length} tasks` : ''),
    )
  }
  const analysis = await analyseRun(context, values, validation)
  context.at('saving')
  await writeAnswers(job.runFolder, [
    ...validation.map(({ task, logits }) => answersOf(context, 'validation', task, logits)),
    ...test.map(({ task, logits }) => answersOf(context, 'test', task, logits)),
  ])
  const parts = await writeParts(job, prepared.model, values.parameters)
  const backboneHashAfter = await hashAfter(context, values)
  return {
    best: { epoch: best.epoch, metric: best.metric, value: best.value },
    validation: best.validation,
    ...(test.length > 0 ? { test: overall(test) } : {}),
    confusion: [...validation, ...test].filter(({ task }) => task === 0).map(({ confusion }) => confusion),
    tasks: validation.map((evaluation) =>
      taskResult(
        context,
        evaluation,
        test.find(({ task }) => task === evaluation.task),
      ),
    ),
    analysis,
    parts,
    backboneHashAfter,
  }
}

/** Scores that look like something (58 % of two classes) may be those of a run that tells nothing apart. */
function warnOfOneAnswer({ job, log }: RunContext, { task, confusion }: TaskEvaluation): void {
  const answer = onlyAnswer(confusion.counts)
  if (answer === undefined) return
  const where = job.tasks.length > 1 ? ` of ${taskOf(job, task).name}` : ''
  log(
    `Every validation row${where} is taken for “${confusion.labels[answer]}”: the run has learned nothing that tells ` +
      'the classes apart. Try another learning rate, more epochs or another seed',
    'warning',
  )
}

function taskResult(
  { job }: RunContext,
  validation: TaskEvaluation,
  test: TaskEvaluation | undefined,
): TaskResult {
  const { datasetId, name } = taskOf(job, validation.task)
  return {
    datasetId,
    name,
    validation: validation.scores,
    ...(test ? { test: test.scores } : {}),
    confusion: [validation.confusion, ...(test ? [test.confusion] : [])],
  }
}

function answersOf(
  { examples }: RunContext,
  split: KeptAnswers['split'],
  task: number,
  logits: Float32Array,
): KeptAnswers {
  return { split, task, logits, classes: examples[task]?.[split].classes ?? new Int32Array(0) }
}

async function hashAfter({ prepared }: RunContext, { parameters }: TrainedValues): Promise<string> {
  const { layout } = prepared.model
  const hash = await backboneHash(prepared, (name) => {
    const entry = layout.entries.get(name)
    return entry && partOf(parameters, entry)
  })
  const unchanged =
    prepared.frozen && !prepared.half ? hash === prepared.backbone.hash : await frozenUnchanged(prepared)
  if (!unchanged) {
    throw new WorkbenchError(
      'engine',
      'the frozen backbone changed during the run: its weight file was altered; remove the cache folder and run again',
    )
  }
  return hash
}
