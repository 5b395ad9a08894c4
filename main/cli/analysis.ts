import type {
  CacheUse,
  DropPoint,
  EarlierTask,
  Forgetting,
  GraphCost,
  PartContributions,
  RunDetail,
  ScoreName,
  Scores,
  SelectionResult,
  TaskSequence,
} from '../../preload/contract.ts'
import { switchedOff } from '../../preload/contract/method-text.ts'
import { figure, megabytes, percent, score, table } from './format.ts'

/** What a run found out besides its scores: a section of text for each part that there is. */
export function describeAnalysis({ tasks, analysis, sequence, best, config }: RunDetail): string[] {
  const metric = best?.metric ?? config.training.bestMetric
  const {
    cost,
    cache,
    forgetting,
    earlierTasks = [],
    dropCurve,
    fusion,
    selections,
    contributions,
  } = analysis
  return [
    ...(cost === undefined ? [] : [costInWords(cost)]),
    ...(cache === undefined ? [] : [cacheInWords(cache)]),
    ...(forgetting === undefined ? [] : [forgettingInWords(forgetting)]),
    ...earlierTasks.map(earlierTaskInWords),
    ...(sequence === undefined ? [] : sequenceInWords(sequence)),
    ...(tasks.length < 2
      ? []
      : [
          section(
            'tasks',
            ['task', 'split', ...scoreHeader],
            tasks.flatMap(({ name, validation, test }) => [
              [name, 'validation', ...scoreCells(validation)],
              ...(test === undefined ? [] : [[name, 'test', ...scoreCells(test)]]),
            ]),
          ),
        ]),
    ...(dropCurve === undefined ? [] : [curveSection(dropCurve, metric)]),
    ...(fusion === undefined
      ? []
      : [
          section(
            'mean weight of each adapter, on validation',
            ['layer', 'place', ...fusion.adapters],
            fusion.weights.map(({ layer, place, weights }) => [
              String(layer),
              place,
              ...weights.map((weight) => weight.toFixed(3)),
            ]),
          ),
          ...(fusion.pruned.length === 0
            ? []
            : [
                section(
                  'fusion pruned to the adapters with the largest mean weight, on validation',
                  ['adapters kept', ...scoreHeader, 'ms per example', 'MFLOP forward'],
                  fusion.pruned.map(({ kept, scores, msPerExample, forwardFlops }) => [
                    String(kept),
                    ...scoreCells(scores),
                    figure(msPerExample),
                    figure(forwardFlops === undefined ? undefined : forwardFlops / 1e6),
                  ]),
                ),
              ]),
        ]),
    ...(contributions === undefined ? [] : contributionSections(contributions)),
    ...(selections === undefined ? [] : [selectionSection(selections, metric)]),
  ]
}

const scoreHeader = ['accuracy', 'macro F1', 'Matthews', 'loss']

const scoreWords: Record<ScoreName, string> = {
  accuracy: 'accuracy',
  macroF1: 'macro F1',
  matthews: 'Matthews coefficient',
}

function scoreCells({ accuracy, macroF1, matthews, loss }: Scores): string[] {
  return [percent(accuracy), percent(macroF1), matthews.toFixed(3), loss.toFixed(4)]
}

function section(title: string, header: string[], rows: string[][]): string {
  return `\n${title}\n${table(header, rows)}`
}

/** Of several tasks, the mean and each task's own score in the metric that picks the checkpoint. */
function curveSection(curve: readonly DropPoint[], metric: ScoreName): string {
  const tasks = curve[0]?.tasks?.map(({ task }) => task) ?? []
  return section(
    `adapters left out of the first layers, on validation${tasks.length > 0 ? `: mean over tasks, and ${scoreWords[metric]} of each` : ''}`,
    ['layers left out', ...scoreHeader, ...tasks, 'ms per example'],
    curve.map(({ droppedLayers, scores, msPerExample, tasks: own = [] }) => [
      String(droppedLayers),
      ...scoreCells(scores),
      ...own.map((task) => score(metric, task.scores[metric])),
      figure(msPerExample),
    ]),
  )
}

/** A row for each selection, as `predict --active` takes it, and a column for each task. */
function selectionSection(selections: readonly SelectionResult[], metric: ScoreName): string {
  const tasks = [...new Set(selections.map(({ task }) => task))]
  const rows = [...Map.groupBy(selections, ({ selection }) => selection)]
  return section(
    `adapters at work: ${scoreWords[metric]} on validation; routed: share of a task’s rows given to its own, mean over tasks`,
    ['selection', 'mean', ...tasks, 'routed'],
    rows.map(([selection, own]) => {
      const routed = own.flatMap((result) => result.routed ?? [])
      return [
        selection,
        score(metric, mean(own.map(({ scores }) => scores[metric]))),
        ...tasks.map((name) => {
          const found = own.find(({ task }) => task === name)
          return found === undefined ? '–' : score(metric, found.scores[metric])
        }),
        percent(routed.length === 0 ? undefined : mean(routed)),
      ]
    }),
  )
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function costInWords({ forwardFlops, backwardFlops, activationBytes }: GraphCost): string {
  return `cost         ${figure(forwardFlops / 1e6)} MFLOP forward, ${figure(backwardFlops / 1e6)} MFLOP backward, ${megabytes(activationBytes)} of activations per example`
}

function cacheInWords({ bytes, savedShare }: CacheUse): string {
  return `cache        ${percent(savedShare)} of a step’s operations saved, ${megabytes(bytes)} of states kept`
}

function forgettingInWords({ before, after, tokens }: Forgetting): string {
  const change = after - before
  const sign = change < 0 ? '−' : '+'
  return `forgetting   masked-language-model loss ${before.toFixed(4)} before, ${after.toFixed(4)} after (${sign}${Math.abs(change).toFixed(4)}), on ${String(tokens)} tokens`
}

function earlierTaskInWords({ name, task, split, before, after }: EarlierTask): string {
  return `earlier task ${task} of “${name}”: ${split} accuracy ${percent(before.accuracy)} before, ${percent(after.accuracy)} after`
}

function sequenceInWords({ stages, tasks, figures: { accuracy: figures } }: TaskSequence): string[] {
  const { averageScore, forgetting, backwardTransfer } = figures
  return [
    `sequence     ${String(tasks.length)} tasks in ${String(stages.length)} runs: average accuracy ${percent(averageScore)}, ` +
      `average forgetting ${percent(forgetting)}, backward transfer ${percent(backwardTransfer)}`,
  ]
}

function contributionSections({ parts, changes, ablations }: PartContributions): string[] {
  return [
    section(
      'parts of the method switched off, on validation',
      ['switched off', ...scoreHeader],
      ablations.map(({ without, scores }) => [switchedOff(without, parts), ...scoreCells(scores)]),
    ),
    section(
      'change of each layer’s output by each part, on validation',
      ['layer', ...parts],
      changes.map((row, layer) => [String(layer), ...row.map(percent)]),
    ),
  ]
}
