/** How adapters work together, and what may stand inside what; after the adapters library's `composition`. */
import { WorkbenchError } from './errors.ts'

/** One adapter by its name, or a block of several. */
export type Composition = string | CompositionBlock

export type CompositionBlock =
  /** One after the other. */
  | { kind: 'stack'; children: readonly Composition[] }
  /** Weighted by attention (AdapterFusion). */
  | { kind: 'fuse'; children: readonly Composition[] }
  /** Weighted by fixed numbers, which are made to add up to 1 unless they are to count as they are. */
  | { kind: 'average'; children: readonly Composition[]; weights?: readonly number[]; asGiven?: boolean }
  /** Each on a copy of the batch, with a head of its own. */
  | { kind: 'parallel'; children: readonly Composition[] }
  /** Each on its part of the batch. */
  | { kind: 'batchSplit'; children: readonly Composition[]; sizes?: readonly number[] }

export type BlockKind = CompositionBlock['kind']

/** As the adapters library calls them. */
export const blockNames = {
  stack: 'Stack',
  fuse: 'Fuse',
  average: 'Average',
  parallel: 'Parallel',
  batchSplit: 'BatchSplit',
} as const satisfies Record<BlockKind, string>

/** What may stand inside what, as the library's `ALLOWED_NESTINGS` has it for the blocks that there are here. */
const allowedInside: Record<BlockKind, readonly BlockKind[]> = {
  stack: ['fuse', 'parallel', 'batchSplit', 'average'],
  fuse: ['stack'],
  parallel: ['stack', 'batchSplit', 'average'],
  batchSplit: ['stack', 'batchSplit', 'average'],
  average: ['stack', 'batchSplit'],
}

/** Why a block cannot stand inside another, as the end of a sentence for the user. */
const reasons: Partial<Record<`${BlockKind} in ${BlockKind}`, string>> = {
  'stack in stack': 'a stack in a stack is the longer stack: put its adapters into one',
  'fuse in fuse':
    'a fusion weighs the outputs of adapters, and the outputs of another fusion have no adapter of their own to weigh',
  'parallel in fuse':
    'the parallel adapters work on copies of the batch, which a fusion cannot weigh against each other',
  'batchSplit in fuse':
    'a fusion needs every adapter on every example, and a batch split gives each example only one',
  'average in fuse': 'a fusion learns the weights that an average fixes: fuse its adapters themselves',
  'fuse in parallel': 'a fusion has parameters of its own for each place: run it as a task of its own',
  'parallel in parallel':
    'the batch is copied once for all tasks: put the adapters side by side in one Parallel',
  'fuse in batchSplit': 'a fusion has parameters of its own for each place: run it on a batch of its own',
  'parallel in batchSplit': 'a batch that is split cannot be copied again for each task',
  'fuse in average': 'a fusion weighs its adapters itself: average the adapters instead',
  'parallel in average':
    'the parallel adapters belong to different tasks, and their outputs are of different copies of the batch',
  'average in average': 'an average of averages is an average with other weights: put them into one',
}

/**
 * Why one block cannot stand inside another, in a sentence without its full stop; undefined where it can.
 *
 * @param depth blocks around the outer one
 */
export function nestingRefusal(inner: BlockKind, outer: BlockKind, depth = 0): string | undefined {
  if (outer === 'stack' && depth > 0) {
    return `${blockNames[inner]} is nested too deep: a Stack inside another block may hold adapters only`
  }
  if (allowedInside[outer].includes(inner)) return undefined
  const reason = reasons[`${inner} in ${outer}`]
  return `${blockNames[inner]} cannot stand inside ${blockNames[outer]}${reason === undefined ? '' : `: ${reason}`}`
}

/**
 * Checks a composition against the library's nesting rules.
 *
 * @throws WorkbenchError `bad-input` with the reason in one sentence
 */
export function checkComposition(composition: Composition, depth = 0): void {
  if (typeof composition === 'string') return
  const { kind, children } = composition
  if (children.length === 0) refuse(`${blockNames[kind]} is empty: name at least one adapter`)
  if (kind === 'average' && composition.weights && composition.weights.length !== children.length) {
    refuse(`Average has ${children.length} adapters but ${composition.weights.length} weights`)
  }
  for (const child of children) {
    if (typeof child === 'string') continue
    const refusal = nestingRefusal(child.kind, kind, depth)
    if (refusal !== undefined) refuse(refusal)
    checkComposition(child, depth + 1)
  }
}

/** All adapters of a composition, in order. */
export function adaptersOf(composition: Composition): string[] {
  return typeof composition === 'string' ? [composition] : composition.children.flatMap(adaptersOf)
}

/** The same composition with its adapters under other names. */
export function withNames(composition: Composition, nameOf: (name: string) => string): Composition {
  if (typeof composition === 'string') return nameOf(composition)
  return { ...composition, children: composition.children.map((child) => withNames(child, nameOf)) }
}

function refuse(sentence: string): never {
  throw new WorkbenchError('bad-input', sentence)
}
