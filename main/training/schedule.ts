import type { TrainingConfig } from '../../preload/contract.ts'

/**
 * Learning rate of a step: rising linearly from 0 over the first `warmup` share of the steps, then by `schedule`
 * to 0 (or constant).
 *
 * @param step counted from 1
 */
export function learningRateAt(
  step: number,
  steps: number,
  peak: number,
  { warmup, schedule }: Pick<TrainingConfig, 'warmup' | 'schedule'>,
): number {
  // As in Hugging Face's schedules, the first step already stands at position 0.
  const done = step - 1
  const rising = Math.floor(steps * warmup)
  if (done < rising) return (peak * done) / rising
  const share = (done - rising) / Math.max(1, steps - rising)
  switch (schedule) {
    case 'constant':
      return peak
    case 'linear':
      return peak * (1 - share)
    case 'cosine':
      return (peak * (1 + Math.cos(Math.PI * share))) / 2
  }
}
