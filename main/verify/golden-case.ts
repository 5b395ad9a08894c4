import { basename, join } from 'node:path'

import {
  adaptersOf,
  checkComposition,
  describeComposition,
  findCompositions,
  parseComposition,
  type Composition,
  type MethodChoice,
} from '../../preload/contract.ts'
import { composedMethod, type ComposeOptions, type FuseOutputs } from '../adapters/compose.ts'
import { blocksOf, fusedNames } from '../adapters/composition.ts'
import { fusionParameters, fuseWith } from '../adapters/fusion.ts'
import {
  namedAdapter,
  partsOf,
  type NamedAdapter,
  type ParameterSpec,
  type PreparedMethod,
} from '../adapters/method.ts'
import { onlyActive } from '../adapters/parts.ts'
import { findMethod } from '../adapters/registry.ts'
import { fusionOfConfig, methodOfAdapterConfig } from '../formats/adapter-config.ts'
import { parseBackboneConfig, type BackboneConfig } from '../models/config.ts'
import { canonicalName } from '../models/weights.ts'
import { tunedModel, type NamedTensors, type TunedModel } from '../training/tuned-model.ts'
import { checkBatchSizes } from './golden-feeds.ts'
import { CaseConfig, CaseExpected, CaseInputs, extrasOf, readJson, readTensors } from './golden-files.ts'
import { countedTokens, goldenTasks } from './golden-heads.ts'

/** What the reference library computed for one configuration, and all that is needed to compute it again. */
export interface GoldenCase {
  name: string
  model: TunedModel
  /** How adapters are put together; undefined where there are none. */
  composition: Composition | undefined
  /** The model with these layers' adapters left out, for the logits that the case has for that. */
  skipping(layers: readonly number[]): TunedModel
  /** The model with one adapter and the head of its name. */
  single(adapter: string): TunedModel
  /** The model with the fusion's regularisation in its loss at this weight. */
  regularised(weight: number): TunedModel
  /** The complete state dict, under names without the model's prefix. */
  weights: NamedTensors
  /** Batch-major, as stored. */
  inputs: {
    ids: number[][]
    mask: number[][]
    typeIds: number[][]
    labels: number[]
    /** `[batch, sequence]`, flat: up to where a head that reads the last position counts. */
    counted: Float32Array
  }
  /** Values under the names of `expected.safetensors`, parameters without the model's prefix. */
  expected: ReadonlyMap<string, Float32Array>
  /** Names of the parameters that the library trained. */
  trainable: readonly string[]
  /** What `expected.json` has besides: logits and losses under its names, flat. */
  extras: ReadonlyMap<string, readonly number[]>
  /** All that take part, once each. */
  adapters: readonly { name: string; choice: MethodChoice }[]
  /** The same backbone and heads with another method. @param constants what stands instead of the backbone's own */
  having(method: PreparedMethod, constants?: NamedTensors): TunedModel
}

/**
 * Reads a golden case's folder (config.json, weights.safetensors, inputs.json, expected.safetensors, expected.json).
 * Averages of outputs are divided by their number once more, as the library does.
 *
 * @throws WorkbenchError `bad-input` for a folder that is none, `unsupported` for a method that is not there
 */
export async function readGoldenCase(folder: string): Promise<GoldenCase> {
  const name = basename(folder)
  const config = CaseConfig.parse(await readJson(folder, 'config.json'))
  const inputs = CaseInputs.parse(await readJson(folder, 'inputs.json'))
  const expected = CaseExpected.parse(await readJson(folder, 'expected.json'))
  const backbone = parseBackboneConfig(config.model_config, folder)
  const canonical = (key: string): string => canonicalName(key, backbone.architecture)
  const trainable = [...new Set(expected.trainable.map(canonical))]

  const composition = compositionOf(config)
  if (composition !== undefined) checkBatchSizes(composition, inputs.input_ids.length)
  const tasks = goldenTasks(config, backbone, trainable)
  const build = (
    options: { leftOut?: readonly number[]; regularisation?: number },
    active = composition,
    heads = tasks,
  ): TunedModel => {
    const method = active
      ? composed(config, active, backbone, name, options)
      : findMethod(
          trainable.some((key) => !/^(?:heads|classifier|pre_classifier|score)\./.test(key))
            ? 'full'
            : 'head',
        ).prepare(
          {},
          {
            config: backbone,
            adapterName: name,
            tasks: [name],
            adapters: [],
          },
        )
    // What the library left frozen (the adapters under a fusion, those below in a stack) is frozen here.
    const trained = method.parameters.filter((spec: ParameterSpec) => trainable.includes(spec.name))
    return tunedModel(backbone, { ...method, parameters: trained }, heads)
  }

  const names = new Set(composition ? adaptersOf(composition) : [])
  return {
    name,
    composition,
    extras: extrasOf(expected),
    adapters: Array.from(names, (adapter) => ({
      name: adapter,
      choice: methodOfAdapterConfig(config.adapters[adapter], name),
    })),
    having: (method, constants = new Map()) => tunedModel(backbone, method, tasks, { constants }),
    model: build({}),
    skipping: (leftOut) => build({ leftOut }),
    single: (adapter) =>
      build(
        {},
        adapter,
        tasks.filter((task) => task.name === adapter),
      ),
    regularised: (regularisation) => build({ regularisation }),
    weights: await readTensors(join(folder, 'weights.safetensors'), canonical),
    inputs: {
      ids: inputs.input_ids,
      mask: inputs.attention_mask,
      typeIds: inputs.token_type_ids ?? inputs.input_ids.map((row) => row.map(() => 0)),
      labels: inputs.labels,
      counted: countedTokens(config, inputs.input_ids),
    },
    expected: new Map(
      Array.from(await readTensors(join(folder, 'expected.safetensors'), canonical), ([key, { data }]) => [
        key,
        data,
      ]),
    ),
    trainable,
  }
}

/**
 * The active composition. Its printed form leaves weights and batch sizes out; the call in `setup` that makes the
 * same has them.
 */
function compositionOf({ active_adapters: active, setup, adapters }: CaseConfig): Composition | undefined {
  if (Object.keys(adapters).length === 0 || active === null || active === undefined || active === 'None')
    return undefined
  const printed = parseComposition(active)
  const made = findCompositions(setup).find(
    (candidate) => describeComposition(candidate) === describeComposition(printed),
  )
  return made ?? printed
}

function composed(
  { adapters, fusions }: CaseConfig,
  composition: Composition,
  backbone: BackboneConfig,
  caseName: string,
  { leftOut = [], regularisation = 0 }: { leftOut?: readonly number[]; regularisation?: number },
): PreparedMethod {
  checkComposition(composition)
  const prepared = new Map<string, NamedAdapter>()
  for (const name of adaptersOf(composition)) {
    const choice = methodOfAdapterConfig(adapters[name], `${caseName}, adapter ${name}`)
    prepared.set(name, namedAdapter(findMethod(choice.name), choice.options, backbone, name))
  }
  const parameters = [...prepared.values()].flatMap(({ method }) => method.parameters)
  const fusing = new Map<string, FuseOutputs>()
  for (const block of blocksOf(composition, 'fuse')) {
    const names = fusedNames(block)
    const fused = names.flatMap((name) => prepared.get(name) ?? [])
    const kind = fusionOfConfig(fusions[names.join(',')], backbone, regularisation)
    parameters.push(...fusionParameters(backbone, fused, kind))
    fusing.set(names.join(','), fuseWith(backbone, names, kind, 'asNamed'))
  }
  const options: ComposeOptions = {
    adapters: new Map(
      Array.from(partsOf([...prepared.values()]), ([name, parts]) => [
        name,
        onlyActive(parts, (layer) => !leftOut.includes(layer)),
      ]),
    ),
    fusions: fusing,
    averageTwice: true,
    // In DistilBERT the library masks what it pads with.
    ...(backbone.architecture === 'distilbert' ? {} : { paddedPrefixes: backbone.padTokenId }),
  }
  return composedMethod(composition, parameters, options)
}
