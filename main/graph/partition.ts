import { createHash } from 'node:crypto'

import { Graph, nodesFor, type Node, type Shape, type Value } from './graph.ts'
import { at } from './operations/rules.ts'
import { countOperations, elementsOf, type SymbolSizes } from './statistics.ts'

/** Which inputs a value follows from: only those that are the same for an example each time, or others too. */
type Origin = 'context' | 'content' | 'live'

export interface FrozenInputs {
  /** Inputs that an example always has the same: what follows from them can be computed once for each example. */
  content: readonly string[]
  /** Inputs that are as cheap as what follows from them: it is computed anew each time. */
  context: readonly string[]
}

/** What a graph computes of an example whatever it has learned. */
export interface FrozenPart {
  /** Computes the states: its outputs are their names. */
  lower: Graph
  states: { name: string; shape: Shape }[]
  /** Of everything that `lower` computes: equal where it is the same function of the inputs. */
  signature: string
}

export interface CutOptions extends FrozenInputs {
  /** Whether a value of this shape can be kept for each example. */
  storable(shape: Shape): boolean
  /** The sizes that costs are weighed at. */
  sizes: SymbolSizes
}

/** Operations that an element of a state must save: what takes fewer is computed again as soon as read. */
const worthKeeping = 100

/**
 * The values at which a graph's frozen part ends: they follow from the content and frozen weights alone, are read by
 * what does not, and cost enough to be kept. Undefined where there are none, or where something takes a mean over all
 * positions: that counts padding, of which nothing is kept and which differs from batch to batch.
 */
export function frozenPart(graph: Graph, options: CutOptions): FrozenPart | undefined {
  const { storable, sizes } = options
  const nodes = nodesFor(graph, graph.outputs.values())
  const origins = originsOf(graph, nodes, options)
  if (nodes.some(countsPadding)) return undefined
  const cut = new Set<Value>()
  const demand = (value: Value): void => {
    if (origins.get(value) !== 'content' || value.node === undefined || cut.has(value)) return
    if (value.type === 'float32' && storable(value.shape)) cut.add(value)
    else value.node.inputs.forEach(demand)
  }
  for (const node of nodes) if (isLive(node, origins)) node.inputs.forEach(demand)
  for (const value of graph.outputs.values()) demand(value)
  // The latest first: what follows cheaply from earlier ones is not kept.
  for (const value of [...cut].sort((a, b) => nodes.indexOf(nodeOf(b)) - nodes.indexOf(nodeOf(a)))) {
    cut.delete(value)
    const again = nodesFor(graph, [value], cut).filter((node) => node.outputs.some(isContent(origins)))
    if (countOperations(again, sizes) > worthKeeping * elementsOf(value.shape, sizes)) cut.add(value)
  }
  if (cut.size === 0) return undefined
  const kept = nodes.flatMap(({ outputs }) => outputs.filter((output) => cut.has(output)))
  const signatures = signaturesOf(graph, nodes)
  const lower = new Graph()
  const copies = copyNodes(lower, graph, nodesFor(graph, kept), kept)
  const states = kept.map((value) => ({
    name: `state.${signatureOf(value, signatures)}`,
    shape: value.shape,
  }))
  kept.forEach((value, i) => lower.output(states[i]?.name ?? '', copyOf(value, copies)))
  return { lower, states, signature: digest(states.map(({ name }) => name)) }
}

/**
 * The graph with inputs in place of a frozen part's states, by their names, wherever it computes the same.
 *
 * @returns undefined where it computes none of them
 */
export function withStates(graph: Graph, { states }: Pick<FrozenPart, 'states'>): Graph | undefined {
  const nodes = nodesFor(graph, graph.outputs.values())
  const signatures = signaturesOf(graph, nodes)
  const names = new Set(states.map(({ name }) => name))
  const cut = new Map<Value, string>()
  for (const { outputs } of nodes) {
    for (const output of outputs) {
      const name = `state.${signatureOf(output, signatures)}`
      if (names.has(name)) cut.set(output, name)
    }
  }
  const left = nodesFor(graph, graph.outputs.values(), cut)
  const upper = new Graph()
  const given = new Map<Value, Value>()
  for (const value of new Set([...left.flatMap(({ inputs }) => inputs), ...graph.outputs.values()])) {
    const name = cut.get(value)
    if (name !== undefined) given.set(value, upper.input(name, 'float32', value.shape))
  }
  if (given.size === 0) return undefined
  const copies = copyNodes(upper, graph, left, [...graph.outputs.values()], given)
  for (const [name, value] of graph.outputs) upper.output(name, copyOf(value, copies))
  return upper
}

/** Share of a graph's operations that are none of `part`'s. */
export function savedShare(graph: Graph, part: Graph, sizes: SymbolSizes): number {
  const operations = (of: Graph): number => countOperations(nodesFor(of, of.outputs.values()), sizes)
  return 1 - operations(part) / operations(graph)
}

function originsOf(
  graph: Graph,
  nodes: readonly Node[],
  { content, context }: FrozenInputs,
): Map<Value, Origin> {
  const origins = new Map<Value, Origin>()
  for (const { value } of graph.constants) origins.set(value, 'context')
  for (const weight of graph.weights) origins.set(weight, 'context')
  for (const input of graph.inputs) {
    origins.set(
      input,
      content.includes(input.name) ? 'content' : context.includes(input.name) ? 'context' : 'live',
    )
  }
  for (const { inputs, outputs } of nodes) {
    const from = new Set(inputs.map((input) => origins.get(input)))
    const origin = from.has('live') ? 'live' : from.has('content') ? 'content' : 'context'
    for (const output of outputs) origins.set(output, origin)
  }
  return origins
}

function isLive({ outputs }: Node, origins: ReadonlyMap<Value, Origin>): boolean {
  return outputs.some((output) => origins.get(output) === 'live')
}

function isContent(origins: ReadonlyMap<Value, Origin>): (value: Value) => boolean {
  return (value) => origins.get(value) === 'content'
}

function countsPadding({ op, inputs, attributes }: Node): boolean {
  const { axes } = attributes
  return (
    op === 'ReduceMean' &&
    Array.isArray(axes) &&
    axes.some((axis) => at(inputs).shape.at(axis) === 'sequence')
  )
}

/**
 * Copies nodes and what they read into another graph.
 *
 * @param wanted values of `from` that will be asked for
 * @param given values of `from` that stand in `to` already
 * @returns all that do then
 */
function copyNodes(
  to: Graph,
  from: Graph,
  nodes: readonly Node[],
  wanted: readonly Value[],
  given: ReadonlyMap<Value, Value> = new Map(),
): Map<Value, Value> {
  const copies = new Map(given)
  const needed = new Set([...nodes.flatMap(({ inputs }) => inputs), ...wanted])
  for (const input of from.inputs) {
    if (needed.has(input)) copies.set(input, to.input(input.name, input.type, input.shape))
  }
  for (const { value, data } of from.constants) {
    if (needed.has(value)) copies.set(value, to.constant(data, value.shape.map(Number)))
  }
  for (const weight of from.weights) {
    if (needed.has(weight)) copies.set(weight, to.weight(weight.name, weight.shape.map(Number)))
  }
  for (const { op, inputs, attributes, outputs } of nodes) {
    const values = to.node(
      op,
      inputs.map((input) => copyOf(input, copies)),
      attributes,
      outputs,
    )
    outputs.forEach((output, i) => copies.set(output, at(values, i)))
  }
  return copies
}

function copyOf(value: Value, copies: ReadonlyMap<Value, Value>): Value {
  const copy = copies.get(value)
  if (!copy) throw new Error(`"${value.name}" was not copied`)
  return copy
}

/** What each value is a function of, in short: equal where the same is computed from the same. */
function signaturesOf(graph: Graph, nodes: readonly Node[]): Map<Value, string> {
  const signatures = new Map<Value, string>()
  for (const input of graph.inputs) signatures.set(input, digest(['input', input.name, input.type]))
  for (const weight of graph.weights) signatures.set(weight, digest(['weight', weight.name]))
  for (const { value, data } of graph.constants) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    signatures.set(value, digest(['constant', value.type, JSON.stringify(value.shape), bytes]))
  }
  for (const { op, inputs, attributes, outputs } of nodes) {
    const parts = inputs.map((input) => signatureOf(input, signatures))
    outputs.forEach(({ shape }, i) => {
      const own = digest([op, JSON.stringify([attributes, i, shape]), ...parts])
      signatures.set(at(outputs, i), own)
    })
  }
  return signatures
}

function signatureOf(value: Value, signatures: ReadonlyMap<Value, string>): string {
  const signature = signatures.get(value)
  if (signature === undefined) throw new Error(`"${value.name}" is no value of this graph`)
  return signature
}

function digest(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\n')
  return hash.digest('hex').slice(0, 24)
}

function nodeOf({ name, node }: Value): Node {
  if (!node) throw new Error(`"${name}" is not computed`)
  return node
}
