import { z } from 'zod'

import { WorkbenchError } from '../../preload/contract.ts'
import { blockBottleneckOptions } from './bottleneck-options.ts'
import { prepareBottleneck } from './bottleneck.ts'
import { defineMethod, type Variant } from './method.ts'

const layerCount = z.int('must be a whole number').min(0, 'must not be negative')

/** AdapterDrop with a fixed number of layers: the lowest ones never have adapters, in training as in use. */
export const adapterDrop = defineMethod({
  name: 'adapter_drop',
  label: 'AdapterDrop (specialised)',
  family: 'drop',
  summary:
    'The lowest layers carry no adapter at all: a little less quality for faster training and inference.',
  source: 'Rücklé et al. 2021, "AdapterDrop", specialised',
  learningRate: 1e-3,
  options: z
    .object({
      dropped_layers: layerCount.default(2).meta({
        title: 'Layers without adapters',
        description: 'How many layers, from the lowest, carry no adapter.',
        kind: 'integer',
      }),
      ...blockBottleneckOptions.shape,
    })
    .strict(),
  prepare({ dropped_layers: dropped, ...bottleneck }, { config, adapterName }) {
    refuseBeyond('dropped_layers', dropped, config.layers)
    return prepareBottleneck(bottleneck, config, adapterName, { sitsIn: (layer) => layer >= dropped })
  },
})

/** AdapterDrop with a number of layers drawn anew for each batch: one adapter that works with any of them dropped. */
export const robustAdapterDrop = defineMethod({
  name: 'adapter_drop_robust',
  label: 'AdapterDrop (robust)',
  family: 'drop',
  summary:
    'For each batch the adapters of a random number of lower layers are left out, so that one adapter works at every speed.',
  source: 'Rücklé et al. 2021, "AdapterDrop", robust',
  learningRate: 1e-3,
  options: z
    .object({
      dropped_from: layerCount.default(0).meta({
        title: 'Fewest layers dropped',
        description: 'The smallest number of layers, from the lowest, whose adapters a batch leaves out.',
        kind: 'integer',
      }),
      dropped_to: layerCount.optional().meta({
        title: 'Most layers dropped',
        description: 'The largest such number; left empty: all layers but the last.',
        kind: 'integer',
      }),
      ...blockBottleneckOptions.shape,
    })
    .strict(),
  prepare({ dropped_from: from, dropped_to, ...bottleneck }, { config, adapterName }) {
    const to = dropped_to ?? config.layers - 1
    refuseBeyond('dropped_from', from, config.layers)
    refuseBeyond('dropped_to', to, config.layers)
    if (from > to) {
      throw new WorkbenchError(
        'bad-input',
        `option "dropped_from" is ${from}, which is more than the ${to} layers dropped at most`,
      )
    }
    const variant = (droppedLayers: number): Variant => (droppedLayers === 0 ? {} : { droppedLayers })
    return {
      ...prepareBottleneck(bottleneck, config, adapterName),
      widest: variant(from),
      draw(uniform) {
        const choices = to - from + 1
        return { variant: variant(from + Math.floor((uniform('droppedLayers', 1)[0] ?? 0) * choices)) }
      },
    }
  },
})

function refuseBeyond(option: string, value: number, layers: number): void {
  if (value > layers) {
    throw new WorkbenchError('bad-input', `option "${option}" is ${value}; this model has ${layers} layers`)
  }
}
