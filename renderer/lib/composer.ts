/** Putting stored adapters together: which blocks there are, what may stand inside what, and why something may not. */
import {
  adapterLetter,
  adaptersOf,
  blockNames,
  nestingRefusal,
  parseComposition,
  withNames,
  writeComposition,
  WorkbenchError,
  type AdapterSummary,
  type BlockKind,
  type Composition,
  type CompositionBlock,
  type MethodDescription,
} from '../../preload/contract.ts'
import { carriedOptions } from './builder-sites.ts'
import { withOption } from './run-draft.ts'

/** What runs can be made of, as the composer offers it. */
export const blocks: { kind: BlockKind; summary: string; inside: string }[] = [
  {
    kind: 'stack',
    summary: 'A new adapter on top of stored ones, one after the other.',
    inside: 'One after the other.',
  },
  {
    kind: 'fuse',
    summary: 'Attention, weights or a mean decide in each layer how much each adapter counts.',
    inside: 'Weighed in each layer; the weights are trained.',
  },
  {
    kind: 'average',
    summary: 'Fixed weights over the adapters’ outputs, or over their parameters.',
    inside: 'Outputs averaged, all the same or as the option Composition weighs them.',
  },
  {
    kind: 'parallel',
    summary: 'An adapter for each of several datasets, trained on copies of the batch.',
    inside: '',
  },
]

/** Where in a composition something stands: at each block from the outermost, which of its children. */
export type Path = readonly number[]

/** What of a run's configuration says how adapters are put together. */
export interface Composed {
  method: { name: string; options: Record<string, unknown> }
  adapterIds: string[]
}

/** The first method that makes this block, which is the one that its button stands for. */
export function methodOf(
  kind: BlockKind | 'nested',
  methods: readonly MethodDescription[],
): MethodDescription | undefined {
  return methods.find(({ block }) => block?.kind === kind)
}

/**
 * The composition that a configuration makes, its adapters by their ids.
 *
 * @returns undefined for a method that puts none together; a sentence where the composition that is written cannot be
 *   drawn
 */
export function compositionOf(
  method: MethodDescription | undefined,
  options: Readonly<Record<string, unknown>>,
  adapterIds: readonly string[],
): CompositionBlock | string | undefined {
  if (method?.block === undefined) return undefined
  const { kind } = method.block
  if (kind === 'average') {
    const weights = numbersOf(options['weights'])
    const fits = weights.length > 0 && weights.length === adapterIds.length
    return { kind, children: adapterIds, ...(fits ? { weights } : {}) }
  }
  if (kind !== 'nested') return { kind, children: adapterIds }
  const text = options['composition']
  if (typeof text !== 'string' || text.trim() === '') return { kind: 'stack', children: adapterIds }
  try {
    const written = parseComposition(text)
    const known = new Map(adapterIds.map((id, index) => [adapterLetter(index), id]))
    const named = adaptersOf(written)
    const unknown = named.find((letter, index) => !known.has(letter) || named.indexOf(letter) !== index)
    if (unknown !== undefined) {
      return `The option Composition names ${unknown}, which is none of the chosen adapters, or is named twice.`
    }
    if (named.length < adapterIds.length) return 'The option Composition does not name all chosen adapters.'
    const drawn = withNames(written, (letter) => known.get(letter) ?? letter)
    return typeof drawn === 'string' ? { kind: 'stack', children: [drawn] } : drawn
  } catch (error) {
    if (!(error instanceof WorkbenchError)) throw error
    return `The option Composition cannot be drawn: ${error.message}.`
  }
}

function numbersOf(given: unknown): number[] {
  const list = Array.isArray(given) ? given : typeof given === 'string' ? given.split(/[\s,;]+/) : []
  return list
    .filter((entry) => entry !== '')
    .map(Number)
    .filter(Number.isFinite)
}

const isFlat = ({ children }: CompositionBlock) => children.every((child) => typeof child === 'string')

/** The weights of the outermost block, where it has any. */
const weightsOf = (root: CompositionBlock) => (root.kind === 'average' ? root.weights : undefined)

/** The configuration that makes a composition: the same method where one block is all, else the nested one. */
export function configured(
  root: CompositionBlock,
  method: MethodDescription,
  options: Readonly<Record<string, unknown>>,
  methods: readonly MethodDescription[],
): Composed {
  const adapterIds = adaptersOf(root)
  const nested = methodOf('nested', methods)
  if (nested === undefined || (isFlat(root) && method.block?.kind !== 'nested')) {
    const weights = weightsOf(root)
    const own =
      weights === undefined
        ? { ...options }
        : withOption({ ...options }, method, 'weights', weights.join(', '))
    return { method: { name: method.name, options: own }, adapterIds }
  }
  const lettered = withNames(root, (id) => adapterLetter(adapterIds.indexOf(id)))
  const composition = adapterIds.length === 0 ? '' : writeComposition(lettered)
  return {
    method: {
      name: nested.name,
      options: carriedOptions({ ...options, ...method.block?.nested, composition }, nested),
    },
    adapterIds,
  }
}

/**
 * What a method that makes one block does and the nested one, which takes its place once a block stands in its block,
 * does not: a sentence that names it.
 *
 * @returns undefined where nothing is lost
 */
export function nestingLoss(
  root: CompositionBlock,
  method: MethodDescription,
  options: Readonly<Record<string, unknown>>,
  methods: readonly MethodDescription[],
): string | undefined {
  const nested = methodOf('nested', methods)
  if (nested === undefined || method.block === undefined || method.block.kind === 'nested') return undefined
  const written =
    weightsOf(root) === undefined ? options : withOption({ ...options }, method, 'weights', undefined)
  const kept = new Set(nested.fields.map(({ name }) => name))
  const labels = method.fields
    .filter(
      ({ name, default: preset }) =>
        name in written && String(written[name]) !== String(preset) && !kept.has(name),
    )
    .map(({ label }) => label)
  const listed = new Intl.ListFormat('en').format(labels)
  const clauses = [
    ...(method.block.nestedLoss === undefined ? [] : [method.block.nestedLoss]),
    ...(labels.length === 0 ? [] : [`what you chose for ${listed} is lost`]),
  ]
  if (clauses.length === 0) return undefined
  return `With a block in it, the method becomes ${nested.label}: ${clauses.join('; ')}.`
}

/** The block at a place; undefined where there is an adapter or nothing. */
export function blockAt(root: CompositionBlock, [first, ...rest]: Path): CompositionBlock | undefined {
  if (first === undefined) return root
  const child = root.children[first]
  return child === undefined || typeof child === 'string' ? undefined : blockAt(child, rest)
}

interface Slot {
  child: Composition
  /** In an Average with weights. */
  weight: number | undefined
}

/** A composition with the children of one of its blocks changed. */
function changed(root: CompositionBlock, path: Path, change: (slots: Slot[]) => Slot[]): CompositionBlock {
  const [first, ...rest] = path
  if (first !== undefined) {
    const children = root.children.map((child, index) =>
      index === first && typeof child !== 'string' ? changed(child, rest, change) : child,
    )
    return { ...root, children }
  }
  const weights = root.kind === 'average' ? root.weights : undefined
  const slots = change(root.children.map((child, index) => ({ child, weight: weights?.[index] })))
  const children = slots.map(({ child }) => child)
  if (root.kind !== 'average' || weights === undefined) return { ...root, children }
  // What comes new counts as much as the others do on average, written without the last digits of a sum of fractions.
  const mean = Number((weights.reduce((sum, weight) => sum + weight, 0) / weights.length).toPrecision(6))
  return { ...root, children, weights: slots.map(({ weight }) => weight ?? mean) }
}

/** With an adapter or a block at the end of the block at a place. */
export function withChild(root: CompositionBlock, path: Path, child: Composition): CompositionBlock {
  return changed(root, path, (slots) => [...slots, { child, weight: undefined }])
}

/** Without what stands at a place; blocks that become empty go with it. */
export function withoutChild(root: CompositionBlock, path: Path): CompositionBlock {
  const around = path.slice(0, -1)
  const next = changed(root, around, (slots) => slots.filter((_, index) => index !== path.at(-1)))
  return around.length > 0 && blockAt(next, around)?.children.length === 0 ? withoutChild(next, around) : next
}

/** With what stands at a place moved within its block; it stays within it. */
export function withMoved(root: CompositionBlock, path: Path, by: number): CompositionBlock {
  const from = path.at(-1) ?? 0
  return changed(root, path.slice(0, -1), (slots) => {
    const rest = slots.filter((_, index) => index !== from)
    const to = Math.max(0, Math.min(rest.length, from + by))
    return [...rest.slice(0, to), ...slots.slice(from, from + 1), ...rest.slice(to)]
  })
}

/** Why a block cannot be put into the one at a place, in a sentence; undefined where it can. */
export function nestingProblem(inner: BlockKind, outer: BlockKind, depth = 0): string | undefined {
  const refusal = nestingRefusal(inner, outer, depth)
  if (refusal !== undefined) return `${refusal}.`
  if (inner !== 'parallel') return undefined
  return (
    `${blockNames.parallel} may stand inside ${blockNames[outer]}, but it trains several tasks and a composition of stored ` +
    'adapters one: train the parallel by itself, and put the adapters that it leaves in here.'
  )
}

/** Why an adapter cannot be put into a block; undefined where it can. */
export function addingProblem(
  kind: BlockKind | undefined,
  adapter: Pick<AdapterSummary, 'id' | 'name' | 'modelHash' | 'modelName'>,
  chosen: readonly string[],
  model: { hash: string; name: string },
): string | undefined {
  if (kind === undefined)
    return `${adapter.name} needs a block to stand in: put Stack, Fuse or Average here first.`
  if (kind === 'parallel') {
    return 'Parallel trains an adapter of its own for each dataset: choose the datasets, and adapters to begin with, in New run.'
  }
  if (adapter.modelHash !== model.hash) {
    return `${adapter.name} was trained on ${adapter.modelName} and does not fit ${model.name}: its sizes and its language are another's.`
  }
  if (chosen.includes(adapter.id)) return `${adapter.name} is there already.`
  if (chosen.length >= 16) return 'A composition takes at most 16 adapters.'
  return undefined
}
