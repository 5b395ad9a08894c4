import { loraMethod } from './lora.ts'

/**
 * IA3 (Liu et al. 2022): `y = (W x + b) · v` with a learned vector on keys, values and the inner feed-forward layer,
 * before its non-linearity.
 */
export const ia3 = loraMethod({
  name: 'ia3',
  label: 'IA3',
  summary:
    'Learns one factor for every unit of keys, values and the inner feed-forward layer: very few parameters, and it can be merged.',
  source:
    'Liu et al. 2022, "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning"; ia3 in the adapters library',
  learningRate: 2e-2,
})
