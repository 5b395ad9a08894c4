import type { TrainingConfig } from '../../../preload/contract.ts'

/** Seed, rates and precision have places of their own. */
type TrainingName = Exclude<
  keyof TrainingConfig,
  'seed' | 'learningRate' | 'groupLearningRates' | 'backbonePrecision'
>

/** One training setting as the form shows it; its default comes from the contract. */
export interface TrainingField {
  name: TrainingName
  label: string
  hint: string
  /** `layers`: numbers with commas between. */
  kind: 'integer' | 'number' | 'choice' | 'boolean' | 'layers'
  choices?: [value: string, label: string][]
  step?: number
  /** What an empty field means. */
  placeholder?: string
  advanced: boolean
}

export const trainingFields: TrainingField[] = [
  {
    name: 'epochs',
    label: 'Epochs',
    hint: 'How often the whole training split is gone through. Small data needs more.',
    kind: 'integer',
    advanced: false,
  },
  {
    name: 'batchSize',
    label: 'Batch size',
    hint: 'Texts per step. Larger is smoother and faster per text, with fewer steps to learn in.',
    kind: 'integer',
    advanced: false,
  },
  {
    name: 'maximumLength',
    label: 'Maximum length',
    hint: 'Tokens a text is cut to. Shorter is faster; the Lengths tab of the dataset shows what it cuts.',
    kind: 'integer',
    advanced: false,
  },
  {
    name: 'bestMetric',
    label: 'Best epoch by',
    hint: 'The validation score that picks the checkpoint to keep.',
    kind: 'choice',
    choices: [
      ['accuracy', 'Accuracy'],
      ['macroF1', 'Macro F1'],
      ['matthews', 'Matthews'],
    ],
    advanced: false,
  },
  {
    name: 'patience',
    label: 'Patience',
    hint: 'Stop after so many epochs without a better validation score; 0 never stops early.',
    kind: 'integer',
    advanced: true,
  },
  {
    name: 'schedule',
    label: 'Schedule',
    hint: 'How the learning rate goes after the warm-up.',
    kind: 'choice',
    choices: [
      ['linear', 'Linear to 0'],
      ['cosine', 'Cosine to 0'],
      ['constant', 'Constant'],
    ],
    advanced: true,
  },
  {
    name: 'warmup',
    label: 'Warm-up',
    hint: 'Share of the steps during which the learning rate rises from 0.',
    kind: 'number',
    step: 0.01,
    advanced: true,
  },
  {
    name: 'weightDecay',
    label: 'Weight decay',
    hint: 'How strongly trained weights are pulled towards 0, against overfitting.',
    kind: 'number',
    step: 0.01,
    advanced: true,
  },
  {
    name: 'decayExempt',
    label: 'Spare biases and norms',
    hint: 'Leave biases and the weights of layer norms out of weight decay.',
    kind: 'boolean',
    advanced: true,
  },
  {
    name: 'unfreezeLayers',
    label: 'Unfreeze layers',
    hint: 'Layers of the backbone, from 0, that are trained as well, as in 2, 3. None: it stays frozen.',
    kind: 'layers',
    advanced: true,
  },
  {
    name: 'clipNorm',
    label: 'Gradient clipping',
    hint: 'Largest norm of the gradient over all trained parameters; 0 does not clip.',
    kind: 'number',
    step: 0.1,
    advanced: true,
  },
  {
    name: 'batchTokens',
    label: 'Tokens per batch',
    hint: 'In place of a number of texts: as many as fit, padding included, so that every step takes about as long.',
    kind: 'integer',
    placeholder: 'not counted',
    advanced: true,
  },
  {
    name: 'microBatchSize',
    label: 'Micro-batch size',
    hint: 'Texts per run of the graph; a batch is put together from several. Smaller needs less memory.',
    kind: 'integer',
    placeholder: 'the batch size',
    advanced: true,
  },
  {
    name: 'sortByLength',
    label: 'Batches of like length',
    hint: 'Put texts of like length together, so that little padding is computed. Off only to compare.',
    kind: 'boolean',
    advanced: true,
  },
  {
    name: 'cutLastLayer',
    label: 'Cut the last layer',
    hint: 'Compute only what the head reads of the last layer: faster, with the same result. Off only to compare.',
    kind: 'boolean',
    advanced: true,
  },
  {
    name: 'beta1',
    label: 'Beta 1',
    hint: 'Memory of the mean gradient (AdamW).',
    kind: 'number',
    step: 0.01,
    advanced: true,
  },
  {
    name: 'beta2',
    label: 'Beta 2',
    hint: 'Memory of the squared gradient (AdamW).',
    kind: 'number',
    step: 0.001,
    advanced: true,
  },
  {
    name: 'epsilon',
    label: 'Epsilon',
    hint: 'Keeps AdamW from dividing by 0.',
    kind: 'number',
    advanced: true,
  },
  {
    name: 'checkpointSteps',
    label: 'Steps between checkpoints',
    hint: 'How much work a crash can lose, besides the checkpoint at each epoch; 0 keeps only those.',
    kind: 'integer',
    advanced: true,
  },
]
