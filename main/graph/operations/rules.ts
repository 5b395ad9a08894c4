import type { Attributes, Node, Value } from '../graph.ts'

/**
 * Adds the nodes that turn the gradients of a node's outputs into those of its inputs. `wanted[i]` says
 * whether input `i` leads to anything trainable: for the others nothing may be added.
 */
export type GradientRule = (
  node: Node,
  outputGradients: readonly (Value | undefined)[],
  wanted: readonly boolean[],
) => readonly (Value | undefined)[]

const rules = new Map<string, GradientRule>()

/** Says how an operation is differentiated. */
export function differentiable(op: string, rule: GradientRule): void {
  rules.set(op, rule)
}

/** Operations that pass no gradient: their result is constant almost everywhere, or is used only as if it were. */
export const noGradient: GradientRule = (node) => node.inputs.map(() => undefined)

export function gradientRule(op: string): GradientRule {
  const rule = rules.get(op)
  if (!rule) throw new Error(`operation ${op} has no gradient`)
  return rule
}

/** The only input or output of a node that has exactly one (or the one at `position`). */
export function at(values: readonly Value[], position = 0): Value {
  const value = values[position]
  if (!value) throw new Error(`a node lacks its value number ${position}`)
  return value
}

/** The gradient of a node's first output, which the caller knows to be there. */
export function outputGradient(gradients: readonly (Value | undefined)[]): Value {
  const gradient = gradients[0]
  if (!gradient) throw new Error('a node was differentiated without a gradient of its output')
  return gradient
}

export function numberAttribute(attributes: Attributes, name: string): number {
  const value = attributes[name]
  if (typeof value !== 'number') throw new Error(`attribute ${name} is missing`)
  return value
}

export function listAttribute(attributes: Attributes, name: string): readonly number[] {
  const value = attributes[name]
  if (!Array.isArray(value)) throw new Error(`attribute ${name} is missing`)
  return value.map(Number)
}
