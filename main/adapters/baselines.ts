import { z } from 'zod'

import { backboneTensors } from '../models/weights.ts'
import { defineMethod } from './method.ts'

const noOptions = z.object({}).strict()

/** Trains the classification head on the frozen backbone: what every other method must beat. */
export const headOnly = defineMethod({
  name: 'head',
  label: 'Head only',
  family: 'baseline',
  summary:
    'Only the classification head is trained, on the frozen backbone: the least any method should beat.',
  source: 'linear probing',
  learningRate: 1e-3,
  options: noOptions,
  prepare: () => ({ parameters: [], sites: () => ({}) }),
})

/** Trains every parameter of the backbone. */
export const fullFineTuning = defineMethod({
  name: 'full',
  label: 'Full fine-tuning',
  family: 'baseline',
  summary:
    'Every parameter of the backbone is trained: the quality that adapters try to reach with far fewer.',
  source: 'Devlin et al. 2019, "BERT"',
  learningRate: 2e-4,
  options: noOptions,
  prepare: (_options, { config }) => ({
    parameters: backboneTensors(config)
      .filter(({ fixed }) => !fixed)
      .map(({ name, shape }) => ({
        name,
        shape,
        group: 'backbone',
        initialization: { kind: 'pretrained' },
      })),
    sites: () => ({}),
  }),
})
