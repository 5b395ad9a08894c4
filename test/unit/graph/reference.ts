import type { Graph, Node, Shape, Value } from '../../../main/graph/index.ts'

/** A tensor of float64 (integers and booleans as numbers). */
export interface Tensor {
  shape: number[]
  data: Float64Array
}

/**
 * Computes a graph plainly, element by element in float64: what engines are compared with, and what finite
 * differences are taken of.
 */
export function interpret(graph: Graph, feeds: Record<string, Tensor>): Map<string, Tensor> {
  const known = new Map<Value, Tensor>()
  for (const input of graph.inputs) {
    const feed = feeds[input.name]
    if (feed) known.set(input, feed)
  }
  for (const { value, data } of graph.constants) {
    known.set(value, { shape: value.shape.map(Number), data: Float64Array.from(data, Number) })
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => {
      const tensor = known.get(input)
      if (!tensor) throw new Error(`${node.op} needs "${input.name}"`)
      return tensor
    })
    const outputs = compute(node, inputs)
    node.outputs.forEach((output, i) => {
      const tensor = outputs[i]
      if (tensor) known.set(output, tensor)
    })
  }
  return new Map(
    Array.from(graph.outputs, ([name, value]) => [
      name,
      known.get(value) ?? { shape: [], data: new Float64Array() },
    ]),
  )
}

const elementwise: Record<string, (...values: number[]) => number> = {
  Add: (a = 0, b = 0) => a + b,
  Sub: (a = 0, b = 0) => a - b,
  Mul: (a = 0, b = 0) => a * b,
  Div: (a = 0, b = 0) => a / b,
  Min: (a = 0, b = 0) => Math.min(a, b),
  Max: (a = 0, b = 0) => Math.max(a, b),
  Greater: (a = 0, b = 0) => (a > b ? 1 : 0),
  Neg: (x = 0) => -x,
  Exp: (x = 0) => Math.exp(x),
  Log: (x = 0) => Math.log(x),
  Sqrt: (x = 0) => Math.sqrt(x),
  Erf: (x = 0) => erf(x),
  Tanh: (x = 0) => Math.tanh(x),
  Sigmoid: (x = 0) => 1 / (1 + Math.exp(-x)),
  Relu: (x = 0) => Math.max(0, x),
  Cast: (x = 0) => x,
}

function compute(node: Node, inputs: Tensor[]): Tensor[] {
  const [a, b, c] = inputs
  if (!a) throw new Error(`${node.op} without input`)
  const { attributes } = node
  const plain = elementwise[node.op]
  if (plain) return [map(inputs, plain)]
  switch (node.op) {
    case 'LeakyRelu':
      return [map([a], (x = 0) => (x > 0 ? x : x * Number(attributes['alpha'])))]
    case 'HardSigmoid': {
      const [alpha, beta] = [Number(attributes['alpha']), Number(attributes['beta'])]
      return [map([a], (x = 0) => Math.min(1, Math.max(0, alpha * x + beta)))]
    }
    case 'Gelu':
      return [
        map([a], (x = 0) =>
          attributes['approximate'] === 'tanh' ? tanhGelu(x) : (x * (1 + erf(x / Math.SQRT2))) / 2,
        ),
      ]
    case 'MatMul':
      return [matMul(a, need(b), attributes)]
    case 'Transpose': {
      const perm = attributes['perm'] as number[]
      return [
        build(
          perm.map((axis) => a.shape[axis] ?? 0),
          (index) => {
            const source: number[] = []
            perm.forEach((axis, i) => (source[axis] = index[i] ?? 0))
            return read(a, source)
          },
        ),
      ]
    }
    case 'Reshape':
      return [{ shape: resolve(attributes['shape'] as Shape, a), data: a.data }]
    case 'Slice': {
      const [axis, start, end] = [
        Number(attributes['axis']),
        Number(attributes['start']),
        Number(attributes['end']),
      ]
      return [
        build(
          a.shape.map((size, i) => (i === axis ? end - start : size)),
          (index) =>
            read(
              a,
              index.map((position, i) => (i === axis ? position + start : position)),
            ),
        ),
      ]
    }
    case 'Concat': {
      const axis = Number(attributes['axis'])
      const total = inputs.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0)
      return [
        build(
          a.shape.map((size, i) => (i === axis ? total : size)),
          (index) => {
            let position = index[axis] ?? 0
            for (const input of inputs) {
              const size = input.shape[axis] ?? 0
              if (position < size)
                return read(
                  input,
                  index.map((value, i) => (i === axis ? position : value)),
                )
              position -= size
            }
            throw new Error('beyond the joined tensors')
          },
        ),
      ]
    }
    case 'PadLike': {
      const [axis, start] = [Number(attributes['axis']), Number(attributes['start'])]
      return [
        build(need(b).shape, (index) => {
          const position = (index[axis] ?? 0) - start
          const inside = position >= 0 && position < (a.shape[axis] ?? 0)
          return inside
            ? read(
                a,
                index.map((value, i) => (i === axis ? position : value)),
              )
            : 0
        }),
      ]
    }
    case 'Gather': {
      const indices = need(b)
      const rank = indices.shape.length
      return [
        build([...indices.shape, ...a.shape.slice(1)], (index) =>
          read(a, [read(indices, index.slice(0, rank)), ...index.slice(rank)]),
        ),
      ]
    }
    case 'ScatterRows': {
      const updates = need(b)
      const shape = (attributes['shape'] as number[]).map(Number)
      const width = size(shape.slice(1))
      const data = new Float64Array(size(shape))
      a.data.forEach((row, i) => {
        for (let j = 0; j < width; j++)
          data[row * width + j] = (data[row * width + j] ?? 0) + (updates.data[i * width + j] ?? 0)
      })
      return [{ shape, data }]
    }
    case 'ReshapeLike':
      return [{ shape: need(b).shape, data: a.data }]
    case 'ExpandLike':
      return [map([a, { shape: need(b).shape, data: new Float64Array(size(need(b).shape)) }], (x = 0) => x)]
    case 'DimensionSize':
      return [{ shape: [1], data: Float64Array.of(a.shape[Number(attributes['axis'])] ?? 0) }]
    case 'ReduceSum':
    case 'ReduceMean':
    case 'ReduceMax':
      return [reduce(node.op, a, attributes['axes'] as number[], attributes['keepdims'] === 1)]
    case 'Softmax':
      return [
        lastAxis(a, (row) => {
          const largest = Math.max(...row)
          const exponentials = row.map((x) => Math.exp(x - largest))
          const sum = exponentials.reduce((total, x) => total + x, 0)
          return exponentials.map((x) => x / sum)
        }),
      ]
    case 'LayerNormalization':
      return layerNorm(a, need(b), need(c), Number(attributes['epsilon']))
    default:
      throw new Error(`the reference lacks ${node.op}`)
  }
}

function need(tensor: Tensor | undefined): Tensor {
  if (!tensor) throw new Error('an input is missing')
  return tensor
}

export function size(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1)
}

function build(shape: number[], value: (index: number[]) => number): Tensor {
  const data = new Float64Array(size(shape))
  for (let flat = 0; flat < data.length; flat++) data[flat] = value(unravel(flat, shape))
  return { shape, data }
}

function unravel(flat: number, shape: readonly number[]): number[] {
  const index: number[] = []
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const dimension = shape[axis] ?? 1
    index[axis] = flat % dimension
    flat = Math.floor(flat / dimension)
  }
  return index
}

function read({ shape, data }: Tensor, index: readonly number[]): number {
  let flat = 0
  shape.forEach((dimension, axis) => (flat = flat * dimension + (index[axis] ?? 0)))
  return data[flat] ?? Number.NaN
}

function map(inputs: Tensor[], value: (...values: number[]) => number): Tensor {
  const rank = Math.max(...inputs.map(({ shape }) => shape.length))
  const shape = Array.from({ length: rank }, (_, axis) =>
    Math.max(...inputs.map((input) => input.shape[axis - rank + input.shape.length] ?? 1)),
  )
  return build(shape, (index) =>
    value(
      ...inputs.map((input) =>
        read(
          input,
          input.shape.map((dimension, axis) =>
            dimension === 1 ? 0 : (index[axis + rank - input.shape.length] ?? 0),
          ),
        ),
      ),
    ),
  )
}

function matMul(a: Tensor, b: Tensor, attributes: Node['attributes']): Tensor {
  const at = (tensor: Tensor, lead: number[], row: number, column: number, transposed: unknown): number =>
    read(tensor, [
      ...(tensor.shape.length === 2
        ? []
        : lead.map((position, axis) => (tensor.shape[axis] === 1 ? 0 : position))),
      ...(transposed ? [column, row] : [row, column]),
    ])
  const [rows, inner] = attributes['transposeA']
    ? [a.shape.at(-1), a.shape.at(-2)]
    : [a.shape.at(-2), a.shape.at(-1)]
  const columns = attributes['transposeB'] ? b.shape.at(-2) : b.shape.at(-1)
  return build([...a.shape.slice(0, -2), rows ?? 0, columns ?? 0], (index) => {
    const lead = index.slice(0, -2)
    let sum = 0
    for (let k = 0; k < (inner ?? 0); k++) {
      sum +=
        at(a, lead, index.at(-2) ?? 0, k, attributes['transposeA']) *
        at(b, lead, k, index.at(-1) ?? 0, attributes['transposeB'])
    }
    return sum * Number(attributes['alpha'])
  })
}

function resolve(shape: Shape, { shape: from, data }: Tensor): number[] {
  const sizes = shape.map((dimension, axis) =>
    typeof dimension === 'number' ? dimension : (from[axis] ?? 0),
  )
  const open = shape.findIndex((dimension) => typeof dimension === 'string')
  if (size(sizes) !== data.length && open >= 0) {
    sizes[open] = data.length / size(sizes.filter((_, axis) => axis !== open))
  }
  return sizes
}

function reduce(op: string, x: Tensor, axes: readonly number[], keep: boolean): Tensor {
  const kept = x.shape.map((dimension, axis) => (axes.includes(axis) ? 1 : dimension))
  const count = size(x.shape) / size(kept)
  const result = build(kept, (index) => {
    let total = op === 'ReduceMax' ? -Infinity : 0
    x.data.forEach((value, flat) => {
      const position = unravel(flat, x.shape)
      if (position.every((p, axis) => axes.includes(axis) || p === index[axis])) {
        total = op === 'ReduceMax' ? Math.max(total, value) : total + value
      }
    })
    return op === 'ReduceMean' ? total / count : total
  })
  return keep ? result : { shape: x.shape.filter((_, axis) => !axes.includes(axis)), data: result.data }
}

function lastAxis(x: Tensor, change: (row: number[]) => number[]): Tensor {
  const width = x.shape.at(-1) ?? 1
  const data = new Float64Array(x.data.length)
  for (let start = 0; start < data.length; start += width)
    data.set(change([...x.data.subarray(start, start + width)]), start)
  return { shape: x.shape, data }
}

function layerNorm(x: Tensor, scale: Tensor, bias: Tensor, epsilon: number): Tensor[] {
  const means: number[] = []
  const deviations: number[] = []
  const y = lastAxis(x, (row) => {
    const mean = row.reduce((sum, value) => sum + value, 0) / row.length
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length
    const inverse = 1 / Math.sqrt(variance + epsilon)
    means.push(mean)
    deviations.push(inverse)
    return row.map((value, i) => (value - mean) * inverse * (scale.data[i] ?? 0) + (bias.data[i] ?? 0))
  })
  const shape = [...x.shape.slice(0, -1), 1]
  return [y, { shape, data: Float64Array.from(means) }, { shape, data: Float64Array.from(deviations) }]
}

function tanhGelu(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
}

/** The error function by its Taylor series: exact to 1e-15 in the range that tests use. */
function erf(x: number): number {
  // Beyond, it is ±1 to more digits than the series gives.
  if (Math.abs(x) > 4.5) return Math.sign(x)
  let term = x
  let sum = x
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}
