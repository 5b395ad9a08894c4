import { gelu, leakyRelu, multiply, relu, sigmoid, silu, tanh, type Value } from '../graph/index.ts'

/** Non-linearities that adapters may have, under the adapters library's names. */
export const activationNames = [
  'relu',
  'leakyrelu',
  'gelu',
  'gelu_new',
  'gelu_pytorch_tanh',
  'gelu_fast',
  'quick_gelu',
  'swish',
  'silu',
  'tanh',
  'sigmoid',
  'linear',
] as const

export type Activation = (typeof activationNames)[number]

export const activations: Record<Activation, (x: Value) => Value> = {
  relu,
  leakyrelu: (x) => leakyRelu(x, 0.01),
  gelu: (x) => gelu(x),
  gelu_new: (x) => gelu(x, 'tanh'),
  // The same approximation under its other names.
  gelu_pytorch_tanh: (x) => gelu(x, 'tanh'),
  gelu_fast: (x) => gelu(x, 'tanh'),
  quick_gelu: (x) => multiply(x, sigmoid(multiply(x, 1.702))),
  swish: silu,
  silu,
  tanh,
  sigmoid,
  linear: (x) => x,
}
