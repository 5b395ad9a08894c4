import { Graph, multiply, reshape, slice, transpose, type Value } from '../graph/index.ts'
import { architectureOf } from '../models/architecture.ts'
import type { BackboneConfig } from '../models/config.ts'
import type { Build, Prefix } from '../models/sites.ts'
import { linear } from '../models/transformer-block.ts'
import { activations } from './activations.ts'
import { singleAdapter } from './compose.ts'
import { gateSpecs, meanGate } from './gate.ts'
import {
  defineMethod,
  type Initialization,
  type Method,
  type ParameterSpec,
  type PreparedMethod,
  type Preset,
} from './method.ts'
import { checkLeaveOut } from './options.ts'
import { linearSpecs, specsUnder, uniform } from './parameter-specs.ts'
import { layersOf } from './parts.ts'
import { prefixOptions, type PrefixOptions } from './prefix-options.ts'

/** Every preset of prefix tuning. */
export const prefixes: readonly Method[] = [
  prefixMethod({
    name: 'prefix_tuning',
    label: 'Prefix tuning',
    summary:
      'Puts learned keys and values in front of the text’s in every attention; a small network makes them while training.',
    source:
      'Li & Liang 2021, "Prefix-Tuning: Optimizing Continuous Prompts for Generation"; prefix_tuning in the adapters library',
    learningRate: 1e-3,
    defaults: {},
  }),
  prefixMethod({
    name: 'prefix_tuning_flat',
    label: 'Prefix tuning (flat)',
    summary:
      'As prefix tuning, but the keys and values themselves are trained: fewer parameters, slower to learn.',
    source:
      'Li & Liang 2021, "Prefix-Tuning: Optimizing Continuous Prompts for Generation"; prefix_tuning_flat in the adapters library',
    learningRate: 1e-2,
    defaults: { flat: true },
  }),
]

/** Options that mean nothing without a network. */
const networkOptions = ['flat', 'bottleneck_size', 'non_linearity']

function prefixMethod(preset: Preset & { learningRate: number; defaults: Partial<PrefixOptions> }): Method {
  const { defaults, ...description } = preset
  return defineMethod({
    ...description,
    family: 'baseline',
    options: prefixOptions(defaults),
    prepare: (options, { config, adapterName }) => preparePrefix(options, config, adapterName),
    eject(options, _config, given) {
      if (options.flat) return undefined
      const kept = Object.entries(given).filter(([option]) => !networkOptions.includes(option))
      return {
        prefix: options,
        method: { name: 'prefix_tuning_flat', options: Object.fromEntries(kept) },
      }
    },
  })
}

/** Sizes and names of one adapter's prefixes. */
interface PrefixShape {
  /** Of the keys and values of all layers, or of the network that makes them. */
  path: string
  length: number
  hiddenSize: number
  heads: number
  /** Layers that have a prefix, in order. */
  layers: readonly number[]
  bottleneck: number
}

function shapeOf(options: PrefixOptions, config: BackboneConfig, adapterName: string): PrefixShape {
  checkLeaveOut(options.leave_out, config.layers)
  const layers = layersOf(config).filter((layer) => !options.leave_out.includes(layer))
  return {
    path: `prefix_tuning.prefix_tunings.${adapterName}.${architectureOf(config).prefixLocation}`,
    length: options.prefix_length,
    hiddenSize: config.hiddenSize,
    heads: config.heads,
    layers,
    bottleneck: options.bottleneck_size,
  }
}

/** @throws WorkbenchError `bad-input` naming the option */
export function preparePrefix(
  options: PrefixOptions,
  config: BackboneConfig,
  adapterName: string,
): PreparedMethod {
  const shape = shapeOf(options, config, adapterName)
  const gates = options.shared_gating ? 1 : 2
  const gatePath = (layer: number): string => `${architectureOf(config).prefixGatePath(layer)}.${adapterName}`
  // One network makes the prefixes of all layers, so its product is computed once for a graph.
  const made = new WeakMap<Build, Value>()
  const keysAndValues = (build: Build): Value => {
    const known = made.get(build)
    if (known) return known
    const value = allPrefixes(build, options, shape)
    made.set(build, value)
    return value
  }
  const parameters = [
    ...prefixSpecs(options, shape),
    ...(options.use_gating
      ? shape.layers.flatMap((layer) => gateSpecs(gatePath(layer), shape.hiddenSize, { count: gates }))
      : []),
  ]
  return singleAdapter(adapterName, parameters, {
    prefix(layer) {
      const index = shape.layers.indexOf(layer)
      if (index < 0) return undefined
      return {
        keysAndValues(build, x) {
          const prefix = prefixOf(build, keysAndValues(build), options, shape, index)
          if (!options.use_gating) return prefix
          const gate = meanGate(build, gatePath(layer), x, shape.hiddenSize, gates)
          const open = (which: number): Value =>
            reshape(slice(gate, -1, which, which + 1), ['batch', 1, 1, 1])
          return {
            keys: multiply(prefix.keys, open(0)),
            values: multiply(prefix.values, open(gates - 1)),
          }
        },
      }
    },
  })
}

/** Keys and values of all layers, `[length, 2 · layers, hidden]`. */
function allPrefixes(build: Pick<Build, 'parameter'>, options: PrefixOptions, shape: PrefixShape): Value {
  const { path, length, hiddenSize, layers, bottleneck } = shape
  const width = 2 * layers.length * hiddenSize
  const flat = options.flat
    ? build.parameter(`${path}.control_trans`, [length * width])
    : linear(
        build,
        activations[options.non_linearity](
          linear(
            build,
            build.parameter(`${path}.wte.weight`, [length, hiddenSize]),
            `${path}.control_trans.0`,
            hiddenSize,
            bottleneck,
          ),
        ),
        `${path}.control_trans.2`,
        bottleneck,
        width,
      )
  return reshape(flat, [length, 2 * layers.length, hiddenSize])
}

/**
 * The graph that makes the keys and values of a prefix from its network, as the parameter `control_trans` of the same
 * prefix without one: output `values`.
 *
 * @param value the network's trained parameters
 */
export function ejectionGraph(
  options: PrefixOptions,
  config: BackboneConfig,
  adapterName: string,
  value: (name: string) => Float32Array,
): Graph {
  const graph = new Graph()
  const build = { parameter: (name: string, shape: readonly number[]) => graph.constant(value(name), shape) }
  graph.output(
    'values',
    allPrefixes(build, { ...options, flat: false }, shapeOf(options, config, adapterName)),
  )
  return graph
}

/** @param index of the layer among those that have a prefix: its keys stand at 2 · index, its values behind them */
function prefixOf(
  build: Build,
  all: Value,
  { dropout }: PrefixOptions,
  { path, length, hiddenSize, heads }: PrefixShape,
  index: number,
): Prefix {
  const headSize = hiddenSize / heads
  const at = (place: number): Value => {
    const split = reshape(slice(all, 1, place, place + 1), [length, heads, headSize])
    const value = reshape(transpose(split, [1, 0, 2]), [1, heads, length, headSize])
    if (!build.training || dropout === 0) return value
    // Every example has its own zeros, as in the library.
    const shape = ['batch', heads, length, headSize]
    return multiply(value, build.draw(`dropout:${path}.${place}`, shape, { kind: 'dropout', rate: dropout }))
  }
  return { keys: at(2 * index), values: at(2 * index + 1) }
}

function prefixSpecs(options: PrefixOptions, shape: PrefixShape): ParameterSpec[] {
  const { path, length, hiddenSize, layers, bottleneck } = shape
  const width = 2 * layers.length * hiddenSize
  const spec = specsUnder(path)
  const normal: Initialization = { kind: 'normal', deviation: 1 }
  if (options.flat) return [spec('control_trans', [length * width], normal)]
  const layer = (index: number, from: number, to: number): ParameterSpec[] =>
    linearSpecs(`${path}.control_trans.${index}`, from, to, { weight: uniform(from), bias: uniform(from) })
  return [
    spec('wte.weight', [length, hiddenSize], normal),
    ...layer(0, hiddenSize, bottleneck),
    ...layer(2, bottleneck, width),
  ]
}
