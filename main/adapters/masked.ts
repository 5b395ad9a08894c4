import { z } from 'zod'

import {
  add,
  cast,
  concatenate,
  exponential,
  greater,
  logarithm,
  multiply,
  negate,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  subtract,
  type Value,
} from '../graph/index.ts'
import { architectureOf } from '../models/architecture.ts'
import type { BackboneConfig } from '../models/config.ts'
import { meanOfTokens } from '../models/positions.ts'
import type { BlockSite, Build } from '../models/sites.ts'
import { linear } from '../models/transformer-block.ts'
import { blockBottleneckOptions, bottleneckSize, type BlockBottleneckOptions } from './bottleneck-options.ts'
import { prepareBottleneck } from './bottleneck.ts'
import { defineMethod, type ParameterSpec, type Tally } from './method.ts'
import { linearSpecs } from './parameter-specs.ts'
import { layersOf, places, type AdapterParts } from './parts.ts'
import { mixtureSites, prepareMixture } from './task-mixture.ts'

/**
 * Masked MAM: while training, a random share of each adapter's bottleneck units is set to 0, drawn for each example
 * and layer; a linear layer reads the mean over tokens of what the adapter adds (its scaled up-projection) and predicts
 * which units were masked. Its binary cross-entropy, the mean over units, layers and examples, is added to the loss.
 * In use nothing is masked or predicted. Several tasks have adapters and predictors each; their outputs are combined
 * as in `task_drop`.
 */
export const masked = defineMethod({
  name: 'masked',
  label: 'MAM (masked)',
  family: 'mam',
  summary:
    'Random units of the adapters are switched off in training, and a small helper must tell from the output which: it keeps single units from doing all the work.',
  source: 'masked adapters with mask prediction, as in the product brief',
  learningRate: 1e-3,
  takes: 'perTask',
  manyTasks: true,
  options: z
    .object({
      mask_share: z.number().min(0).max(0.9).default(0.15).meta({
        title: 'Masked share',
        description: 'How many of an adapter’s bottleneck units are set to 0 for each text while training.',
      }),
      mask_weight: z.number().min(0).max(100).default(0.1).meta({
        title: 'Weight of the prediction',
        description: 'How much predicting the mask counts beside the task itself; 0: nothing is predicted.',
      }),
      ...blockBottleneckOptions.shape,
    })
    .strict(),
  prepare({ mask_share: share, mask_weight: weight, ...options }, context) {
    const { config } = context
    const { names, adapters: plain, gates, method } = prepareMixture(options, context, true)
    const sites = layersOf(config).flatMap((layer) =>
      places.flatMap((place) => (plain[0]?.bottleneck?.({ layer, place }) ? [{ layer, place }] : [])),
    )
    const predicts = weight > 0
    const predictors = names.flatMap((name) =>
      predicts ? sites.flatMap((site) => predictorSpecs(options, config, site, name)) : [],
    )
    return {
      ...method,
      parameters: [...method.parameters, ...predictors],
      sites(build, { variant }) {
        const prediction = { share, weight, perPredictor: 1 / (sites.length * names.length) }
        const adapters = names.map((name) => maskedParts(build, options, config, name, prediction))
        return mixtureSites(build, { config, adapters, gates }, variant)
      },
      ...(predicts
        ? { tally: maskTally(names.flatMap((name) => sites.map((site) => countsName(name, site)))) }
        : {}),
    }
  },
})

interface Prediction {
  share: number
  weight: number
  /** What one predictor's loss counts in the mean over sites and tasks. */
  perPredictor: number
}

/** A task's adapter as it trains: masked, and read by its predictors. */
function maskedParts(
  build: Build,
  options: BlockBottleneckOptions,
  config: BackboneConfig,
  name: string,
  prediction: Prediction,
): AdapterParts {
  const { share, weight } = prediction
  const keeps = (site: BlockSite): Value =>
    build.draw(
      `mask:${name}.${site.layer}.${site.place}`,
      ['batch', bottleneckSize(options.reduction_factor, site.layer, config.hiddenSize)],
      { kind: 'ones', probability: 1 - share },
    )
  const { parts = {} } = prepareBottleneck(options, config, name, {
    inner: (_build, site, activations) =>
      build.training && share > 0
        ? multiply(activations, reshape(keeps(site), [1, 'batch', activations.shape.at(-1) ?? 0]))
        : activations,
  })
  if (!build.training || weight === 0) return parts
  return {
    ...parts,
    bottleneck(site) {
      const part = parts.bottleneck?.(site)
      return (
        part && {
          ...part,
          mixesPositions: true,
          apply(within, x, residual) {
            const applied = part.apply(within, x, residual)
            predictMask(build, config, prediction, { name, site, keeps: keeps(site) }, applied.up)
            return applied
          },
        }
      )
    },
  }
}

/** Adds the cross-entropy of the mask to the loss, and counts what the predictor got right. */
function predictMask(
  build: Build,
  config: BackboneConfig,
  { share, weight, perPredictor }: Prediction,
  { name, site, keeps }: { name: string; site: BlockSite; keeps: Value },
  up: Value,
): void {
  const { hiddenSize } = config
  const mean = meanOfTokens(up, build.tokenMask)
  const width = Number(keeps.shape[1])
  const logits = linear(build, mean, predictorPath(config, site, name), hiddenSize, width)
  const one = build.graph.scalar(1)
  const isMasked = subtract(one, keeps)
  // log(1 + e^z) − z·target, without a large exponential.
  const magnitude = add(relu(logits), relu(negate(logits)))
  const softplus = add(relu(logits), logarithm(add(exponential(negate(magnitude)), 1)))
  const entropy = reduceMean(subtract(softplus, multiply(logits, isMasked)), [1])
  build.loss('mask', multiply(entropy, perPredictor), weight)
  // A unit counts as found masked where it is thought likelier so than units are on the whole: with few masked units a
  // bound of one half would find none.
  const bound = share > 0 ? Math.log(share / (1 - share)) : 0
  const predicted = cast(greater(logits, bound), 'float32')
  const count = (units: Value): Value => reshape(reduceSum(units, [0, 1]), [1])
  build.reveal(
    countsName(name, site),
    concatenate(
      [
        count(multiply(predicted, isMasked)),
        count(isMasked),
        count(multiply(subtract(one, predicted), keeps)),
        count(keeps),
      ],
      0,
    ),
  )
}

function predictorPath(config: BackboneConfig, { layer, place }: BlockSite, name: string): string {
  return `${architectureOf(config).sitePath(layer, place)}.mask_predictors.${name}`
}

function predictorSpecs(
  { reduction_factor }: BlockBottleneckOptions,
  config: BackboneConfig,
  site: BlockSite,
  name: string,
): ParameterSpec[] {
  const width = bottleneckSize(reduction_factor, site.layer, config.hiddenSize)
  return linearSpecs(predictorPath(config, site, name), config.hiddenSize, width)
}

/** Under which name a site's counts are revealed: masked units found, masked units, kept units found, kept units. */
function countsName(name: string, { layer, place }: BlockSite): string {
  return `maskCounts.${name}.${layer}.${place}`
}

/** Balanced accuracy of the predictors: the mean of the shares found of the masked and of the kept units. */
function maskTally(revealed: readonly string[]): Tally {
  return {
    revealed,
    figures(sums) {
      const total = (position: number): number =>
        revealed.reduce((sum, name) => sum + (sums[name]?.[position] ?? 0), 0)
      const shares = [
        { found: total(0), of: total(1) },
        { found: total(2), of: total(3) },
      ].filter(({ of }) => of > 0)
      const sum = shares.reduce((all, { found, of }) => all + found / of, 0)
      return shares.length > 0 ? { maskBalancedAccuracy: sum / shares.length } : {}
    },
  }
}
