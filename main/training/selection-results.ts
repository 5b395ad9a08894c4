import type { Scores, SelectionResult } from '../../preload/contract.ts'
import type { TrainedValues } from './checkpoint.ts'
import { floats, placeRows, readBatches, type ReadOptions } from './evaluate.ts'
import type { Examples } from './examples.ts'
import { argmax, confusionCounts, scoresOf, softmaxRow } from './metrics.ts'
import { evaluateTasks, taskOf, type RunContext } from './run-context.ts'
import { selectedVariant, selectionsToEvaluate } from './selection.ts'
import type { TunedModel } from './tuned-model.ts'
import type { ReadyGraph, Tuning } from './tuning.ts'

/**
 * Validation scores of a multi-task run with some of its task adapters at work.
 *
 * @returns undefined for a run of one task, and for a method without task adapters
 */
export async function evaluateSelections(
  context: RunContext,
  values: TrainedValues,
): Promise<SelectionResult[] | undefined> {
  const { job, prepared } = context
  const { model } = prepared
  if (job.tasks.length < 2 || !model.method.gates) return undefined
  const results: SelectionResult[] = []
  for (const { text, selection } of selectionsToEvaluate(job.tasks.map(({ name }) => name))) {
    context.at('validating')
    const evaluations = await evaluateTasks(context, 'validation', values, (task) =>
      selectedVariant(selection, task, model, values.parameters),
    )
    for (const { task, scores } of evaluations) {
      results.push({ selection: text, task: taskOf(job, task).name, scores })
    }
  }
  results.push(...(await evaluateConfident(context, values)))
  return results
}

/**
 * Each row is answered by the task whose head is most confident: one that another task answers is a wrong answer. The
 * loss is that of the own task's head.
 */
async function evaluateConfident(context: RunContext, values: TrainedValues): Promise<SelectionResult[]> {
  const { job, prepared, tuning, examples } = context
  const results: SelectionResult[] = []
  for (const [task, { validation }] of examples.entries()) {
    context.at('validating')
    const graph = await confidentGraph(tuning, prepared.model, values)
    const answers = await mostConfident(graph, prepared.model, validation, {
      own: task,
      padId: prepared.tokenizer.padTokenId,
      onBatch: () => context.breathe('validating'),
    })
    results.push({
      selection: 'confident',
      task: taskOf(job, task).name,
      ...confidentScores(answers, task, validation, prepared.model),
    })
  }
  return results
}

/** A graph that reads every task alone with its head; layers below the first adapter are computed once. */
export function confidentGraph(
  tuning: Tuning,
  model: TunedModel,
  values: TrainedValues,
): Promise<ReadyGraph> {
  const readings = model.tasks.map((_, task) => ({
    task,
    variant: selectedVariant({ kind: 'own' }, task, model, values.parameters),
  }))
  return tuning.evaluation(readings, values)
}

export interface ConfidentAnswers {
  /** The task that answers each row, and its scores for its classes. */
  answers: { task: number; scores: number[] }[]
  /** Mean cross-entropy of the task that the rows are of. */
  loss: number
}

/** @param options `own` is the task that the rows are of */
export async function mostConfident(
  graph: ReadyGraph,
  { tasks }: TunedModel,
  examples: Examples,
  options: Omit<ReadOptions, 'labels'>,
): Promise<ConfidentAnswers> {
  const suffix = (task: number): string => (task === 0 ? '' : `.${task}`)
  const logits = tasks.map(({ labels }) => new Float32Array(examples.texts.length * labels))
  const ownLoss = `taskLoss${suffix(options.own ?? 0)}`
  const fetch = [...tasks.map((_, task) => `logits${suffix(task)}`), ownLoss]
  let loss = 0
  for await (const { indices, outputs } of readBatches(graph, examples, fetch, {
    ...options,
    labels: tasks.map(({ labels }) => labels),
  })) {
    tasks.forEach(({ labels }, task) => {
      const all = logits[task]
      if (all) placeRows(all, floats(outputs, `logits${suffix(task)}`), indices, labels)
    })
    loss += Number(outputs[ownLoss]?.data[0])
  }
  const answers = examples.texts.map((_, row) => {
    const candidates = tasks.map(({ labels }, task) => {
      const scores = softmaxRow(logits[task] ?? [], labels, row)
      return { task, scores, confidence: Math.max(...scores) }
    })
    const best = candidates.reduce((most, other) => (other.confidence > most.confidence ? other : most))
    return { task: best.task, scores: best.scores }
  })
  return { answers, loss }
}

function confidentScores(
  { answers, loss }: ConfidentAnswers,
  task: number,
  { classes }: Examples,
  { tasks }: TunedModel,
): { scores: Scores; routed: number } {
  const labels = tasks[task]?.labels ?? 0
  // One class more stands for an answer of another task; it is wrong, but no class to average over.
  const predicted = answers.map((answer) =>
    answer.task === task ? argmax(answer.scores, labels, 0) : labels,
  )
  const routed = answers.filter((answer) => answer.task === task).length
  return {
    scores: scoresOf(confusionCounts(classes, predicted, labels + 1), loss, labels),
    routed: answers.length === 0 ? 0 : routed / answers.length,
  }
}
