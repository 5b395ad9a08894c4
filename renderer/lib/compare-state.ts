/** What the Compare view shows, as its address carries it. */
import { z } from 'zod'

import { ComparisonInput, ScoreName, type InputOf } from '../../preload/contract.ts'
import { formatHash } from './hash.ts'

const curveAxes = ['step', 'epoch', 'seconds', 'examples'] as const
export type CurveAxis = (typeof curveAxes)[number]

export interface CompareState {
  runIds: string[]
  experimentId: string | undefined
  groups: { name: string; runIds: string[] }[]
  groupBy: 'variant' | 'run'
  metric: ScoreName
  split: 'auto' | 'test' | 'validation'
  /** Undefined: the first. */
  datasetId: string | undefined
  /** Groups that are not shown, in any chart. */
  hidden: string[]
  curve: { name: string; x: CurveAxis; smoothing: number; logX: boolean; logY: boolean; runs: boolean }
  /** The zoomed range of the curves, in units of their x. */
  range: [from: number, to: number] | undefined
  sort: { key: string; descending: boolean }
  /** The chart that fills the width. */
  large: string | undefined
}

type Query = Record<string, string | undefined>

const listOf = (text: string | undefined) => (text ?? '').split(',').filter(Boolean)
const Groups = ComparisonInput.shape.groups.catch([])

function parseGroups(text: string | undefined): CompareState['groups'] {
  if (text === undefined) return []
  try {
    return Groups.parse(JSON.parse(text))
  } catch {
    return []
  }
}

function parseRange(text: string | undefined): CompareState['range'] {
  const [from, to] = (text ?? '').split('..').map((part) => (part === '' ? Number.NaN : Number(part)))
  return from === undefined || to === undefined || !(to > from) ? undefined : [from, to]
}

const oneOf = <T extends string>(values: readonly T[], text: string | undefined, otherwise: T): T =>
  values.find((value) => value === text) ?? otherwise

/** Reads the address; what cannot be read is as if it were not there. */
export function decodeCompare(query: Query): CompareState {
  const smoothing = z.coerce.number().min(0).max(0.99).catch(0.6).parse(query['smooth'])
  return {
    runIds: listOf(query['runs']),
    experimentId: query['experiment'],
    groups: parseGroups(query['groups']),
    groupBy: oneOf(['variant', 'run'], query['by'], 'variant'),
    metric: oneOf(ScoreName.options, query['metric'], 'accuracy'),
    split: oneOf(['auto', 'test', 'validation'], query['split'], 'auto'),
    datasetId: query['dataset'],
    hidden: listOf(query['hide']),
    curve: {
      name: query['curve'] ?? 'train.loss',
      x: oneOf(curveAxes, query['x'], 'step'),
      smoothing,
      logX: (query['log'] ?? '').includes('x'),
      logY: (query['log'] ?? '').includes('y'),
      runs: query['lines'] === 'runs',
    },
    range: parseRange(query['range']),
    sort: { key: query['sort'] ?? 'score', descending: query['order'] !== 'asc' },
    large: query['large'],
  }
}

/** What is compared, as `comparison.get` takes it. */
export function comparisonInput(state: CompareState): InputOf<'comparison.get'> {
  const { runIds, experimentId, groups, groupBy, metric, split } = state
  return { runIds, groups, groupBy, metric, split, ...(experimentId === undefined ? {} : { experimentId }) }
}

export function isEmptySelection(state: CompareState): boolean {
  return state.runIds.length === 0 && state.groups.length === 0 && state.experimentId === undefined
}

/** The address of a comparison of runs. */
export function compareHash(runIds: readonly string[], more: Query = {}): string {
  return formatHash(['compare'], { runs: runIds.join(','), ...more })
}

/** The hidden groups as the address has them, with one shown or hidden. */
export function withHidden(hidden: readonly string[], id: string, hide: boolean): string | undefined {
  const rest = hidden.filter((other) => other !== id)
  const next = hide ? [...rest, id] : rest
  return next.length === 0 ? undefined : next.join(',')
}
