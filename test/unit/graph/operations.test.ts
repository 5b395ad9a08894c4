import { describe, expect, it } from 'vitest'

import type { Graph } from '../../../main/graph/index.ts'
import { engines } from '../../engines.ts'
import { cases, compareOn, feedsOf, graphOf, largest, largestDifference } from './operation-cases.ts'
import { interpret, type Tensor } from './reference.ts'

describe.each(cases)('$name', (operation) => {
  const { graph, values, weights } = graphOf(operation)
  const feeds = feedsOf(operation, values, weights)
  const reference = interpret(graph, feeds)

  it.each(engines)('gives on $title what the plain implementation gives', ({ engine }) =>
    compareOn(engine, graph, feeds, reference),
  )

  it(operation.constant ? 'passes no gradient' : 'has the gradient that finite differences give', () => {
    for (const value of values) {
      const gradient = reference.get(`d${value.name}`)
      if (value.type !== 'float32') continue
      if (operation.constant) {
        expect(gradient).toBeUndefined()
        continue
      }
      const numeric = finiteDifferences(graph, feeds, value.name)
      // An input that only lends its shape has no gradient, and the loss does not change with it.
      const analytic = gradient?.data ?? new Float64Array(numeric.length)
      expect(largestDifference(analytic, numeric), value.name).toBeLessThan(1e-7 * (1 + largest(numeric)))
    }
  })
})

/** d loss / d input by central differences in float64. */
function finiteDifferences(graph: Graph, feeds: Record<string, Tensor>, name: string): Float64Array {
  const input = feeds[name]
  if (!input) throw new Error(`no input ${name}`)
  const step = 1e-5
  return input.data.map((_, i) => {
    const lossAt = (offset: number): number => {
      const data = Float64Array.from(input.data)
      data[i] = (data[i] ?? 0) + offset
      return (
        interpret(graph, { ...feeds, [name]: { shape: input.shape, data } }).get('loss')?.data[0] ??
        Number.NaN
      )
    }
    return (lossAt(step) - lossAt(-step)) / (2 * step)
  })
}
