import type { Activation } from '../../preload/contract.ts'
import {
  add,
  errorFunction,
  exponential,
  gelu,
  leakyRelu,
  logarithm,
  multiply,
  negate,
  relu,
  sigmoid,
  silu,
  subtract,
  tanh,
  type Value,
} from '../graph/index.ts'

/** The non-linearities by name, as Hugging Face's `ACT2FN` and PyTorch define them. */
export const activations: Record<Activation, (x: Value) => Value> = {
  relu,
  leakyrelu: (x) => leakyRelu(x, 0.01),
  leaky_relu: (x) => leakyRelu(x, 0.01),
  relu2: (x) => multiply(relu(x), relu(x)),
  relu6: (x) => atMost(relu(x), 6),
  gelu: (x) => gelu(x),
  gelu_python: (x) => gelu(x),
  // Cut to [-10, 10]; gelu is never below -0.17.
  gelu_10: (x) => atMost(gelu(x), 10),
  gelu_new: (x) => gelu(x, 'tanh'),
  // The same approximation under its other names.
  gelu_pytorch_tanh: (x) => gelu(x, 'tanh'),
  gelu_accurate: (x) => gelu(x, 'tanh'),
  gelu_fast: (x) => gelu(x, 'tanh'),
  quick_gelu: (x) => multiply(x, sigmoid(multiply(x, 1.702))),
  swish: silu,
  silu,
  mish: (x) => multiply(x, tanh(softplus(x))),
  laplace: (x) =>
    multiply(add(errorFunction(multiply(subtract(x, 0.707107), 1 / (0.282095 * Math.SQRT2))), 1), 0.5),
  tanh,
  sigmoid,
  linear: (x) => x,
}

/** `min(x, bound)` with its gradient. */
function atMost(x: Value, bound: number): Value {
  return subtract(x, relu(subtract(x, bound)))
}

/** `log(1 + exp(x))`, of which the exponential cannot run over. */
function softplus(x: Value): Value {
  const distance = add(relu(x), relu(negate(x)))
  return add(relu(x), logarithm(add(exponential(negate(distance)), 1)))
}
