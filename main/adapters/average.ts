import { z } from 'zod'

import { checkComposition, WorkbenchError, type Composition } from '../../preload/contract.ts'
import { composedMethod } from './compose.ts'
import {
  defineMethod,
  partsOf,
  refuseIdleEmbeddings,
  type NamedAdapter,
  type ParameterSpec,
} from './method.ts'
import { optionsDifference } from './options-difference.ts'
import { numberList, trainAdapters } from './options.ts'
import { present } from './present.ts'

const weights = z
  .preprocess(numberList, z.array(z.number('weights are numbers').min(0, 'weights are not negative')))
  .default([])
  .meta({
    title: 'Weights',
    description: 'How much each adapter counts, in their order and with commas between; empty: all the same.',
    kind: 'text',
  })

/** The weighted mean of the adapters' outputs. */
export const averageOutputs = defineMethod({
  name: 'average_outputs',
  label: 'Average of outputs',
  family: 'adapter',
  summary:
    'Trained adapters side by side whose outputs are averaged in every layer with fixed weights; only the head is trained.',
  source: 'Average in the adapters library',
  learningRate: 1e-3,
  takes: 'adapters',
  block: { kind: 'average' },
  options: z.object({ weights, train_adapters: trainAdapters }).strict(),
  prepare(options, { adapters }) {
    const composition: Composition = {
      kind: 'average',
      children: adapters.map(({ name }) => name),
      weights: normalised(options.weights, adapters),
    }
    checkComposition(composition)
    refuseIdleEmbeddings(adapters)
    refuseUnaveraged(adapters)
    const parameters = options.train_adapters ? adapters.flatMap(({ method }) => method.parameters) : []
    return composedMethod(composition, parameters, { adapters: partsOf(adapters) })
  },
})

/**
 * Refuses trained adapters whose outputs have no mean.
 *
 * @throws WorkbenchError `bad-input`
 */
export function refuseUnaveraged(adapters: readonly NamedAdapter[]): void {
  const prefix = adapters.find(({ method }) => method.parts?.prefix)
  if (!prefix) return
  throw new WorkbenchError(
    'bad-input',
    `"${prefix.name}" cannot be averaged with others: the outputs of prefixes are part of the attention and have no mean of their own`,
  )
}

/** One adapter whose parameters begin as the weighted mean of trained ones. */
export const averageParameters = defineMethod({
  name: 'average_parameters',
  label: 'Average of parameters',
  family: 'adapter',
  summary:
    'One new adapter that begins as the weighted mean of trained adapters’ parameters and is trained from there: the cost of one.',
  source: 'Chronopoulou et al. 2023, "AdapterSoup"; average_adapter in the adapters library',
  learningRate: 1e-3,
  takes: 'adapters',
  block: {
    kind: 'average',
    nestedLoss:
      'the adapters’ outputs are averaged instead of their parameters, and there is no new adapter that is trained from their mean',
  },
  options: z.object({ weights }).strict(),
  prepare(options, { adapterName, adapters }) {
    const first = present(adapters[0], 'the first adapter')
    // Refuses what is no single adapter.
    partsOf(adapters)
    for (const other of adapters) refuseUnlike(first, other)
    const own = first.renamed(adapterName)
    const share = normalised(options.weights, adapters)
    const parameters = own.parameters.map((spec, index): ParameterSpec => {
      const averaged = adapters.map(({ name, method }, i) => ({
        name: present(method.parameters[index], name).name,
        weight: share[i] ?? 0,
      }))
      return { ...spec, initialization: { kind: 'average', of: averaged } }
    })
    return { ...own, parameters, leaves: [{ name: adapterName, choice: first.choice }] }
  },
})

function refuseUnlike(one: NamedAdapter, other: NamedAdapter): void {
  const difference = optionsDifference(one.options, other.options)
  if (difference === undefined) return
  const how =
    difference === 'other options'
      ? `their methods are ${one.choice.name} and ${other.choice.name}`
      : `their option "${difference.name}" is ${difference.one} and ${difference.other}`
  throw new WorkbenchError(
    'bad-input',
    `"${one.name}" and "${other.name}" have no mean: ${how}; only adapters that compute alike have one`,
  )
}

function normalised(given: readonly number[], adapters: readonly NamedAdapter[]): number[] {
  if (given.length > 0 && given.length !== adapters.length) {
    throw new WorkbenchError(
      'bad-input',
      `option "weights" has ${given.length} numbers for ${adapters.length} adapters`,
    )
  }
  const all = given.length > 0 ? given : adapters.map(() => 1)
  const total = all.reduce((sum, weight) => sum + weight, 0)
  if (total === 0)
    throw new WorkbenchError('bad-input', 'option "weights" adds up to 0; give at least one a weight')
  return all.map((weight) => weight / total)
}
