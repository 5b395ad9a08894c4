import type { Node, Value } from './graph.ts'
import { onnxType, outputName, type FilePlace, type OnnxWriter } from './onnx.ts'
import { at } from './operations/rules.ts'

/** Where half-precision copies of frozen weights lie: a file relative to the folder the engine is told. */
export interface HalfLocations {
  file: string
  /** By the weight's name. */
  entries: ReadonlyMap<string, FilePlace>
  /** Whether products with them and look-ups in them are computed in half precision too. */
  compute: boolean
}

/** ONNX's number of the element type. */
const float16 = 10

/**
 * Writes a product with a frozen weight, or a look-up in one, in half precision: the left factor is rounded, once for
 * all products that read it, and what comes out is float32 again.
 *
 * @returns whether the operation is one of those
 */
export function writeInHalf(writer: OnnxWriter, node: Node): boolean {
  const weight = halfOperand(node, writer.options.half)
  if (!weight) return false
  const half = halfWeight(writer, weight)
  const back = { to: onnxType('float32') }
  if (node.op === 'Gather') {
    const rows = writer.node('Gather', [half, at(node.inputs, 1).name], { axis: 0 })
    writer.node('Cast', rows, back, [outputName(node)])
    return true
  }
  const left = writer.once(`${at(node.inputs).name} in half`, () =>
    writer.node('Cast', [at(node.inputs).name], { to: float16 }),
  )
  const right =
    node.attributes['transposeB'] === true
      ? writer.once(`${half} transposed`, () => writer.node('Transpose', [half], { perm: [1, 0] }))
      : half
  writer.node('Cast', writer.node('MatMul', [left, right]), back, [outputName(node)])
  return true
}

/**
 * A weight that is read in float32 though it is stored in half precision: converted when the graph is prepared.
 *
 * @returns whether it is stored so
 */
export function writeFromHalf(writer: OnnxWriter, weight: Value): boolean {
  if (!writer.options.half?.entries.has(weight.name)) return false
  const half = halfWeight(writer, weight)
  writer.node('Cast', [half], { to: onnxType('float32') }, [weight.name])
  // It comes before all that reads it.
  const cast = writer.nodes.pop()
  if (cast) writer.nodes.unshift(cast)
  return true
}

/**
 * Whether an operation reads a frozen weight in half precision: a product with it as the right factor, or a look-up.
 */
export function isInHalf(node: Node, half: Pick<HalfLocations, 'entries' | 'compute'>): boolean {
  return halfOperand(node, half) !== undefined
}

function halfOperand(
  { op, inputs, attributes }: Node,
  half: Pick<HalfLocations, 'entries' | 'compute'> | undefined,
): Value | undefined {
  const weight = op === 'Gather' ? inputs[0] : op === 'MatMul' ? inputs[1] : undefined
  if (!half?.compute || !weight || !half.entries.has(weight.name)) return undefined
  if (weight.node !== undefined || !weight.graph.weights.includes(weight)) return undefined
  const plain = op === 'Gather' || (attributes['transposeA'] !== true && attributes['alpha'] === 1)
  return plain ? weight : undefined
}

function halfWeight(writer: OnnxWriter, { name, shape }: Value): string {
  const { half } = writer.options
  const place = half?.entries.get(name)
  if (!half || !place) throw new Error(`there is no half-precision copy of "${name}"`)
  return writer.externalTensor(`${name}.float16`, float16, shape.map(Number), half.file, place)
}
