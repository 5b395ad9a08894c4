import { z } from 'zod'

import { WorkbenchError } from '../../preload/contract.ts'
import { architectureOf, type NamedShape } from '../models/architecture.ts'
import type { BackboneConfig } from '../models/config.ts'
import { backboneTensors } from '../models/weights.ts'
import { defineMethod } from './method.ts'
import { layersOf } from './parts.ts'

const options = z
  .object({
    biases: z.enum(['all', 'query+intermediate']).default('all').meta({
      title: 'Biases',
      description:
        'Which are trained: all, layer norms’ as well, or those of the queries and the first feed-forward layer only, half as many.',
    }),
  })
  .strict()

/** BitFit (Ben Zaken et al. 2022): trains the backbone's bias vectors and nothing else of it. */
export const bitfit = defineMethod({
  name: 'bitfit',
  label: 'BitFit',
  family: 'baseline',
  summary: 'Trains the backbone’s own bias vectors, about a thousandth of it, and adds nothing to it.',
  source:
    'Ben Zaken et al. 2022, "BitFit: Simple Parameter-efficient Fine-tuning for Transformer-based Masked Language-models"',
  learningRate: 5e-3,
  options,
  prepare: ({ biases }, { config }) => ({
    parameters: trainedBiases(biases, config).map(({ name, shape }) => ({
      name,
      shape,
      group: 'backbone',
      initialization: { kind: 'pretrained' },
    })),
    sites: () => ({}),
  }),
})

function trainedBiases(which: z.output<typeof options>['biases'], config: BackboneConfig): NamedShape[] {
  const all = backboneTensors(config).filter(({ name, fixed }) => name.endsWith('.bias') && !fixed)
  if (which === 'all') return all
  const { projectionPath } = architectureOf(config)
  const chosen = layersOf(config).flatMap((layer) =>
    (['query', 'intermediate'] as const).map((projection) => {
      const { path, merged } = projectionPath(config, layer, projection)
      if (merged) {
        throw new WorkbenchError(
          'bad-input',
          `option "biases": a model of kind ${config.architecture} keeps the biases of queries, keys and values in one vector; train all`,
        )
      }
      return `${path}.bias`
    }),
  )
  return all.filter(({ name }) => chosen.includes(name))
}
