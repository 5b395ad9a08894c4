import type {
  ComparedContributions,
  ComparedGroup,
  ComparedSequence,
  RunAnalysis,
  ScoreName,
  TaskSequence,
} from '../../preload/contract.ts'
import { spreadOf, type Spread } from '../statistics/spread.ts'
import type { ComparedEntry, Group } from './comparison-groups.ts'
import { stageNames } from './task-sequence.ts'

/** Means over the runs whose parts are the first one's. */
export function contributionsOf(
  analyses: readonly RunAnalysis[],
  metric: ScoreName,
): Pick<ComparedGroup, 'contributions'> {
  const [first, ...others] = analyses.flatMap(({ contributions }) => contributions ?? [])
  if (first === undefined) return {}
  const alike = [first, ...others.filter(({ parts }) => parts.join() === first.parts.join())]
  const scoreWithout = (own: typeof first, parts: readonly string[]): number | undefined =>
    own.ablations.find(({ without }) => without.join() === parts.join())?.scores[metric]
  return {
    contributions: {
      parts: first.parts,
      changes: first.changes.map((row, layer) =>
        row.map((_, part) => spreadOf(alike.map(({ changes }) => changes[layer]?.[part] ?? 0))),
      ),
      ablations: first.ablations.flatMap(({ without }): ComparedContributions['ablations'] => {
        const pairs = alike.flatMap((own) => {
          const [all, left] = [scoreWithout(own, []), scoreWithout(own, without)]
          return all === undefined || left === undefined ? [] : [{ all, left }]
        })
        if (pairs.length === 0) return []
        const score = spreadOf(pairs.map(({ left }) => left))
        return [{ without, score, fall: spreadOf(pairs.map(({ all, left }) => all - left)) }]
      }),
    },
  }
}

/** Means over the runs whose tasks are the first one's. */
export function sequenceOf(
  entries: readonly Pick<ComparedEntry, 'sequence'>[],
  metric: ScoreName,
): Pick<ComparedGroup, 'sequence'> {
  const [first, ...others] = entries.flatMap(({ sequence }) => sequence ?? [])
  if (first === undefined) return {}
  const tasksOf = ({ tasks }: TaskSequence): string => JSON.stringify(tasks)
  const alike = [first, ...others.filter((other) => tasksOf(other) === tasksOf(first))]
  const cells = Map.groupBy(
    alike.flatMap(({ scores }) => scores),
    ({ stage, task }) => `${stage} ${task}`,
  )
  const figure = <Name extends 'averageScore' | 'forgetting' | 'backwardTransfer'>(
    name: Name,
  ): { [Key in Name]?: Spread } => {
    const values = alike.flatMap(({ figures }) => figures[metric][name] ?? [])
    return values.length === 0 ? {} : ({ [name]: spreadOf(values) } as { [Key in Name]: Spread })
  }
  return {
    sequence: {
      stages: stageNames(first),
      tasks: first.tasks,
      scores: [...cells.values()].flatMap((own): ComparedSequence['scores'] => {
        const [one] = own
        const score = spreadOf(own.map(({ scores }) => scores[metric]))
        return one ? [{ stage: one.stage, task: one.task, score }] : []
      }),
      ...figure('averageScore'),
      ...figure('forgetting'),
      ...figure('backwardTransfer'),
    },
  }
}

/** Ids of the groups whose runs others of the comparison go on from. */
export function continuedGroups(groups: readonly Group[]): Set<string> {
  const continued = new Set(
    groups.flatMap(({ entries }) =>
      entries.flatMap(({ sequence }) => sequence?.stages.slice(0, -1).map(({ runId }) => runId) ?? []),
    ),
  )
  const isContinued = ({ entries }: Group): boolean => entries.every(({ run }) => continued.has(run.id))
  return new Set(groups.filter(isContinued).map(({ id }) => id))
}
