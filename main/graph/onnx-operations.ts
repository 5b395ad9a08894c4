import type { Node, Shape } from './graph.ts'
import { onnxType, outputName, type OnnxWriter } from './onnx.ts'
import { at, listAttribute, numberAttribute } from './operations/rules.ts'

type Lowering = (writer: OnnxWriter, node: Node) => void

/**
 * Operations of ours that ONNX writes otherwise: parameters that are inputs there, or several nodes for one.
 * All others are written under their own name with their attributes.
 */
export const lowerings = {
  MatMul(writer, node) {
    const [a, b] = [at(node.inputs), at(node.inputs, 1)]
    const transposeA = node.attributes['transposeA'] === true
    const transposeB = node.attributes['transposeB'] === true
    const alpha = numberAttribute(node.attributes, 'alpha')
    const output = [outputName(node)]
    if (!transposeA && !transposeB && alpha === 1) {
      writer.node('MatMul', [a.name, b.name], {}, output)
    } else if (writer.options.fusedProducts) {
      const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha }
      writer.node('FusedMatMul', [a.name, b.name], attributes, output, 'com.microsoft')
    } else {
      const left = transposeA ? swapLastAxes(writer, a.name, a.shape.length) : a.name
      const right = transposeB ? swapLastAxes(writer, b.name, b.shape.length) : b.name
      if (alpha === 1) {
        writer.node('MatMul', [left, right], {}, output)
      } else {
        writer.node('Mul', [...writer.node('MatMul', [left, right]), writer.scalar(alpha)], {}, output)
      }
    }
  },
  Reshape(writer, node) {
    const [x, target] = [at(node.inputs), at(node.outputs).shape]
    const shape = writer.integerList(reshapeTarget(x.shape, target))
    writer.node('Reshape', [x.name, shape], {}, [outputName(node)])
  },
  Transpose(writer, node) {
    writer.node('Transpose', [at(node.inputs).name], { perm: listAttribute(node.attributes, 'perm') }, [
      outputName(node),
    ])
  },
  Slice(writer, node) {
    const bounds = ['start', 'end', 'axis'].map((name) =>
      writer.integerList([numberAttribute(node.attributes, name)]),
    )
    writer.node('Slice', [at(node.inputs).name, ...bounds], {}, [outputName(node)])
  },
  PadLike(writer, node) {
    const [x, like] = [at(node.inputs), at(node.inputs, 1)]
    const axis = numberAttribute(node.attributes, 'axis')
    const start = numberAttribute(node.attributes, 'start')
    const end = start + Number(x.shape[axis])
    const size = writer.node('Shape', [like.name], { start: axis, end: axis + 1 })
    const after = writer.node('Sub', [...size, writer.integerList([end])])
    const pads = writer.node('Concat', [writer.integerList([start]), ...after], { axis: 0 })
    writer.node('Pad', [x.name, ...pads, '', writer.integerList([axis])], {}, [outputName(node)])
  },
  ScatterRows(writer, node) {
    // ScatterElements adds in order; onnxruntime's ScatterND adds from several threads and loses duplicates.
    const [indices, updates] = [at(node.inputs), at(node.inputs, 1)]
    const table = at(node.outputs).shape.map(Number)
    const zeros = writer.node('ConstantOfShape', [writer.integerList(table)])
    const flat = writer.node('Reshape', [updates.name, writer.integerList([-1, ...table.slice(1)])])
    const rows = writer.node('Reshape', [
      indices.name,
      writer.integerList([-1, ...table.slice(1).map(() => 1)]),
    ])
    const shape = writer.node('Shape', flat)
    const everywhere = writer.node('Expand', [...rows, ...shape])
    writer.node('ScatterElements', [...zeros, ...everywhere, ...flat], { axis: 0, reduction: 'add' }, [
      outputName(node),
    ])
  },
  ReshapeLike(writer, node) {
    const shape = writer.node('Shape', [at(node.inputs, 1).name])
    writer.node('Reshape', [at(node.inputs).name, ...shape], {}, [outputName(node)])
  },
  ExpandLike(writer, node) {
    const shape = writer.node('Shape', [at(node.inputs, 1).name])
    writer.node('Expand', [at(node.inputs).name, ...shape], {}, [outputName(node)])
  },
  DimensionSize(writer, node) {
    const axis = numberAttribute(node.attributes, 'axis')
    const size = writer.node('Shape', [at(node.inputs).name], { start: axis, end: axis + 1 })
    writer.node('Cast', size, { to: onnxType('float32') }, [outputName(node)])
  },
  Cast(writer, node) {
    writer.node('Cast', [at(node.inputs).name], { to: onnxType(String(node.attributes['to'])) }, [
      outputName(node),
    ])
  },
  ReduceSum: lowerReduction,
  ReduceMean: lowerReduction,
  ReduceMax: lowerReduction,
} satisfies Record<string, Lowering>

export function isLowered(op: string): op is keyof typeof lowerings {
  return Object.hasOwn(lowerings, op)
}

function lowerReduction(writer: OnnxWriter, node: Node): void {
  const axes = writer.integerList(listAttribute(node.attributes, 'axes'))
  const keepdims = numberAttribute(node.attributes, 'keepdims')
  writer.node(node.op, [at(node.inputs).name, axes], { keepdims }, [outputName(node)])
}

function swapLastAxes(writer: OnnxWriter, name: string, rank: number): string {
  const perm = Array.from({ length: rank }, (_, axis) => axis)
  perm.splice(rank - 2, 2, rank - 1, rank - 2)
  const [swapped] = writer.node('Transpose', [name], { perm })
  if (swapped === undefined) throw new Error('a transposition without output')
  return swapped
}

/** ONNX's form of a target shape: 0 keeps the input's size at that place, −1 (once) is computed. */
function reshapeTarget(from: Shape, to: Shape): number[] {
  const target = to.map((dimension, axis) =>
    typeof dimension === 'number' ? dimension : dimension === from[axis] ? 0 : -1,
  )
  if (target.filter((size) => size === -1).length > 1) {
    throw new Error(`reshape of [${from.join(', ')}] to [${to.join(', ')}] leaves more than one size open`)
  }
  return target
}
