import { WorkbenchError, type TrainingConfig } from '../../preload/contract.ts'
import type { Position } from './checkpoint.ts'

interface DivergedStep extends Pick<Position, 'step' | 'epoch' | 'best'> {
  learningRate: number
  loss: number
  config: Pick<TrainingConfig, 'backbonePrecision'>
}

/** The error of a run whose loss or gradient is no number any more: at which step, what is left of it, what to do. */
export function divergence({ step, epoch, best, learningRate, loss, config }: DivergedStep): WorkbenchError {
  const what = Number.isNaN(loss)
    ? 'the loss became not a number'
    : Number.isFinite(loss)
      ? 'the gradient was not finite'
      : 'the loss became infinite'
  const last = best
    ? `the best checkpoint is that of epoch ${best.epoch}`
    : 'there is no checkpoint of a whole epoch yet'
  const precision =
    config.backbonePrecision === 'float16' ? ', or with the backbone in float32 (backbonePrecision)' : ''
  return new WorkbenchError(
    'engine',
    `${what} at step ${step} (epoch ${epoch + 1}) with the learning rate ${learningRate.toPrecision(3)}; ${last}. ` +
      `Start again with a lower learning rate${precision}`,
  )
}
