import { z } from 'zod'

import {
  adapterLetter,
  adaptersOf,
  blockNames,
  checkComposition,
  describeComposition,
  parseComposition,
  withNames,
  WorkbenchError,
  type Composition,
  type CompositionBlock,
} from '../../preload/contract.ts'
import type { BackboneConfig } from '../models/config.ts'
import { refuseUnaveraged } from './average.ts'
import { composedMethod, type FuseOutputs } from './compose.ts'
import { blocksOf, fusedNames } from './composition.ts'
import {
  attentionKind,
  fuseWith,
  fusionOptions,
  fusionParameters,
  meanKind,
  weightsKind,
  type FusionKind,
} from './fusion.ts'
import {
  defineMethod,
  partsOf,
  refuseIdleEmbeddings,
  refuseUnfusable,
  type NamedAdapter,
  type ParameterSpec,
} from './method.ts'
import { present } from './present.ts'

const attention = fusionOptions({ value: true }).shape

const options = z
  .object({
    composition: z
      .string('must be a composition such as Stack(a, Fuse(b, c))')
      .default('')
      .meta({
        title: 'Composition',
        description:
          'The chosen adapters are a, b, c … in their order: Stack(a, Fuse(b, c)), Fuse(Stack(a, b), c), ' +
          'Average(a, Stack(b, c), weights=[.3, .7]). Empty: all of them in one Stack.',
      }),
    fusion: z
      .enum(['dynamic', 'static', 'weights', 'mean'])
      .default('dynamic')
      .meta({
        title: 'Kind of fusion',
        description:
          'How a Fuse block weighs: by attention with a value matrix (dynamic) or without (static), ' +
          'by one learned weight for each layer, or by the mean.',
      }),
    train_adapters: attention.train_adapters,
    dropout_prob: attention.dropout_prob,
    regularization: attention.regularization,
    regularization_weight: attention.regularization_weight,
    temperature: attention.temperature,
  })
  .strict()

/** Trained adapters in blocks within blocks, of which the fusions are trained. */
export const compose = defineMethod({
  name: 'compose',
  label: 'Composition (blocks in blocks)',
  family: 'adapter',
  summary:
    'Trained adapters put together as one writes it, blocks within blocks; its fusions and the head are trained, the adapters stay as they are.',
  source:
    'adapter composition in the adapters library (Pfeiffer et al. 2020, "AdapterHub"; Poth et al. 2023)',
  learningRate: 5e-4,
  takes: 'adapters',
  block: { kind: 'nested' },
  options,
  prepare(chosen, { config, adapters }) {
    const composition = compositionOf(chosen.composition, adapters)
    const namedIn = (part: Composition): NamedAdapter[] =>
      adaptersOf(part).map((name) =>
        present(
          adapters.find((adapter) => adapter.name === name),
          name,
        ),
      )
    refuseIdleEmbeddings(namedIn(composition))
    for (const block of blocksOf(composition, 'average')) refuseUnaveraged(namedIn(block))

    const parameters: ParameterSpec[] = []
    const fusions = new Map<string, FuseOutputs>()
    const revealed = fusesAll(composition) ? adapters.map(({ name }) => name) : undefined
    for (const block of blocksOf(composition, 'fuse')) {
      const inside = namedIn(block)
      refuseUnfusable(inside)
      const names = fusedNames(block)
      const kind = kindOf(chosen, config, block)
      const last = inside.filter(({ name }) => names.includes(name))
      parameters.push(...fusionParameters(config, last, kind, inside))
      fusions.set(names.join(','), fuseWith(config, names, kind, revealed))
    }
    if (chosen.train_adapters) parameters.push(...adapters.flatMap(({ method }) => method.parameters))
    return composedMethod(composition, parameters, { adapters: partsOf(adapters), fusions })
  },
})

/**
 * The weights of a fusion are read as those of all adapters of the run: of one that stands within another block, or
 * that holds one, they are not. That every adapter is named, and once, is checked before.
 */
function fusesAll(composition: Composition): boolean {
  return (
    typeof composition !== 'string' &&
    composition.kind === 'fuse' &&
    composition.children.every((child) => typeof child === 'string')
  )
}

function kindOf(
  { fusion, dropout_prob, regularization, regularization_weight, temperature }: z.output<typeof options>,
  config: BackboneConfig,
  block: CompositionBlock,
): FusionKind {
  if (fusion === 'mean') return meanKind
  if (fusion === 'weights') return weightsKind(block.children.map(describeComposition))
  const given = { dropout_prob, regularization, regularization_weight, temperature }
  return attentionKind(fusionOptions({ value: fusion === 'dynamic' }).parse(given), config)
}

/**
 * Reads a composition whose adapters are letters, and checks it.
 *
 * @returns it with the adapters' own names
 * @throws WorkbenchError naming the option
 */
function compositionOf(text: string, adapters: readonly NamedAdapter[]): Composition {
  const letters = new Map(adapters.map(({ name }, index) => [adapterLetter(index), name]))
  const listed = Array.from(letters, ([letter, name]) => `${letter} (${name})`).join(', ')
  try {
    const composition: Composition =
      text.trim() === '' ? { kind: 'stack', children: [...letters.keys()] } : parseComposition(text)
    const named = adaptersOf(composition)
    const unknown = named.find((letter) => !letters.has(letter))
    if (unknown !== undefined) refuse(`there is no adapter "${unknown}"; the chosen ones are ${listed}`)
    const twice = named.find((letter, index) => named.indexOf(letter) !== index)
    if (twice !== undefined) refuse(`"${twice}" is named twice; every adapter has one place`)
    checkComposition(composition)
    refuseUntrained(composition)
    const left = [...letters.keys()].find((letter) => !named.includes(letter))
    if (left !== undefined) {
      refuse(`"${left}" has no place in it; name every chosen adapter or choose fewer: ${listed}`)
    }
    return withNames(composition, (letter) => present(letters.get(letter), letter))
  } catch (error) {
    if (!(error instanceof WorkbenchError)) throw error
    throw new WorkbenchError(error.code, `option "composition": ${error.message}`, { cause: error })
  }
}

/** Blocks that a run does not train, and weights that have no mean. */
function refuseUntrained(composition: Composition): void {
  if (blocksOf(composition, 'parallel').length > 0) {
    refuse(
      `${blockNames.parallel} computes several tasks at once, and this method trains one: ` +
        'choose the method parallel, which trains an adapter and a head for each of several datasets',
    )
  }
  if (blocksOf(composition, 'batchSplit').length > 0) {
    refuse(
      `${blockNames.batchSplit} gives each adapter rows of its own in a batch that is put together for it, ` +
        'and a training run draws its batches at random: it is computed where saved batches are checked (workbench verify)',
    )
  }
  for (const block of blocksOf(composition, 'average')) {
    const { weights = [] } = block.kind === 'average' ? block : {}
    if (weights.some((weight) => weight < 0)) refuse('the weights of an Average are not negative')
    if (weights.length > 0 && weights.every((weight) => weight === 0)) {
      refuse('the weights of an Average add up to 0; give at least one adapter a weight')
    }
  }
}

function refuse(sentence: string): never {
  throw new WorkbenchError('bad-input', sentence)
}
