import type { ElementType, Value } from '../graph.ts'
import { broadcast } from '../shapes.ts'
import { at, differentiable, noGradient, numberAttribute, outputGradient } from './rules.ts'
import { reduceTo } from './reductions.ts'

/** A value, or a number that becomes a constant of the same graph. */
export type Operand = Value | number

function binary(op: string, a: Value, b: Operand, type: ElementType = a.type): Value {
  const right = typeof b === 'number' ? a.graph.scalar(b) : b
  return at(a.graph.node(op, [a, right], {}, [{ type, shape: broadcast(op, a.shape, right.shape) }]))
}

function unary(op: string, x: Value, attributes: Record<string, number | string> = {}): Value {
  return at(x.graph.node(op, [x], attributes, [{ type: x.type, shape: x.shape }]))
}

export const add = (a: Value, b: Operand): Value => binary('Add', a, b)
export const subtract = (a: Value, b: Operand): Value => binary('Sub', a, b)
export const multiply = (a: Value, b: Operand): Value => binary('Mul', a, b)
export const divide = (a: Value, b: Operand): Value => binary('Div', a, b)
/** Elementwise minimum; passes no gradient. */
export const minimum = (a: Value, b: Operand): Value => binary('Min', a, b)
/** Elementwise maximum; passes no gradient. */
export const maximum = (a: Value, b: Operand): Value => binary('Max', a, b)
/** `a > b` as bool. */
export const greater = (a: Value, b: Operand): Value => binary('Greater', a, b, 'bool')

export const negate = (x: Value): Value => unary('Neg', x)
export const exponential = (x: Value): Value => unary('Exp', x)
export const logarithm = (x: Value): Value => unary('Log', x)
export const squareRoot = (x: Value): Value => unary('Sqrt', x)
export const errorFunction = (x: Value): Value => unary('Erf', x)
export const tanh = (x: Value): Value => unary('Tanh', x)
export const sigmoid = (x: Value): Value => unary('Sigmoid', x)
export const relu = (x: Value): Value => unary('Relu', x)
export const leakyRelu = (x: Value, slope: number): Value => unary('LeakyRelu', x, { alpha: slope })
/** `α x + β`, cut to 0 and 1 where it is beyond; passes no gradient. */
export const hardSigmoid = (x: Value, alpha: number, beta: number): Value =>
  unary('HardSigmoid', x, { alpha, beta })
/** `x · Φ(x)`, exactly or by the tanh approximation (`gelu_new`). */
export const gelu = (x: Value, approximate: 'none' | 'tanh' = 'none'): Value =>
  unary('Gelu', x, { approximate })
/** `x · sigmoid(x)`, also called swish. */
export const silu = (x: Value): Value => multiply(x, sigmoid(x))

export function cast(x: Value, to: ElementType): Value {
  return at(x.graph.node('Cast', [x], { to }, [{ type: to, shape: x.shape }]))
}

/** 1 where `x > 0`, else 0, as float32. */
function positive(x: Value): Value {
  return cast(greater(x, 0), 'float32')
}

differentiable('Add', ({ inputs }, gradients, wanted) => {
  const dy = outputGradient(gradients)
  return inputs.map((input, i) => (wanted[i] ? reduceTo(dy, input.shape) : undefined))
})
differentiable('Sub', ({ inputs }, gradients, wanted) => {
  const dy = outputGradient(gradients)
  return [
    wanted[0] ? reduceTo(dy, at(inputs).shape) : undefined,
    wanted[1] ? reduceTo(negate(dy), at(inputs, 1).shape) : undefined,
  ]
})
differentiable('Mul', ({ inputs }, gradients, wanted) => {
  const dy = outputGradient(gradients)
  const [a, b] = [at(inputs), at(inputs, 1)]
  return [
    wanted[0] ? reduceTo(multiply(dy, b), a.shape) : undefined,
    wanted[1] ? reduceTo(multiply(dy, a), b.shape) : undefined,
  ]
})
differentiable('Div', ({ inputs, outputs }, gradients, wanted) => {
  const dy = outputGradient(gradients)
  const [a, b] = [at(inputs), at(inputs, 1)]
  const da = divide(dy, b)
  return [
    wanted[0] ? reduceTo(da, a.shape) : undefined,
    wanted[1] ? reduceTo(negate(multiply(da, at(outputs))), b.shape) : undefined,
  ]
})
differentiable('Neg', (_, gradients) => [negate(outputGradient(gradients))])
differentiable('Exp', ({ outputs }, gradients) => [multiply(outputGradient(gradients), at(outputs))])
differentiable('Log', ({ inputs }, gradients) => [divide(outputGradient(gradients), at(inputs))])
differentiable('Sqrt', ({ outputs }, gradients) => [
  divide(multiply(outputGradient(gradients), 0.5), at(outputs)),
])
differentiable('Erf', ({ inputs }, gradients) => {
  const x = at(inputs)
  const slope = multiply(exponential(negate(multiply(x, x))), 2 / Math.sqrt(Math.PI))
  return [multiply(outputGradient(gradients), slope)]
})
differentiable('Tanh', ({ outputs }, gradients) => {
  const [y, dy] = [at(outputs), outputGradient(gradients)]
  return [subtract(dy, multiply(dy, multiply(y, y)))]
})
differentiable('Sigmoid', ({ outputs }, gradients) => {
  const y = at(outputs)
  return [multiply(outputGradient(gradients), subtract(y, multiply(y, y)))]
})
differentiable('Relu', ({ outputs }, gradients) => [
  multiply(outputGradient(gradients), positive(at(outputs))),
])
differentiable('LeakyRelu', ({ inputs, attributes }, gradients) => {
  const slope = numberAttribute(attributes, 'alpha')
  return [multiply(outputGradient(gradients), add(multiply(positive(at(inputs)), 1 - slope), slope))]
})
differentiable('Gelu', ({ inputs, attributes }, gradients) => {
  const x = at(inputs)
  const slope = attributes['approximate'] === 'tanh' ? tanhGeluSlope(x) : geluSlope(x)
  return [multiply(outputGradient(gradients), slope)]
})
for (const op of ['Min', 'Max', 'Greater', 'HardSigmoid', 'Cast']) differentiable(op, noGradient)

/**
 * d gelu / dx = Φ(x) + x · φ(x), with as few passes over the elements as go: `Φ = ½ erf(s) + ½` in one, and
 * `x φ(x) = s / (√π e^{s²})` with `s = x / √2`, where an infinite exponential rightly gives 0.
 */
function geluSlope(x: Value): Value {
  const scaled = multiply(x, Math.SQRT1_2)
  const cumulative = hardSigmoid(errorFunction(scaled), 0.5, 0.5)
  const quotient = divide(scaled, exponential(multiply(scaled, scaled)))
  return add(cumulative, multiply(quotient, 1 / Math.sqrt(Math.PI)))
}

/** The same for ½x(1 + tanh(√(2/π)(x + 0.044715x³))). */
function tanhGeluSlope(x: Value): Value {
  const scale = Math.sqrt(2 / Math.PI)
  const square = multiply(x, x)
  const t = tanh(multiply(multiply(x, add(multiply(square, 0.044715), 1)), scale))
  const inner = multiply(add(multiply(square, 3 * 0.044715), 1), scale)
  const curve = multiply(multiply(x, subtract(multiply(t, t), 1)), multiply(inner, -0.5))
  return add(add(multiply(t, 0.5), 0.5), curve)
}
