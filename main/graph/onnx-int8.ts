import type { Graph, Node, Value } from './graph.ts'
import { onnxType, outputName, type FilePlace, type OnnxWriter } from './onnx.ts'
import { at } from './operations/rules.ts'

/** A right factor `[in, out]` of whole numbers, and a float32 factor for each of its columns. */
export interface QuantisedFactor {
  values: FilePlace
  scales: FilePlace
}

/** Where quantised copies of frozen weights lie: a file relative to the folder the engine is told. */
export interface QuantisedLocations {
  file: string
  /** By the weight's name: as the right factor that it is, and transposed. */
  entries: ReadonlyMap<string, { plain: QuantisedFactor; transposed: QuantisedFactor }>
}

const int8 = 3

/**
 * Writes a product with a frozen weight that has a quantised copy in whole numbers of 8 bits: the left factor is
 * rounded by its largest and smallest value when it is known, once for all products that read it.
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
  const [rows = 0, columns = 0] = transposed ? weight.shape.toReversed() : weight.shape
  const values = writer.fileTensor(stem, int8, [Number(rows), Number(columns)], factor.values)
  const scales = writer.fileTensor(`${stem}.scales`, onnxType('float32'), [Number(columns)], factor.scales)
  const [whole = '', scale = '', zero = ''] = writer.rounded(a.name)
  const bias = addition ? addition.inputs.find((input) => input.node === undefined) : undefined
  writer.node(
    'MatMulIntegerToFloat',
    [whole, values, scale, scales, zero, '', ...(bias ? [bias.name] : [])],
    {},
    [outputName(addition ?? node)],
    'com.microsoft',
  )
  return true
}

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
