import { z } from 'zod'

import { checkComposition, type Composition } from '../../preload/contract.ts'
import {
  add,
  concatenate,
  divide,
  matMul,
  multiply,
  reduceSum,
  slice,
  softmax,
  subtract,
  type Graph,
  type Value,
} from '../graph/index.ts'
import { architectureOf } from '../models/architecture.ts'
import type { BackboneConfig } from '../models/config.ts'
import type { BlockSite, Build } from '../models/sites.ts'
import { linear } from '../models/transformer-block.ts'
import { composedMethod, type FusedSite } from './compose.ts'
import {
  defineMethod,
  partsOf,
  refuseIdleEmbeddings,
  refuseUnfusable,
  type Method,
  type NamedAdapter,
  type ParameterSpec,
  type PreparedMethod,
  type Preset,
} from './method.ts'
import { flag, trainAdapters } from './options.ts'
import { constant, linearSpecs, smallRandom, specsUnder } from './parameter-specs.ts'
import { layersOf, places } from './parts.ts'

/** The options of an AdapterFusion layer under their names in the adapters library's `AdapterFusionConfig`. */
export function fusionOptions(preset: { value: boolean }) {
  return z
    .object({
      train_adapters: trainAdapters,
      dropout_prob: z
        .number()
        .min(0)
        .max(0.9)
        .nullish()
        .transform((rate) => rate ?? 0)
        .default(0)
        .meta({
          title: 'Dropout',
          description: 'Share of the attention scores set to 0 at random while training.',
          kind: 'number',
          minimum: 0,
          maximum: 0.9,
        }),
      regularization: flag(
        preset.value,
        'Regularise the value matrix',
        'Keep the value matrix near the identity, so that the fusion mostly chooses among the adapters.',
        true,
      ),
      regularization_weight: z.number().min(0).max(10).default(0.01).meta({
        title: 'Weight of the regularisation',
        description: 'How strongly the distance of the value matrix from the identity counts in the loss.',
        advanced: true,
      }),
      temperature: flag(
        false,
        'Falling temperature',
        'Begin with nearly even attention (temperature 50) and sharpen it over the first thousand steps.',
        true,
      ),
      query: flag(true, 'Query matrix', 'Learn what of the text the attention asks with.', true),
      key: flag(true, 'Key matrix', 'Learn what of each adapter the attention compares with.', true),
      value: flag(
        preset.value,
        'Value matrix',
        'Learn a map of the adapters’ outputs before they are added up.',
        true,
      ),
      query_before_ln: flag(
        false,
        'Query before norm',
        "Ask with the value before the block's sum and layer norm instead of after it.",
        true,
      ),
      residual_before: flag(
        false,
        'Residual first',
        "Add the adapters' residual to each of them before the attention instead of to its result.",
        true,
      ),
      value_before_softmax: flag(
        true,
        'Value before sum',
        'Apply the value matrix to each adapter rather than to their sum; being linear, it gives the same.',
        true,
      ),
      value_initialized: flag(
        true,
        'Value starts as identity',
        'Begin with a value matrix that changes nothing, instead of a random one.',
        true,
      ),
    })
    .strict()
}

type FusionOptions = z.output<ReturnType<typeof fusionOptions>>

/** AdapterFusion (Pfeiffer et al. 2020) with a value matrix: the adapters library's dynamic configuration. */
export const fusion = attentionMethod({
  name: 'fusion',
  label: 'AdapterFusion (attention)',
  summary:
    'Trained adapters of several tasks side by side; in every layer an attention learns, word by word, which of them to listen to.',
  source: 'Pfeiffer et al. 2020, "AdapterFusion"; the dynamic configuration in the adapters library',
  value: true,
})

/** The same without a value matrix. */
export const staticFusion = attentionMethod({
  name: 'fusion_static',
  label: 'AdapterFusion (attention, no value matrix)',
  summary:
    'As AdapterFusion, but what the attention chooses is the adapters’ own output, without a learned map after it.',
  source: 'Pfeiffer et al. 2020, "AdapterFusion"; the static configuration in the adapters library',
  value: false,
})

function attentionMethod({ value, ...preset }: Preset & { value: boolean }): Method {
  return defineMethod({
    ...preset,
    family: 'fusion',
    learningRate: 5e-4,
    takes: 'adapters',
    block: { kind: 'fuse', nested: { fusion: value ? 'dynamic' : 'static' } },
    options: fusionOptions({ value }),
    prepare: (options, { config, adapters }) =>
      fusionMethod(config, adapters, options.train_adapters, attentionKind(options, config)),
  })
}

const withAdapters = z.object({ train_adapters: trainAdapters }).strict()

/** The mean of the adapters' outputs. */
export const meanFusion = defineMethod({
  name: 'fusion_mean',
  label: 'Fusion by mean',
  family: 'fusion',
  summary:
    'Trained adapters of several tasks side by side, each with the same fixed say; only the head is trained.',
  source: 'the fixed mean of adapter outputs, as a baseline for AdapterFusion',
  learningRate: 1e-3,
  takes: 'adapters',
  block: { kind: 'fuse', nested: { fusion: 'mean' } },
  options: withAdapters,
  prepare: (options, { config, adapters }) =>
    fusionMethod(config, adapters, options.train_adapters, meanKind),
})

/** One learned softmax weight for each layer and adapter. */
export const weightedFusion = defineMethod({
  name: 'fusion_weights',
  label: 'Fusion by learned weights',
  family: 'fusion',
  summary:
    'Trained adapters of several tasks side by side; each layer learns one weight for each of them, the same for every text.',
  source: 'a softmax over adapters per layer, between the fixed mean and AdapterFusion',
  learningRate: 1e-2,
  takes: 'adapters',
  block: { kind: 'fuse', nested: { fusion: 'weights' } },
  options: withAdapters,
  prepare: (options, { config, adapters }) =>
    fusionMethod(config, adapters, options.train_adapters, weightsKind(adapters.map(({ name }) => name))),
})

/** What sets one kind of fusion apart from another. `path` is where its parameters stand at a site. */
export interface FusionKind {
  parameters(path: string): ParameterSpec[]
  /** @returns how much each adapter counts: `[sequence, batch, adapters]`, or `[adapters]` for all alike */
  weigh(build: Build, path: string, site: FusedSite): Value
  /** What the weighted sum of the up-projections becomes, residual added; default: the sum and the residual. */
  finish?(build: Build, path: string, sum: Value, residual: Value): Value
}

/** All count the same. */
export const meanKind: FusionKind = {
  parameters: () => [],
  weigh: (build, _path, { ups }) =>
    build.graph.constant(new Float32Array(ups.length).fill(1 / ups.length), [ups.length]),
}

/** One learned weight for each place and child. @param children as the sites' `ups` name them */
export function weightsKind(children: readonly string[]): FusionKind {
  return {
    parameters: (path) => [specsUnder(path, 'fusion')('weights', [children.length], constant(0))],
    weigh(build, path, { ups }) {
      const weights = build.parameter(`${path}.weights`, [children.length])
      const own = ups.map(({ name }) => children.indexOf(name))
      return softmax(
        concatenate(
          own.map((index) => slice(weights, 0, index, index + 1)),
          0,
        ),
      )
    },
  }
}

/** `BertFusion` of the adapters library. */
export function attentionKind(options: FusionOptions, { hiddenSize }: BackboneConfig): FusionKind {
  const square = [hiddenSize, hiddenSize]
  return {
    parameters: (path) => [
      ...(['query', 'key'] as const).flatMap((name) =>
        options[name] ? linearSpecs(`${path}.${name}`, hiddenSize, hiddenSize, { group: 'fusion' }) : [],
      ),
      ...(options.value
        ? [
            specsUnder(path, 'fusion')(
              'value.weight',
              square,
              options.value_initialized ? { kind: 'identity', elsewhere: 1e-6 } : smallRandom,
            ),
          ]
        : []),
    ],
    weigh(build, path, { hidden, x, residual, parallel, ups }) {
      const asked = options.query_before_ln && !parallel ? hidden : x
      const query = options.query ? linear(build, asked, `${path}.query`, hiddenSize, hiddenSize) : asked
      // q·(W_k up + b_k) is (q W_k)·up and a number that is the same for all adapters, which softmax does not see:
      // one product for all adapters instead of one for each.
      const compared = options.key ? matMul(query, build.parameter(`${path}.key.weight`, square)) : query
      // The library adds the residual in place, so that the keys hold it as well.
      const keys = ups.map(({ up }) => (options.residual_before ? add(up, residual) : up))
      const scores = concatenate(
        keys.map((key) => reduceSum(multiply(compared, key), [-1], true)),
        -1,
      )
      const dropped = build.dropout(scores, options.dropout_prob, path)
      if (!options.temperature) return softmax(dropped)
      return softmax(
        divide(
          dropped,
          build.scheduled('fusionTemperature', (step) => Math.max(50 - 0.05 * step, 1)),
        ),
      )
    },
    finish(build, path, sum, residual) {
      // Being linear and without bias, the value matrix may as well be applied to the sum.
      const before = options.residual_before ? add(sum, residual) : sum
      if (!options.value) return options.residual_before ? before : add(before, residual)
      const value = build.parameter(`${path}.value.weight`, square)
      if (options.regularization) {
        const difference = subtract(value, identity(build.graph, hiddenSize))
        build.loss(
          'fusionRegularisation',
          reduceSum(multiply(difference, difference), [0, 1]),
          options.regularization_weight,
        )
      }
      const mapped = matMul(before, value, { transposeB: true })
      return options.residual_before ? mapped : add(mapped, residual)
    },
  }
}

/** Several adapters fused in every layer where any of them sits. */
function fusionMethod(
  config: BackboneConfig,
  adapters: readonly NamedAdapter[],
  trainsAdapters: boolean,
  kind: FusionKind,
): PreparedMethod {
  refuseUnfusable(adapters)
  refuseIdleEmbeddings(adapters)
  const names = adapters.map(({ name }) => name)
  const composition: Composition = { kind: 'fuse', children: names }
  checkComposition(composition)
  const parameters = [
    ...fusionParameters(config, adapters, kind),
    ...(trainsAdapters ? adapters.flatMap(({ method }) => method.parameters) : []),
  ]
  return composedMethod(composition, parameters, {
    adapters: partsOf(adapters),
    fusions: new Map([[names.join(','), fuseWith(config, names, kind, names)]]),
  })
}

/**
 * The parameters of a Fuse block, at each place where any of its adapters sits.
 *
 * @param adapters after which it is called
 * @param all of its adapters, those below the last of a stack as well
 */
export function fusionParameters(
  config: BackboneConfig,
  adapters: readonly NamedAdapter[],
  kind: FusionKind,
  all = adapters,
): ParameterSpec[] {
  const names = adapters.map(({ name }) => name)
  return layersOf(config).flatMap((layer) =>
    places.flatMap((place) =>
      all.some(({ method }) => method.parts?.bottleneck?.({ layer, place }))
        ? kind.parameters(fusionPath(config, { layer, place }, names))
        : [],
    ),
  )
}

/**
 * How a Fuse block of these adapters fuses.
 *
 * @param names as the block has them
 * @param revealed all adapters of the run, in the order in which the graph gives their weights out; `asNamed`: in
 *   the block's own; left out: it gives none out
 */
export function fuseWith(
  config: BackboneConfig,
  names: readonly string[],
  kind: FusionKind,
  revealed?: readonly string[] | 'asNamed',
) {
  return (build: Build, site: FusedSite): Value => {
    const path = fusionPath(config, site, names)
    const weights = kind.weigh(build, path, site)
    if (revealed) {
      const shown = revealed === 'asNamed' ? weights : inOrder(weights, site, revealed)
      build.reveal(`fusion.${site.layer}.${site.place}`, shown)
    }
    const sum = site.ups
      .map(({ up }, i) => multiply(up, slice(weights, -1, i, i + 1)))
      .reduce((total, part) => add(total, part))
    return kind.finish?.(build, path, sum, site.residual) ?? add(sum, site.residual)
  }
}

/** Weights of the adapters that sit at a site, in another order of their names. */
function inOrder(weights: Value, { ups }: FusedSite, names: readonly string[]): Value {
  const positions = names.map((name) => ups.findIndex((up) => up.name === name)).filter((at) => at >= 0)
  if (positions.every((position, index) => position === index)) return weights
  return concatenate(
    positions.map((position) => slice(weights, -1, position, position + 1)),
    -1,
  )
}

function fusionPath(config: BackboneConfig, { layer, place }: BlockSite, names: readonly string[]): string {
  return `${architectureOf(config).sitePath(layer, place)}.adapter_fusion_layer.${names.join(',')}`
}

const identities = new WeakMap<Graph, Value>()

function identity(graph: Graph, size: number): Value {
  const known = identities.get(graph)
  if (known) return known
  const values = new Float32Array(size * size)
  for (let i = 0; i < size; i++) values[i * size + i] = 1
  const made = graph.constant(values, [size, size])
  identities.set(graph, made)
  return made
}
