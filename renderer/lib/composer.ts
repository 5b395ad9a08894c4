/** Putting stored adapters together: which blocks there are, what may stand inside what, and why something may not. */
import { blockNames, nestingRefusal, type AdapterSummary, type BlockKind } from '../../preload/contract.ts'

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

/**
 * Why one block cannot be put into another, in a sentence. Nestings that the rules allow are trained one block after
 * the other here, since one run trains one block.
 */
export function nestingProblem(inner: BlockKind, outer: BlockKind): string {
  const refusal = nestingRefusal(inner, outer)
  if (refusal !== undefined) return `${refusal}.`
  const [first, second] = [blockNames[inner], blockNames[outer]]
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
