import { Graph, type Value } from '../graph/index.ts'
import { architectureOf, encoderInputs } from './architecture.ts'
import type { BackboneConfig } from './config.ts'
import { plainBuild } from './plain-build.ts'

/** The layer norm that a linear layer reads. */
export interface NormInput {
  /** Names of its parameters: what a normalised value is multiplied by, and what is added to it. */
  readonly scale: string
  readonly bias: string
  /** Whether the linear layer holds its weight `[out, in]`, so that it is transposed in a product. */
  readonly transposed: boolean
}

/** The linear layers of a backbone that read a layer norm's output, by their weight's name. */
export function normReaders(config: BackboneConfig): Map<string, NormInput> {
  const graph = new Graph()
  const inputs = encoderInputs(graph)
  architectureOf(config).encode(plainBuild(graph, inputs.mask), config, inputs)
  const isWeight = (value: Value | undefined): value is Value =>
    value !== undefined && value.node === undefined && graph.weights.includes(value)
  const found = new Map<string, NormInput>()
  for (const { op, inputs: factors, attributes } of graph.nodes) {
    const [x, weight] = factors
    if (op !== 'MatMul' || x?.node?.op !== 'LayerNormalization' || !isWeight(weight)) continue
    const [, scale, bias] = x.node.inputs
    if (!isWeight(scale) || !isWeight(bias)) continue
    const transposed = attributes['transposeB'] === true
    found.set(weight.name, { scale: scale.name, bias: bias.name, transposed })
  }
  return found
}
