import { elementsOf, nodesFor, type Graph, type Node, type Shape, type Value } from '../graph/index.ts'
import type { HostTensor } from './engine.ts'

/** A node to run, and the values that are not needed any more once it has. */
export interface Step {
  readonly node: Node
  readonly finished: readonly Value[]
}

/**
 * The nodes that `wanted` needs, in an order to run them in. Each value is finished right after its last reader, or
 * after its own node where nothing reads it; `lasting` ones (weights, constants, state) and `wanted` ones never.
 */
export function planSteps(graph: Graph, wanted: Iterable<Value>, lasting: ReadonlySet<Value>): Step[] {
  const kept = new Set([...wanted, ...lasting])
  const nodes = nodesFor(graph, kept)
  const seen = new Set<Value>()
  const steps: Step[] = []
  for (const node of nodes.toReversed()) {
    const finished = new Set<Value>()
    for (const value of [...node.outputs, ...node.inputs]) {
      if (!seen.has(value) && !kept.has(value)) finished.add(value)
      seen.add(value)
    }
    steps.push({ node, finished: [...finished] })
  }
  return steps.reverse()
}

/** What the symbols in a graph's shapes stand for, found in what a run is given. */
export class RunSizes {
  private readonly sizes: Record<string, number> = {}

  /** @throws Error where the tensor is not what the input says, or two inputs disagree on a symbol */
  bind(input: Value, { shape, data }: HostTensor): void {
    const fits =
      shape.length === input.shape.length &&
      input.shape.every((dimension, axis) => {
        const size = shape[axis]
        if (size === undefined) return false
        if (typeof dimension === 'number') return dimension === size
        return dimension.includes('*') || (this.sizes[dimension] ??= size) === size
      })
    if (!fits || shape.reduce((product, size) => product * size, 1) !== data.length) {
      const known = Object.entries(this.sizes).map(([name, size]) => `${name} = ${size}`)
      throw new Error(
        `input "${input.name}" [${input.shape.join(', ')}] was given ${data.length} values of shape [${shape.join(', ')}]` +
          (known.length > 0 ? ` where ${known.join(', ')}` : ''),
      )
    }
  }

  /** A shape in this run. */
  of(shape: Shape): number[] {
    return shape.map((dimension) =>
      typeof dimension === 'number' ? dimension : elementsOf([dimension], this.sizes),
    )
  }
}
