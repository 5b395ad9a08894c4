import { WorkbenchError } from '../../preload/contract.ts'
import { add, layerNormalization, multiply, type Value } from '../graph/index.ts'
import { architectureOf } from '../models/architecture.ts'
import type { BackboneConfig } from '../models/config.ts'
import type { BlockSite, Build, Place } from '../models/sites.ts'
import { linear } from '../models/transformer-block.ts'
import { activations } from './activations.ts'
import {
  bottleneckOptions,
  bottleneckSize,
  type BlockBottleneckOptions,
  type BottleneckOptions,
} from './bottleneck-options.ts'
import { singleAdapter } from './compose.ts'
import { gateSpecs, meanGate } from './gate.ts'
import { invertibleAdapter } from './invertible.ts'
import {
  defineMethod,
  type Initialization,
  type Method,
  type ParameterSpec,
  type PreparedMethod,
  type Preset,
} from './method.ts'
import { checkLayers, checkLeaveOut } from './options.ts'
import { constant, smallRandom, specsUnder, uniform } from './parameter-specs.ts'
import { layersOf, type BottleneckPart } from './parts.ts'

/** PyTorch's default for the layer norms that an adapter brings. */
const layerNormEpsilon = 1e-5

const houlsbyDefaults: Partial<BottleneckOptions> = {
  mh_adapter: true,
  non_linearity: 'swish',
  original_ln_before: false,
}

/** Where the parallel adapter differs from the sequential one. */
export const parallelDefaults: Partial<BottleneckOptions> = {
  is_parallel: true,
  reduction_factor: 2,
  scaling: 4,
  original_ln_before: false,
  init_weights: 'mam_adapter',
}

/** Every preset of bottleneck adapters. */
export const bottlenecks: readonly Method[] = [
  bottleneckMethod({
    name: 'seq_bn',
    label: 'Adapter (Pfeiffer)',
    summary: 'A small bottleneck after the feed-forward part of every block; the backbone stays frozen.',
    source: 'Pfeiffer et al. 2020, "AdapterFusion"; seq_bn in the adapters library',
    defaults: {},
  }),
  bottleneckMethod({
    name: 'double_seq_bn',
    label: 'Adapter (Houlsby)',
    summary:
      'Two small bottlenecks in every block, after attention and after the feed-forward part; the backbone stays frozen.',
    source:
      'Houlsby et al. 2019, "Parameter-Efficient Transfer Learning for NLP"; double_seq_bn in the adapters library',
    defaults: houlsbyDefaults,
  }),
  bottleneckMethod({
    name: 'par_bn',
    label: 'Adapter (parallel)',
    summary:
      'A wider bottleneck beside the feed-forward part of every block, reading its input; the backbone stays frozen.',
    source:
      'He et al. 2022, "Towards a Unified View of Parameter-Efficient Transfer Learning"; par_bn in the adapters library',
    defaults: parallelDefaults,
  }),
  bottleneckMethod({
    name: 'scaled_par_bn',
    label: 'Adapter (parallel, learned scaling)',
    summary: 'As the parallel adapter, but each layer learns how much the bottleneck counts.',
    source:
      'He et al. 2022, "Towards a Unified View of Parameter-Efficient Transfer Learning"; scaled_par_bn in the adapters library',
    defaults: { ...parallelDefaults, scaling: 'learned' },
  }),
  bottleneckMethod({
    name: 'seq_bn_inv',
    label: 'Adapter (Pfeiffer, invertible)',
    summary:
      'As the Pfeiffer adapter, with one more at the embeddings whose effect can be undone: made for other languages and domains.',
    source: 'Pfeiffer et al. 2020, "MAD-X"; seq_bn_inv in the adapters library',
    defaults: { inv_adapter: 'nice' },
  }),
  bottleneckMethod({
    name: 'double_seq_bn_inv',
    label: 'Adapter (Houlsby, invertible)',
    summary: 'As the Houlsby adapter, with one more at the embeddings whose effect can be undone.',
    source:
      'Houlsby et al. 2019 with the invertible adapters of MAD-X; double_seq_bn_inv in the adapters library',
    defaults: { ...houlsbyDefaults, inv_adapter: 'nice' },
  }),
]

function bottleneckMethod(preset: Preset & { defaults: Partial<BottleneckOptions> }): Method {
  const { defaults, ...description } = preset
  return defineMethod({
    ...description,
    family: 'adapter',
    learningRate: 1e-3,
    options: bottleneckOptions(defaults),
    prepare: (options, { config, adapterName }) => prepareBottleneck(options, config, adapterName),
  })
}

/** One adapter at one place of one layer. */
interface SiteAdapter {
  path: string
  width: number
}

/** What a method built on bottleneck adapters does to their inner values. */
export interface BottleneckHooks {
  /** Changes the activations between the two projections, `[sequence, batch, width]`. */
  inner?(build: Build, site: BlockSite, activations: Value): Value
  /** Whether a layer has adapters, where the options leave some in it; default: it has. */
  sitsIn?(layer: number): boolean
}

/** @throws WorkbenchError `bad-input` naming the option */
export function prepareBottleneck(
  options: BlockBottleneckOptions | BottleneckOptions,
  config: BackboneConfig,
  adapterName: string,
  hooks: BottleneckHooks = {},
): PreparedMethod {
  if (options.residual_before_ln === 'post_add' && !options.original_ln_before) {
    throw new WorkbenchError(
      'bad-input',
      'residual_before_ln "post_add" needs original_ln_before: it names a sum that is only made there',
    )
  }
  const places: Place[] = [
    ...(options.mh_adapter ? ['attention' as const] : []),
    ...(options.output_adapter ? ['output' as const] : []),
  ]
  if (places.length === 0) {
    throw new WorkbenchError(
      'bad-input',
      'a bottleneck adapter needs a place: mh_adapter, output_adapter or both',
    )
  }
  const { reduction_factor: factor, leave_out: leftOut } = options
  if (typeof factor !== 'number') {
    const named = Object.keys(factor).filter((key) => key !== 'default')
    checkLayers('reduction_factor', named.map(Number), config.layers)
  }
  checkLeaveOut(leftOut, config.layers)
  const architecture = architectureOf(config)
  const adapterAt = (site: BlockSite): SiteAdapter | undefined =>
    places.includes(site.place) && !leftOut.includes(site.layer) && hooks.sitsIn?.(site.layer) !== false
      ? {
          path: `${architecture.sitePath(site.layer, site.place)}.adapters.${adapterName}`,
          width: bottleneckSize(factor, site.layer, config.hiddenSize),
        }
      : undefined
  const adapters = layersOf(config).flatMap((layer) => places.map((place) => adapterAt({ layer, place })))
  const invertible =
    'inv_adapter' in options && options.inv_adapter === 'nice'
      ? invertibleAdapter(options.inv_adapter_reduction_factor, options.non_linearity, config, adapterName)
      : undefined
  const parameters = [
    ...adapters.flatMap((adapter) => (adapter ? siteParameters(options, config, adapter) : [])),
    ...(invertible?.parameters ?? []),
  ]
  return singleAdapter(adapterName, parameters, {
    ...(invertible ? { embeddings: invertible.embeddings } : {}),
    bottleneck(site) {
      const adapter = adapterAt(site)
      const inner = (build: Build, x: Value): Value => hooks.inner?.(build, site, x) ?? x
      return adapter && bottleneckPart(options, config, adapter, inner)
    },
  })
}

/** The order of sums and norms is that of `Adapter` and `ParallelAdapter` in the adapters library. */
function bottleneckPart(
  options: BlockBottleneckOptions,
  config: BackboneConfig,
  adapter: SiteAdapter,
  change: (build: Build, inner: Value) => Value,
): BottleneckPart {
  const ending = (output: Value, input: Value, normalize: (x: Value) => Value): Value =>
    options.original_ln_after ? normalize(add(output, input)) : output
  return {
    parallel: options.is_parallel,
    mixesPositions: options.use_gating,
    before: (hidden, input, normalize) =>
      options.is_parallel ? { x: input, residual: input } : sumsBefore(options, hidden, input, normalize),
    apply: (build, x, residual) =>
      bottleneck(build, options, config, adapter, change, x, options.is_parallel ? undefined : residual),
    after: (output, hidden, input, normalize) =>
      ending(options.is_parallel ? add(output, hidden) : output, input, normalize),
  }
}

function sumsBefore(
  options: BlockBottleneckOptions,
  hidden: Value,
  input: Value,
  normalize: (x: Value) => Value,
): { x: Value; residual: Value } {
  if (!options.original_ln_before) return { x: hidden, residual: hidden }
  const sum = add(hidden, input)
  const x = normalize(sum)
  const residuals = { true: hidden, false: x, post_add: sum }
  return { x, residual: residuals[`${options.residual_before_ln}`] }
}

/**
 * `scaling · (W_up act(W_down x + b_down) + b_up)`, with the adapter's own layer norms, gate and residual.
 *
 * @param change what is done to the activations between the two projections
 * @param own what the adapter's own residual connection adds; a parallel adapter has none
 */
function bottleneck(
  build: Build,
  options: BlockBottleneckOptions,
  { hiddenSize }: BackboneConfig,
  { path, width }: SiteAdapter,
  change: (build: Build, inner: Value) => Value,
  x: Value,
  own: Value | undefined,
): { output: Value; up: Value } {
  const norm = (value: Value, name: string): Value =>
    layerNormalization(
      value,
      build.parameter(`${path}.${name}.weight`, [hiddenSize]),
      build.parameter(`${path}.${name}.bias`, [hiddenSize]),
      layerNormEpsilon,
    )
  const input = options.ln_before ? norm(x, 'adapter_norm_before') : x
  const inner = activations[options.non_linearity](
    linear(build, input, `${path}.${downName(options)}`, hiddenSize, width),
  )
  let up = linear(build, change(build, inner), `${path}.adapter_up`, width, hiddenSize)
  const scaled = scalingShape(options, hiddenSize)
  if (scaled) up = multiply(up, build.parameter(`${path}.scaling`, scaled))
  else if (options.scaling !== 1) up = multiply(up, Number(options.scaling))
  let output = build.dropout(up, options.dropout, path)
  if (options.use_gating) output = multiply(output, meanGate(build, `${path}.gate`, x, hiddenSize))
  const residualFirst = options.adapter_residual_before_ln && own !== undefined
  if (residualFirst) output = add(output, own)
  if (options.ln_after) output = norm(output, 'adapter_norm_after')
  return { output: residualFirst || own === undefined ? output : add(output, own), up }
}

/** The down-projection's place in the library's `Sequential`: a layer norm before it moves it to index 1. */
function downName(options: BlockBottleneckOptions): string {
  return options.ln_before ? 'adapter_down.1' : 'adapter_down.0'
}

function siteParameters(
  options: BlockBottleneckOptions,
  { hiddenSize }: BackboneConfig,
  { path, width }: SiteAdapter,
): ParameterSpec[] {
  const spec = specsUnder(path)
  const norm = (name: string): ParameterSpec[] => [
    spec(`${name}.weight`, [hiddenSize], constant(1)),
    spec(`${name}.bias`, [hiddenSize], constant(0)),
  ]
  const scaled = scalingShape(options, hiddenSize)
  const [down, up] = projectionInitialization(options.init_weights, hiddenSize)
  return [
    ...(options.ln_before ? norm('adapter_norm_before') : []),
    spec(`${downName(options)}.weight`, [width, hiddenSize], down),
    spec(`${downName(options)}.bias`, [width], constant(0)),
    spec('adapter_up.weight', [hiddenSize, width], up),
    spec('adapter_up.bias', [hiddenSize], constant(0)),
    ...(scaled ? [spec('scaling', scaled, constant(1))] : []),
    ...(options.use_gating ? gateSpecs(`${path}.gate`, hiddenSize, gateBeginning(options, hiddenSize)) : []),
    ...(options.ln_after ? norm('adapter_norm_after') : []),
  ]
}

/** Houlsby's scheme leaves the gate as PyTorch makes it. */
function gateBeginning({ init_weights: scheme }: BlockBottleneckOptions, hiddenSize: number) {
  return scheme === 'houlsby' ? { weight: uniform(hiddenSize) } : { bias: constant(0) }
}

/** Undefined where the scaling is not learned. */
function scalingShape({ scaling }: BlockBottleneckOptions, hiddenSize: number): number[] | undefined {
  if (scaling === 'learned') return [1]
  return scaling === 'channel' ? [hiddenSize] : undefined
}

function projectionInitialization(
  scheme: BottleneckOptions['init_weights'],
  hiddenSize: number,
): [down: Initialization, up: Initialization] {
  switch (scheme) {
    case 'bert':
      return [smallRandom, smallRandom]
    case 'houlsby': {
      const truncated: Initialization = { kind: 'truncated-normal', deviation: 0.01 }
      return [truncated, truncated]
    }
    case 'mam_adapter':
      return [uniform(hiddenSize), constant(0)]
  }
}
