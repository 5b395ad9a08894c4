import { WorkbenchError } from '../../preload/contract.ts'
import { matMul, multiply, reshape, slice, type Value } from '../graph/index.ts'
import { architectureOf, type ProjectionPath } from '../models/architecture.ts'
import type { BackboneConfig } from '../models/config.ts'
import type { Build, Projection } from '../models/sites.ts'
import { singleAdapter } from './compose.ts'
import { gateSpecs, meanGate } from './gate.ts'
import { loraOptions, loraPresets, loraScale, type LoraOptions } from './lora-options.ts'
import {
  defineMethod,
  type Initialization,
  type Method,
  type ParameterSpec,
  type PreparedMethod,
  type Preset,
} from './method.ts'
import { checkLeaveOut } from './options.ts'
import { constant, smallRandom, specsUnder, uniform } from './parameter-specs.ts'
import { layersOf, type ProjectionPart } from './parts.ts'

/**
 * LoRA (Hu et al. 2022), `y = W x + b + (α/r) B A x` in some linear layers, and IA3 (Liu et al. 2022),
 * `y = (W x + b) · v` with a learned vector on keys, values and the inner feed-forward layer, before its non-linearity.
 */
export const loras: readonly Method[] = [
  loraMethod({
    name: 'lora',
    label: 'LoRA',
    summary:
      'Adds a low-rank change to the attention’s query and value matrices; it can be merged into the backbone afterwards, at no cost.',
    source:
      'Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models"; lora in the adapters library',
    learningRate: 3e-3,
  }),
  loraMethod({
    name: 'ia3',
    label: 'IA3',
    summary:
      'Learns one factor for every unit of keys, values and the inner feed-forward layer: very few parameters, and it can be merged.',
    source:
      'Liu et al. 2022, "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning"; ia3 in the adapters library',
    learningRate: 2e-2,
  }),
]

function loraMethod(preset: Preset & { name: keyof typeof loraPresets; learningRate: number }): Method {
  return defineMethod({
    family: 'baseline',
    ...preset,
    options: loraOptions(loraPresets[preset.name]),
    prepare: (options, { config, adapterName }) => prepareLora(options, config, adapterName),
    merge: (options) => options,
  })
}

/** One changed linear layer. */
export interface LoraSite {
  layer: number
  projection: Projection
  /** Of the linear layer. */
  path: ProjectionPath
  /** Where its parameters stand. */
  name: string
  /** Which of the changed matrices it is, and how many one parameter holds: 0 and 1 unless the layer is merged. */
  index: number
  count: number
}

const attention = { query: 'q', key: 'k', value: 'v' } as const

/**
 * The linear layers that a LoRA changes, by layer.
 *
 * @throws WorkbenchError `bad-input` where there are none, or in layers that the model does not have
 */
export function loraSites(options: LoraOptions, config: BackboneConfig, adapterName: string): LoraSite[] {
  checkLeaveOut(options.leave_out, config.layers)
  const inAttention = (['query', 'key', 'value'] as const).filter(
    (projection) => options.selfattn_lora && options.attn_matrices.includes(attention[projection]),
  )
  const projections: Projection[] = [
    ...inAttention,
    ...(options.intermediate_lora ? (['intermediate'] as const) : []),
    ...(options.output_lora ? (['output'] as const) : []),
  ]
  if (projections.length === 0) {
    throw new WorkbenchError(
      'bad-input',
      'LoRA has nothing to change: name attn_matrices with selfattn_lora on, or turn on intermediate_lora or output_lora',
    )
  }
  const { projectionPath } = architectureOf(config)
  return layersOf(config)
    .filter((layer) => !options.leave_out.includes(layer))
    .flatMap((layer) =>
      projections.map((projection): LoraSite => {
        const path = projectionPath(config, layer, projection)
        const own = inAttention.findIndex((other) => other === projection)
        return {
          layer,
          projection,
          path,
          name: `${path.path}.loras.${adapterName}`,
          ...(path.merged ? { index: own, count: inAttention.length } : { index: 0, count: 1 }),
        }
      }),
    )
}

/** @throws WorkbenchError `bad-input` naming the option */
function prepareLora(options: LoraOptions, config: BackboneConfig, adapterName: string): PreparedMethod {
  if (options.composition_mode === 'scale') {
    if (options.r !== 1)
      refuse(`composition_mode "scale" needs r = 1, not ${options.r}: each output has one factor`)
    if (options.dropout > 0)
      refuse('composition_mode "scale" has no dropout: there is nothing that it could act on')
    if (options.init_weights === 'lora')
      refuse(
        'composition_mode "scale" with init_weights "lora" would begin by multiplying by 0; choose "ia3"',
      )
  }
  const sites = loraSites(options, config, adapterName)
  const bare = bareThirds(options, config, sites)
  return singleAdapter(
    adapterName,
    sites.filter(({ index }) => index === 0).flatMap((site) => siteParameters(options, site)),
    {
      projection(layer, projection) {
        const here = (one: Pick<LoraSite, 'layer' | 'projection'>) =>
          one.layer === layer && one.projection === projection
        const site = sites.find(here)
        if (!site) return bare.some(here) ? constantPart(options.alpha) : undefined
        return options.composition_mode === 'scale' ? scalePart(options, site) : addPart(options, site)
      },
    },
  )
}

function addPart(options: LoraOptions, site: LoraSite): ProjectionPart {
  const { r, use_gating: gated } = options
  const { name, index, count } = site
  const { inputSize, outputSize } = site.path
  return {
    mode: 'add',
    mixesPositions: gated,
    change(build, x, earlier) {
      const read = earlier ?? x
      if (read.shape.at(-1) !== inputSize) {
        refuse(
          `LoRA adapters cannot be stacked in a layer that gives ${outputSize} values for ${inputSize}: ` +
            'the upper one reads what the lower one gives',
        )
      }
      const a = part(build.parameter(`${name}.lora_A`, [count * r, inputSize]), index, r)
      const b = part(build.parameter(`${name}.lora_B`, [count * outputSize, r]), index, outputSize)
      const low = matMul(build.dropout(read, options.dropout, `${name}.${index}`), a, { transposeB: true })
      const alpha = gated ? 1 : loraScale(options)
      const change = matMul(low, b, { transposeB: true, alpha })
      return gated ? multiply(change, gateOf(build, site, x)) : change
    },
  }
}

/** IA3's vector; the library calls it `lora_B` as well. */
function scalePart(options: LoraOptions, site: LoraSite): ProjectionPart {
  const { use_gating: gated, alpha } = options
  const { name, index, count } = site
  const { outputSize } = site.path
  return {
    mode: 'scale',
    mixesPositions: gated,
    change(build, x, earlier) {
      const factors = part(build.parameter(`${name}.lora_B`, [count * outputSize, 1]), index, outputSize)
      const vector = reshape(factors, [1, 1, outputSize])
      const change = earlier ? multiply(earlier, vector) : vector
      if (gated) return multiply(change, gateOf(build, site, x))
      return alpha === 1 ? change : multiply(change, alpha)
    },
  }
}

/**
 * Where a layer gives query, key and value at once, and only some of them have a vector: the library multiplies the
 * others by α as well.
 */
export function bareThirds(
  { composition_mode: mode, use_gating: gated, alpha }: LoraOptions,
  config: BackboneConfig,
  sites: readonly LoraSite[],
): Pick<LoraSite, 'layer' | 'projection' | 'path'>[] {
  if (mode !== 'scale' || gated || alpha === 1) return []
  const { projectionPath } = architectureOf(config)
  return sites.flatMap(({ layer, index, path }) =>
    path.merged && index === 0
      ? (['query', 'key', 'value'] as const)
          .filter((third) => !sites.some((site) => site.layer === layer && site.projection === third))
          .map((third) => ({ layer, projection: third, path: projectionPath(config, layer, third) }))
      : [],
  )
}

function constantPart(alpha: number): ProjectionPart {
  return {
    mode: 'scale',
    mixesPositions: false,
    change: (build, _x, earlier) => (earlier ? multiply(earlier, alpha) : build.graph.scalar(alpha)),
  }
}

/** The rows of one of several matrices that lie in one parameter. */
function part(value: Value, index: number, rows: number): Value {
  return slice(value, 0, index * rows, (index + 1) * rows)
}

/** `[1, batch, 1]` */
function gateOf(build: Build, { name, index, count, path }: LoraSite, x: Value): Value {
  return slice(meanGate(build, `${name}.gate`, x, path.inputSize, count), -1, index, index + 1)
}

function siteParameters(options: LoraOptions, { name, count, path }: LoraSite): ParameterSpec[] {
  const { r, composition_mode: mode, use_gating: gated } = options
  const { inputSize, outputSize } = path
  const spec = specsUnder(name)
  const [a, b] = beginnings(options, inputSize)
  return [
    ...(mode === 'add' ? [spec('lora_A', [count * r, inputSize], a)] : []),
    spec('lora_B', [count * outputSize, r], b),
    ...(gated ? gateSpecs(`${name}.gate`, inputSize, { count }) : []),
  ]
}

function beginnings(
  { init_weights: scheme }: LoraOptions,
  inputSize: number,
): [Initialization, Initialization] {
  switch (scheme) {
    case 'lora':
      return [uniform(inputSize), constant(0)]
    case 'bert':
      return [smallRandom, smallRandom]
    case 'ia3':
      return [constant(1), constant(1)]
  }
}

function refuse(why: string): never {
  throw new WorkbenchError('bad-input', why)
}
