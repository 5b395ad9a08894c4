/** Settings for data that is too small for the default recipe, which was made for thousands of rows. */
import type { HeadChoice, MethodDescription, TrainingConfig } from '../../preload/contract.ts'
import type { RunDraft } from './run-draft.ts'

/** Optimizer steps below which the default recipe has hardly begun to learn. */
const enoughSteps = 200

interface Defaults {
  head: HeadChoice
  training: TrainingConfig
}

/** Optimizer steps of one run of a draft whose batches have a number of rows. */
export function plannedSteps(draft: RunDraft, defaults: Defaults, trainingRows: number): number {
  const { epochs, batchSize } = { ...defaults.training, ...draft.training }
  return epochs * Math.ceil(trainingRows / batchSize)
}

/** Whether the runs of a draft end before they learn much. */
export function isTooShort(draft: RunDraft, defaults: Defaults, trainingRows: number): boolean {
  // How many rows fit into so many tokens is not known here.
  if (draft.training.batchTokens !== undefined) return false
  return trainingRows > 0 && plannedSteps(draft, defaults, trainingRows) < enoughSteps
}

/**
 * The draft with what a few hundred rows need: small batches, more epochs up to enough steps, a head on the mean of
 * the tokens (the first token takes longer to become useful), three times the method's learning rate.
 */
export function forSmallData(
  draft: RunDraft,
  methods: readonly MethodDescription[],
  trainingRows: number,
): Partial<RunDraft> {
  const batchSize = 16
  const perEpoch = Math.ceil(trainingRows / batchSize)
  const epochs = Math.min(100, Math.max(20, Math.ceil(enoughSteps / perEpoch)))
  return {
    head: { ...draft.head, pooling: 'mean' },
    training: { ...draft.training, batchSize, epochs },
    variants: draft.variants.map((variant) => {
      const own = methods.find((method) => method.name === variant.method)?.learningRate
      const learningRate = own === undefined ? undefined : Number((own * 3).toPrecision(6))
      return { ...variant, learningRate: variant.learningRate ?? learningRate }
    }),
  }
}
