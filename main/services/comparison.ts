import type { Comparison, ComparisonInput, Handlers } from '../../preload/contract.ts'
import { paretoFront } from '../statistics/curves.ts'
import type { Database } from '../store/database.ts'
import { continuedGroups } from './comparison-analyses.ts'
import { createAnswerStore, type AnswerStore } from './comparison-answers.ts'
import { readCurves } from './comparison-curves.ts'
import { groupFigures } from './comparison-figures.ts'
import { gatherGroups, splitOf } from './comparison-groups.ts'
import { findDisagreements } from './comparison-rows.ts'
import { analyseSweep } from './comparison-sweep.ts'
import { readGroupAnswers, testPairs } from './comparison-tests.ts'
import { answersOf } from './comparison-words.ts'

export interface ComparisonService {
  handlers: Pick<
    Handlers,
    'comparison.get' | 'comparison.curves' | 'comparison.disagreements' | 'comparison.sweep'
  >
}

/** Runs side by side: figures, tests, curves, rows. It reads the store and the runs' folders and changes nothing. */
export function createComparisonService(options: { database: Database; home: string }): ComparisonService {
  const { database, home } = options
  const store = createAnswerStore(home)
  return {
    handlers: {
      'comparison.get': (input) => compare(database, store, input),
      'comparison.curves': (input) => readCurves(database, input),
      'comparison.disagreements': (input) => findDisagreements({ database, home, store }, input),
      'comparison.sweep': (input) => analyseSweep(database, input),
    },
  }
}

async function compare(database: Database, store: AnswerStore, input: ComparisonInput): Promise<Comparison> {
  const { metric } = input
  const { groups, missing } = gatherGroups(database, input)
  const split = splitOf(input, groups)
  const answers = await readGroupAnswers(groups, store, { metric, split })
  const continued = continuedGroups(groups)
  const figures = groups.map((group) => {
    const { sequence, ...rest } = groupFigures(
      group,
      { metric, split },
      answers.get(group.id) ?? { answers: [] },
    )
    return { ...rest, ...(sequence && !continued.has(group.id) ? { sequence } : {}) }
  })
  const { pairs, untested } = testPairs(groups, answers, metric)
  return {
    metric,
    split,
    groups: figures,
    pairs,
    untested,
    pareto: paretoFronts(figures),
    answers: answersOf(figures, pairs, metric),
    missing,
  }
}

function paretoFronts(groups: readonly Comparison['groups'][number][]): Comparison['pareto'] {
  return [...Map.groupBy(groups, ({ datasetId }) => datasetId)].map(([datasetId, alike]) => {
    const front = (costOf: (group: Comparison['groups'][number]) => number | undefined): string[] => {
      const points = alike.flatMap((group) => {
        const cost = costOf(group)
        return cost === undefined || group.score === undefined
          ? []
          : [{ id: group.id, cost, quality: group.score.mean }]
      })
      const chosen = paretoFront(
        points.map(({ cost }) => cost),
        points.map(({ quality }) => quality),
      )
      return chosen.flatMap((index) => points[index]?.id ?? [])
    }
    return {
      datasetId,
      parameters: front(({ trainableParameters }) => trainableParameters),
      seconds: front(({ seconds }) => seconds?.mean),
    }
  })
}
