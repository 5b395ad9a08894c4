/** Putting stored adapters together: which blocks there are, what may stand inside what, and why something may not. */
import type { AdapterSummary } from '../../preload/contract.ts'

export type BlockKind = 'stack' | 'fuse' | 'average' | 'parallel'

export const blocks: { kind: BlockKind; label: string; summary: string; methods: string[] }[] = [
  {
    kind: 'stack',
    label: 'Stack',
    summary: 'A new adapter on top of stored ones, one after the other.',
    methods: ['stack'],
  },
  {
    kind: 'fuse',
    label: 'Fuse',
    summary: 'Attention, weights or a mean decide in each layer how much each adapter counts.',
    methods: ['fusion', 'fusion_static', 'fusion_weights', 'fusion_mean'],
  },
  {
    kind: 'average',
    label: 'Average',
    summary: 'Fixed weights over the adapters’ outputs, or over their parameters.',
    methods: ['average_outputs', 'average_parameters'],
  },
  {
    kind: 'parallel',
    label: 'Parallel',
    summary: 'An adapter for each of several datasets, trained on copies of the batch.',
    methods: ['parallel'],
  },
]

/** The block that a method makes; undefined for a method without one. */
export function blockOf(method: string): (typeof blocks)[number] | undefined {
  return blocks.find(({ methods }) => methods.includes(method))
}

/** What may stand inside what, after the adapters library's rules. */
const allowedInside: Record<BlockKind, readonly BlockKind[]> = {
  stack: ['fuse', 'parallel', 'average'],
  fuse: ['stack'],
  average: ['stack'],
  parallel: ['stack', 'average'],
}

const reasons: Partial<Record<`${BlockKind} in ${BlockKind}`, string>> = {
  'stack in stack': 'a stack in a stack is the longer stack: put its adapters into one',
  'fuse in fuse':
    'a fusion weighs the outputs of adapters, and the outputs of another fusion have no adapter of their own to weigh',
  'parallel in fuse': 'the parallel adapters work on copies of the batch, which a fusion cannot weigh',
  'average in fuse': 'a fusion learns the weights that an average fixes: fuse its adapters themselves',
  'fuse in parallel': 'a fusion has parameters of its own for each place: run it as a task of its own',
  'parallel in parallel': 'the batch is copied once for all tasks: put the adapters side by side in one',
  'fuse in average': 'a fusion weighs its adapters itself: average the adapters instead',
  'parallel in average': 'the parallel adapters belong to different tasks',
  'average in average': 'an average of averages is an average with other weights: put them into one',
}

const labelOf = (kind: BlockKind) => blocks.find((block) => block.kind === kind)?.label ?? kind

/**
 * Why one block cannot be put into another, in a sentence. Nestings that the rules allow are trained one block after
 * the other here, since one run trains one block.
 */
export function nestingProblem(inner: BlockKind, outer: BlockKind): string {
  const [first, second] = [labelOf(inner), labelOf(outer)]
  if (!allowedInside[outer].includes(inner)) {
    const reason = reasons[`${inner} in ${outer}`]
    return `${first} cannot stand inside ${second}${reason === undefined ? '' : `: ${reason}`}.`
  }
  return `${first} may stand inside ${second}, but one run trains one block: train the ${first.toLowerCase()} by itself, and put what it has learned in here.`
}

/** Why an adapter cannot be put into a block; undefined where it can. */
export function addingProblem(
  kind: BlockKind | undefined,
  adapter: Pick<AdapterSummary, 'id' | 'name' | 'kind' | 'modelHash' | 'modelName'>,
  chosen: readonly string[],
  model: { hash: string; name: string },
): string | undefined {
  if (kind === undefined)
    return `${adapter.name} needs a block to stand in: put Stack, Fuse or Average here first.`
  if (kind === 'parallel') {
    return 'Parallel trains an adapter of its own for each dataset and takes no stored ones: choose its datasets in New run.'
  }
  if (adapter.kind !== 'adapter') {
    return `${adapter.name} is a ${adapter.kind}, and only adapters can be put together.`
  }
  if (adapter.modelHash !== model.hash) {
    return `${adapter.name} was trained on ${adapter.modelName} and does not fit ${model.name}: its sizes and its language are another's.`
  }
  if (chosen.includes(adapter.id)) return `${adapter.name} is there already.`
  if (chosen.length >= 16) return 'A block takes at most 16 adapters.'
  return undefined
}
