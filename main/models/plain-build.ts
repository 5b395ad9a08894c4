import type { Graph, Value } from '../graph/index.ts'
import type { Build } from './sites.ts'

/**
 * A build of a backbone alone, without a method.
 *
 * @param tokenMask 1 for tokens, 0 for padding, `[batch, sequence]`
 * @param make gives a parameter, once for each name; default: a frozen weight
 */
export function plainBuild(
  graph: Graph,
  tokenMask: Value,
  make: Build['parameter'] = (name, shape) => graph.weight(name, shape),
): Build {
  const known = new Map<string, Value>()
  const unused = (): never => {
    throw new Error('a backbone without a method draws nothing and adds no loss')
  }
  return {
    graph,
    training: false,
    tokenMask,
    parameter(name, shape) {
      const value = known.get(name) ?? make(name, shape)
      known.set(name, value)
      return value
    },
    dropout: (x) => x,
    draw: unused,
    given: unused,
    scheduled: unused,
    reveal: unused,
    loss: unused,
  }
}
