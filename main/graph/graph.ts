/**
 * A static tensor graph whose operations are ONNX operations. Building it computes nothing: values carry
 * shapes with symbolic dimensions, so that one graph serves every batch size and sequence length.
 */

export type ElementType = 'float32' | 'int32' | 'int64' | 'bool'

/** A size known when the graph is built, or a symbol (`batch`, `sequence`) that each run fixes. */
export type Dimension = number | string
export type Shape = readonly Dimension[]

export type Attribute = number | string | boolean | readonly number[] | Shape
export type Attributes = Readonly<Record<string, Attribute>>

export interface Value {
  readonly graph: Graph
  readonly name: string
  readonly type: ElementType
  readonly shape: Shape
  /** The node that computes it; undefined for inputs, constants and weights. */
  readonly node: Node | undefined
}

export interface Node {
  readonly op: string
  readonly inputs: readonly Value[]
  readonly attributes: Attributes
  readonly outputs: readonly Value[]
}

export type TensorData = Float32Array | Int32Array | BigInt64Array | Uint8Array

/** Values that a graph holds itself (small) or that lie in a weight file shared by many graphs (large). */
export interface Constant {
  readonly value: Value
  readonly data: TensorData
}

export class Graph {
  readonly inputs: Value[] = []
  readonly constants: Constant[] = []
  readonly weights: Value[] = []
  readonly nodes: Node[] = []
  readonly outputs = new Map<string, Value>()
  private readonly names = new Set<string>()
  private readonly scalars = new Map<number, Value>()
  private readonly known = new Map<string, readonly Value[]>()
  private counter = 0

  /** A tensor that every run is given. */
  input(name: string, type: ElementType, shape: Shape): Value {
    const value = this.value(this.claim(name), type, shape, undefined)
    this.inputs.push(value)
    return value
  }

  /** A frozen float32 tensor that lies in a weight file under this name. Asked for twice, it is the same value. */
  weight(name: string, shape: readonly number[]): Value {
    const known = this.weights.find((weight) => weight.name === name)
    if (known) return known
    const value = this.value(this.claim(name), 'float32', shape, undefined)
    this.weights.push(value)
    return value
  }

  /** A tensor stored in the graph itself. */
  constant(data: TensorData, shape: readonly number[]): Value {
    const size = shape.reduce((product, dimension) => product * dimension, 1)
    if (size !== data.length)
      throw new Error(`constant of shape [${shape.join(', ')}] needs ${size} values, got ${data.length}`)
    const value = this.value(this.fresh('constant'), elementTypeOf(data), shape, undefined)
    this.constants.push({ value, data })
    return value
  }

  /** A float32 constant without dimensions. */
  scalar(number: number): Value {
    const known = this.scalars.get(number)
    if (known) return known
    const value = this.constant(Float32Array.of(number), [])
    this.scalars.set(number, value)
    return value
  }

  /**
   * Adds an operation; its operation file (graph/operations) has computed the outputs' types and shapes. The same
   * operation on the same values is there once: what several branches have in common is computed once.
   */
  node(
    op: string,
    inputs: readonly Value[],
    attributes: Attributes,
    outputs: readonly { type: ElementType; shape: Shape }[],
  ): readonly Value[] {
    for (const input of inputs) {
      if (input.graph !== this) throw new Error(`${op} was given "${input.name}" of another graph`)
    }
    const key = JSON.stringify([op, inputs.map(({ name }) => name), attributes])
    const known = this.known.get(key)
    if (known) return known
    const values: Value[] = []
    const node: Node = { op, inputs, attributes, outputs: values }
    for (const { type, shape } of outputs) values.push(this.value(this.fresh(op), type, shape, node))
    this.nodes.push(node)
    this.known.set(key, values)
    return values
  }

  /** Names a value as something that a run can be asked for. */
  output(name: string, value: Value): void {
    if (this.outputs.has(name)) throw new Error(`the graph has an output "${name}" already`)
    this.outputs.set(name, value)
  }

  private value(name: string, type: ElementType, shape: Shape, node: Node | undefined): Value {
    return { graph: this, name, type, shape, node }
  }

  private claim(name: string): string {
    if (this.names.has(name)) throw new Error(`the graph has a value "${name}" already`)
    this.names.add(name)
    return name
  }

  private fresh(stem: string): string {
    this.counter += 1
    return this.claim(`${stem}:${this.counter}`)
  }
}

/**
 * The nodes that some of `values` depend on, in the order in which they were added (which is one to run them in).
 *
 * @param given values that need not be computed
 */
export function nodesFor(
  graph: Graph,
  values: Iterable<Value>,
  given: { has(value: Value): boolean } = new Set(),
): Node[] {
  const reached = new Set<Node>()
  const pending = [...values]
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (value.node === undefined || given.has(value) || reached.has(value.node)) continue
    reached.add(value.node)
    pending.push(...value.node.inputs)
  }
  return graph.nodes.filter((node) => reached.has(node))
}

export function elementTypeOf(data: TensorData): ElementType {
  if (data instanceof Float32Array) return 'float32'
  if (data instanceof Int32Array) return 'int32'
  if (data instanceof BigInt64Array) return 'int64'
  return 'bool'
}

/** Number of elements of a shape without symbols. */
export function sizeOf(shape: Shape): number {
  return shape.reduce<number>((product, dimension) => {
    if (typeof dimension !== 'number')
      throw new Error(`the size of [${shape.join(', ')}] is not known before a run`)
    return product * dimension
  }, 1)
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis])
}

/** `product([2, 'batch', 3])` is `6*batch`: equal products have equal names. */
export function product(shape: Shape): Dimension {
  let size = 1
  const symbols: string[] = []
  for (const dimension of shape) {
    if (typeof dimension === 'number') size *= dimension
    else symbols.push(dimension)
  }
  if (symbols.length === 0) return size
  return [...(size === 1 ? [] : [size]), ...symbols.sort()].join('*')
}
