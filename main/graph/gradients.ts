import { nodesFor, sizeOf, type Value } from './graph.ts'
import { add } from './operations/index.ts'
import { gradientRule } from './operations/rules.ts'

/**
 * Appends to the loss's graph the nodes that compute d loss / d value for every value of `wrt`, and no others:
 * what does not lead from one of them to the loss gets no backward node.
 *
 * @param loss float32 with one element
 * @returns one gradient per value, of its shape; undefined where the loss does not depend on it
 */
export function gradients(loss: Value, wrt: readonly Value[]): (Value | undefined)[] {
  if (sizeOf(loss.shape) !== 1)
    throw new Error(`a loss has one element, not the shape [${loss.shape.join(', ')}]`)
  const order = nodesFor(loss.graph, [loss])
  const needed = new Set(wrt)
  for (const node of order) {
    if (node.inputs.some((input) => needed.has(input))) node.outputs.forEach((output) => needed.add(output))
  }

  const collected = new Map<Value, Value>()
  if (!needed.has(loss)) return wrt.map(() => undefined)
  collected.set(
    loss,
    loss.graph.constant(
      new Float32Array([1]),
      loss.shape.map(() => 1),
    ),
  )
  for (const node of order.reverse()) {
    const outputGradients = node.outputs.map((output) => collected.get(output))
    if (outputGradients[0] === undefined) continue
    const wanted = node.inputs.map((input) => needed.has(input))
    if (!wanted.includes(true)) continue
    const inputGradients = gradientRule(node.op)(node, outputGradients, wanted)
    node.inputs.forEach((input, i) => {
      const gradient = inputGradients[i]
      if (!wanted[i] || gradient === undefined) return
      const sum = collected.get(input)
      collected.set(input, sum === undefined ? gradient : add(sum, gradient))
    })
  }
  return wrt.map((value) => collected.get(value))
}
