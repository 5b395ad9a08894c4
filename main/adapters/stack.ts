import { checkComposition, type Composition } from '../../preload/contract.ts'
import { blockBottleneckOptions } from './bottleneck-options.ts'
import { prepareBottleneck } from './bottleneck.ts'
import { composedMethod } from './compose.ts'
import { defineMethod, partsOf, refuseIdleEmbeddings } from './method.ts'

/** A new adapter on top of trained ones (Pfeiffer et al. 2020, "MAD-X"). */
export const stack = defineMethod({
  name: 'stack',
  label: 'Stack',
  family: 'adapter',
  summary:
    'A new adapter on top of trained ones, which stay as they are: what they learned comes first, the new task after it.',
  source: 'Pfeiffer et al. 2020, "MAD-X"; Stack in the adapters library',
  learningRate: 1e-3,
  takes: 'adapters',
  block: {
    kind: 'stack',
    nestedLoss:
      'there is no new adapter on top, which is what Stack trains: only fusions and the head are trained',
  },
  options: blockBottleneckOptions,
  prepare(options, { config, adapterName, adapters }) {
    refuseIdleEmbeddings(adapters)
    const own = prepareBottleneck(options, config, adapterName)
    const composition: Composition = {
      kind: 'stack',
      children: [...adapters.map(({ name }) => name), adapterName],
    }
    checkComposition(composition)
    return {
      ...composedMethod(composition, own.parameters, {
        adapters: partsOf([...adapters, { name: adapterName, method: own }]),
      }),
      leaves: [{ name: adapterName, choice: { name: 'seq_bn', options } }],
    }
  },
})
