import type { Graph, Node, Value } from './graph.ts'
import { onnxType, outputName, type FilePlace, type OnnxWriter } from './onnx.ts'
import { at } from './operations/rules.ts'

/** A right factor `[in, out]` of whole numbers, and a float32 factor for each of its columns. */
export interface QuantisedFactor {
  values: FilePlace
  scales: FilePlace
  /** What the left factor's columns are multiplied by before they are rounded, float32 `[in]`; default: nothing. */
  balance?: FilePlace
}

/** Where quantised copies of frozen weights lie: a file relative to the folder the engine is told. */
export interface QuantisedLocations {
  file: string
  /** By the weight's name: as the right factor that it is, and transposed. */
  entries: ReadonlyMap<string, { plain: QuantisedFactor; transposed: QuantisedFactor }>
}

/** ONNX's numbers of the element types. */
const [uint8, int8] = [2, 3]

/**
 * Writes a product with a frozen weight that has a quantised copy in whole numbers of 8 bits: the left factor is
 * rounded when it is known, once for all products that read it. It has one scale for all of it, but one for each row
 * where it is much wider than the product: there its rows are seldom alike, and to scale the product costs little.
 *
 * @param addition the only reader of the product where that adds a frozen bias: it is computed along with it
 * @returns whether the product is one of those
 */
export function writeQuantisedProduct(writer: OnnxWriter, node: Node, addition: Node | undefined): boolean {
  const factor = quantisedFactor(writer, node)
  if (!factor) return false
  const [a, weight] = [at(node.inputs), at(node.inputs, 1)]
  const transposed = node.attributes['transposeB'] === true
  const stem = `${weight.name}.int8${transposed ? '.transposed' : ''}`
  const [inner = 0, columns = 0] = (transposed ? weight.shape.toReversed() : weight.shape).map(Number)
  const float32 = onnxType('float32')
  const values = writer.fileTensor(stem, int8, [inner, columns], factor.values)
  const scales = writer.fileTensor(`${stem}.scales`, float32, [columns], factor.scales)
  const { balance } = factor
  const balanced = (): string[] => {
    const factors = balance && writer.fileTensor(`balance.${balance.offset}`, float32, [inner], balance)
    return factors === undefined ? [a.name] : writer.node('Mul', [a.name, factors])
  }
  const left = writer.once(`${a.name} balanced by ${balance?.offset}`, balanced)
  const bias = addition?.inputs.find((input) => input.node === undefined)?.name
  const output = outputName(addition ?? node)
  if (inner < 2 * columns) {
    const [whole = '', scale = '', zero = ''] = writer.rounded(left)
    writer.node(
      'MatMulIntegerToFloat',
      [whole, values, scale, scales, zero, '', ...(bias === undefined ? [] : [bias])],
      {},
      [output],
      'com.microsoft',
    )
    return true
  }
  const { whole, scale, zero } = roundedRows(writer, left, oneSided.has(a.node?.op ?? ''))
  const one = writer.scalar(1)
  const product = [whole, values, one, scales, zero]
  const steps = writer.node('MatMulIntegerToFloat', product, {}, undefined, 'com.microsoft')
  const scaled = writer.node('Mul', [...steps, scale], {}, bias === undefined ? [output] : undefined)
  if (bias !== undefined) writer.node('Add', [...scaled, bias], {}, [output])
  return true
}

/** Operations whose results are never far below zero. */
const oneSided: ReadonlySet<string> = new Set(['Gelu', 'Relu'])
/** What stands for zero, of 256: in the middle, or so low that most are left for what is above. */
const zeros = { middle: 128, low: 32 }

/**
 * A value in whole numbers of 8 bits, each row with a scale of its own: the least by which neither its largest nor its
 * smallest number is beyond what 8 bits hold.
 *
 * @param low whether the rows are never far below zero
 * @returns names: of the whole numbers, of the scales (a column), and of what stands for zero
 */
function roundedRows(
  writer: OnnxWriter,
  x: string,
  low: boolean,
): { whole: string; scale: string; zero: string } {
  const zeroAt = low ? zeros.low : zeros.middle
  const zero = writer.constant(`zero.${zeroAt}`, uint8, [], Uint8Array.of(zeroAt))
  const scale = writer.once(`${x} scales of rows`, () => {
    const last = writer.integerList([-1])
    const ends = [
      { reduce: 'ReduceMax', share: 1 / (255 - zeroAt) },
      { reduce: 'ReduceMin', share: -1 / zeroAt },
    ].flatMap(({ reduce, share }) =>
      writer.node('Mul', [...writer.node(reduce, [x, last], { keepdims: 1 }), writer.scalar(share)]),
    )
    // A row of zeros has a scale too.
    return writer.node('Max', [...ends, writer.scalar(smallestScale)])
  })
  const whole = writer.once(`${x} in rows of 8 bits`, () => {
    const flat = writer.node('Reshape', [scale, writer.integerList([-1])])
    const everywhere = writer.node('Expand', [zero, ...writer.node('Shape', flat)])
    const rows = writer.node('Flatten', [x], { axis: -1 })
    const rounded = writer.node('QuantizeLinear', [...rows, ...flat, ...everywhere], { axis: 0 })
    return writer.node('Reshape', [...rounded, ...writer.node('Shape', [x])])
  })
  return { whole, scale, zero }
}

const smallestScale = 1e-30

/** The copy of the weight that a product multiplies with; undefined for a product that stays as it is. */
function quantisedFactor(
  { options }: OnnxWriter,
  { op, inputs, attributes }: Node,
): QuantisedFactor | undefined {
  const weight = inputs[1]
  if (op !== 'MatMul' || !weight || options.quantised === undefined || !isWeight(weight)) return undefined
  if (attributes['transposeA'] === true || attributes['alpha'] !== 1) return undefined
  const entry = options.quantised.entries.get(weight.name)
  return attributes['transposeB'] === true ? entry?.transposed : entry?.plain
}

function isWeight(value: Value): boolean {
  return value.node === undefined && value.graph.weights.includes(value)
}

/**
 * Products whose only reader adds a frozen bias, each with that reader.
 *
 * @param nodes those that are written
 */
export function biasedProducts(graph: Graph, nodes: readonly Node[]): Map<Node, Node> {
  const readers = new Map<Value, Node[]>()
  for (const node of nodes) {
    for (const input of node.inputs) readers.set(input, [...(readers.get(input) ?? []), node])
  }
  const seen = new Set(graph.outputs.values())
  const found = new Map<Node, Node>()
  for (const node of nodes) {
    const [output] = node.outputs
    if (node.op !== 'MatMul' || output === undefined || seen.has(output)) continue
    const [reader, ...others] = readers.get(output) ?? []
    if (reader?.op !== 'Add' || others.length > 0) continue
    const bias = reader.inputs.find((input) => input !== output)
    if (bias && isWeight(bias) && bias.shape.length === 1 && bias.shape[0] === output.shape.at(-1)) {
      found.set(node, reader)
    }
  }
  return found
}
