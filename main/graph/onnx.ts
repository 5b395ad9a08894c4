import {
  elementTypeOf,
  nodesFor,
  type ElementType,
  type Graph,
  type Node,
  type Shape,
  type TensorData,
  type Value,
} from './graph.ts'
import {
  encodeModel,
  type AttributeMessage,
  type NodeMessage,
  type TensorMessage,
  type ValueInfoMessage,
} from './onnx-proto.ts'
import { writeFromHalf, writeInHalf, type HalfLocations } from './onnx-float16.ts'
import { biasedProducts, writeQuantisedProduct, type QuantisedLocations } from './onnx-int8.ts'
import { isLowered, lowerings } from './onnx-operations.ts'
import { at } from './operations/rules.ts'

/** Where bytes lie in a file. */
export interface FilePlace {
  offset: number
  byteLength: number
}

/** Where a graph's frozen weights lie: a file of raw float32 values, relative to the folder the engine is told. */
export interface WeightLocations {
  file: string
  entries: ReadonlyMap<string, FilePlace>
}

export interface OnnxOptions {
  weights?: WeightLocations
  /** Products with weights that lie here are computed in whole numbers of 8 bits. */
  quantised?: QuantisedLocations
  /** Weights that lie here are read in half precision. */
  half?: HalfLocations
  /** Whether the engine has onnxruntime's `FusedMatMul` (transpositions and a factor inside the product). */
  fusedProducts: boolean
}

const onnxTypes = { float32: 1, int32: 6, int64: 7, bool: 9 } satisfies Record<ElementType, number>
const external = 1
const opset = 20

/**
 * Builds an ONNX model while its nodes are written: hands out names and keeps integer constants, which many
 * operations share, single.
 */
export class OnnxWriter {
  readonly nodes: NodeMessage[] = []
  readonly initializers: TensorMessage[] = []
  readonly options: OnnxOptions
  private readonly integers = new Map<string, string>()
  private readonly fileTensors = new Set<string>()
  private readonly roundedValues = new Map<string, string[]>()
  private readonly made = new Map<string, string>()
  private counter = 0

  constructor(options: OnnxOptions) {
    this.options = options
  }

  /** Adds a node and returns the names of its outputs. */
  node(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, number | string | readonly number[]>> = {},
    output: readonly string[] = [this.fresh(opType)],
    domain = '',
  ): string[] {
    const attribute = Object.entries(attributes).map(([name, value]) => attributeMessage(name, value))
    const names = [...output]
    this.nodes.push({
      opType,
      domain,
      name: `${opType}_${this.nodes.length}`,
      input: [...input],
      output: names,
      attribute,
    })
    return names
  }

  /** A one-dimensional int64 constant. */
  integerList(values: readonly number[]): string {
    const key = values.join(',')
    const known = this.integers.get(key)
    if (known !== undefined) return known
    const name = this.fresh('integers')
    this.initializers.push(tensorMessage(name, BigInt64Array.from(values, BigInt), [values.length]))
    this.integers.set(key, name)
    return name
  }

  /** A small constant under a name of its own. Asked for twice, it is there once. */
  constant(name: string, dataType: number, dims: readonly number[], data: Uint8Array): string {
    return this.once(name, () => {
      this.initializers.push({ name, dims, dataType, rawData: data })
      return [name]
    })
  }

  /** A float32 constant without dimensions. */
  scalar(value: number): string {
    return this.constant(
      `scalar.${value}`,
      onnxTypes.float32,
      [],
      new Uint8Array(Float32Array.of(value).buffer),
    )
  }

  /** A constant in the file of quantised weights, and its name. */
  fileTensor(name: string, dataType: number, dims: readonly number[], place: FilePlace): string {
    if (this.options.quantised === undefined) throw new Error('there is no file of quantised weights')
    return this.externalTensor(name, dataType, dims, this.options.quantised.file, place)
  }

  /** A constant in a file beside the weight file, and its name. Asked for twice, it is there once. */
  externalTensor(
    name: string,
    dataType: number,
    dims: readonly number[],
    file: string,
    place: FilePlace,
  ): string {
    if (!this.fileTensors.has(name)) {
      this.fileTensors.add(name)
      this.initializers.push({ name, dims, dataType, ...externalData(file, place) })
    }
    return name
  }

  /** The one output of nodes that several operations share; `make` adds them where none has yet. */
  once(key: string, make: () => readonly string[]): string {
    const known = this.made.get(key)
    if (known !== undefined) return known
    const [name = ''] = make()
    this.made.set(key, name)
    return name
  }

  /** A value in whole numbers of 8 bits: their name, that of the factor they stand for, and that of their zero. */
  rounded(name: string): readonly string[] {
    const known = this.roundedValues.get(name)
    if (known) return known
    const names = ['values', 'scale', 'zero'].map((part) => this.fresh(`rounded.${part}`))
    this.roundedValues.set(name, names)
    return this.node('DynamicQuantizeLinear', [name], {}, names)
  }

  fresh(stem: string): string {
    this.counter += 1
    return `${stem}.${this.counter}`
  }
}

/**
 * The graph as an ONNX model. Frozen weights are references into a file that all graphs of a backbone share;
 * everything else is inside.
 */
export function toOnnx(graph: Graph, options: OnnxOptions): Uint8Array {
  const writer = new OnnxWriter(options)
  for (const { value, data } of graph.constants) {
    writer.initializers.push(tensorMessage(value.name, data, value.shape))
  }
  const nodes = nodesFor(graph, graph.outputs.values())
  const biased = options.quantised ? biasedProducts(graph, nodes) : new Map<Node, Node>()
  const written = new Set<Node>()
  for (const node of nodes) {
    if (written.has(node)) continue
    const addition = biased.get(node)
    if (writeQuantisedProduct(writer, node, addition)) {
      if (addition) written.add(addition)
    } else if (!writeInHalf(writer, node)) writeNode(writer, node)
  }
  nameOutputs(writer, graph)
  // A weight that is only read in its quantised form, or below a cut, need not be loaded.
  const read = new Set(writer.nodes.flatMap(({ input }) => input))
  for (const weight of graph.weights) {
    if (!read.has(weight.name) || writeFromHalf(writer, weight)) continue
    writer.initializers.push(externalTensor(weight, options.weights))
  }
  return encodeModel({
    irVersion: 9,
    producerName: 'adapter-workbench',
    opsetImport: [
      { domain: '', version: opset },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: 'graph',
      node: writer.nodes,
      initializer: writer.initializers,
      input: graph.inputs.map((input) => valueInfo(input.name, input)),
      output: [...graph.outputs].map(([name, value]) => valueInfo(name, value)),
    },
  })
}

/**
 * Gives the graph's outputs their names: by renaming the values, since an `Identity` would copy what may be all
 * parameters. A value that is no node's, or has a name as an output already, is copied.
 */
function nameOutputs(writer: OnnxWriter, { outputs }: Graph): void {
  const renamed = new Map<string, string>()
  for (const [name, value] of outputs) {
    if (value.node === undefined || renamed.has(value.name)) writer.node('Identity', [value.name], {}, [name])
    else renamed.set(value.name, name)
  }
  const rename = (name: string): string => renamed.get(name) ?? name
  for (const node of writer.nodes) {
    node.input = node.input.map(rename)
    node.output = node.output.map(rename)
  }
}

function writeNode(writer: OnnxWriter, node: Node): void {
  if (isLowered(node.op)) {
    lowerings[node.op](writer, node)
    return
  }
  const attributes: Record<string, number | string> = {}
  for (const [name, value] of Object.entries(node.attributes)) {
    if (typeof value !== 'number' && typeof value !== 'string')
      throw new Error(`attribute ${name} of ${node.op} cannot be written`)
    attributes[name] = value
  }
  writer.node(
    node.op,
    node.inputs.map((input) => input.name),
    attributes,
    node.outputs.map((output) => output.name),
  )
}

function attributeMessage(name: string, value: number | string | readonly number[]): AttributeMessage {
  if (typeof value === 'string') return { name, type: 3, s: new TextEncoder().encode(value) }
  if (typeof value !== 'number') return { name, type: 7, ints: value }
  return floatAttributes.has(name) ? { name, type: 1, f: value } : { name, type: 2, i: value }
}

const floatAttributes = new Set(['alpha', 'beta', 'epsilon'])

function tensorMessage(name: string, data: TensorData, shape: Shape): TensorMessage {
  return {
    name,
    dims: shape.map(Number),
    dataType: onnxTypes[elementTypeOf(data)],
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }
}

function externalTensor(weight: Value, weights: WeightLocations | undefined): TensorMessage {
  const entry = weights?.entries.get(weight.name)
  if (weights === undefined || entry === undefined) {
    throw new Error(`the graph needs the frozen weight "${weight.name}", which the weight file does not hold`)
  }
  return {
    name: weight.name,
    dims: weight.shape.map(Number),
    dataType: onnxTypes.float32,
    ...externalData(weights.file, entry),
  }
}

function externalData(file: string, { offset, byteLength }: FilePlace) {
  return {
    dataLocation: external,
    externalData: [
      { key: 'location', value: file },
      { key: 'offset', value: String(offset) },
      { key: 'length', value: String(byteLength) },
    ],
  }
}

function valueInfo(name: string, value: Value): ValueInfoMessage {
  const dim = value.shape.map((dimension) =>
    typeof dimension === 'number' ? { dimValue: dimension } : { dimParam: dimension },
  )
  return { name, type: { tensorType: { elemType: onnxTypes[value.type], shape: { dim } } } }
}

/** The ONNX number of an element type, as `Cast` wants it. */
export function onnxType(type: string): number {
  const number = Object.entries(onnxTypes).find(([name]) => name === type)?.[1]
  if (number === undefined) throw new Error(`no element type ${type}`)
  return number
}

/** Name of a node's output. */
export function outputName(node: Node, position = 0): string {
  return at(node.outputs, position).name
}
