import { WorkbenchError, type TrainingConfig } from '../../preload/contract.ts'
import type { ParameterSpec } from '../adapters/method.ts'
import { architectureOf } from '../models/architecture.ts'
import type { BackboneConfig } from '../models/config.ts'
import { backboneTensors } from '../models/weights.ts'
import type { ParameterRule } from './layout.ts'

/**
 * The backbone's parameters in the layers that a run unfreezes, without those that its method trains anyway.
 *
 * @throws WorkbenchError `bad-input` where the model has no such layer
 */
export function unfrozenParameters(
  config: BackboneConfig,
  unfreezeLayers: readonly number[],
  trained: readonly ParameterSpec[],
): ParameterSpec[] {
  const beyond = unfreezeLayers.find((layer) => layer >= config.layers)
  if (beyond !== undefined) {
    throw new WorkbenchError(
      'bad-input',
      `unfreezeLayers names layer ${beyond}; this model has the layers 0 to ${config.layers - 1}`,
    )
  }
  const known = new Set(trained.map(({ name }) => name))
  const paths = unfreezeLayers.map((layer) => layerPath(config, layer))
  return backboneTensors(config)
    .filter(({ name }) => paths.some((path) => name.startsWith(path)) && !known.has(name))
    .map(({ name, shape }) => ({
      name,
      shape,
      group: 'backbone',
      initialization: { kind: 'pretrained' },
    }))
}

/** What the names of all tensors of a layer begin with. */
function layerPath(config: BackboneConfig, layer: number): string {
  const site = architectureOf(config).sitePath(layer, 'output')
  const number = `.${layer}.`
  return site.slice(0, site.indexOf(number) + number.length)
}

/** Biases, and the weights of the backbone's and the adapters' layer norms. */
const exempt = /(?:\.bias|(?:^|\.)(?:LayerNorm|ln_\w+|\w*layer_norm|adapter_norm_\w+)\.weight)$/

/**
 * How the optimizer treats each parameter of a run.
 *
 * @param learningRate the run's own
 * @throws WorkbenchError `bad-input` where a group has a rate of its own but no parameters
 */
export function parameterRules(
  { groupLearningRates, decayExempt }: Pick<TrainingConfig, 'groupLearningRates' | 'decayExempt'>,
  learningRate: number,
  specs: readonly ParameterSpec[],
): (spec: ParameterSpec) => ParameterRule {
  const groups = new Set(specs.map(({ group }) => group))
  for (const group of Object.keys(groupLearningRates)) {
    if ([...groups].some((trained) => trained === group)) continue
    throw new WorkbenchError(
      'bad-input',
      `groupLearningRates has a rate for "${group}", but this run trains no parameters of that group; ` +
        `it trains ${[...groups].sort().join(', ')}`,
    )
  }
  return ({ name, group }) => ({
    rateScale: (groupLearningRates[group] ?? learningRate) / learningRate,
    decays: !(decayExempt && exempt.test(name)),
  })
}
