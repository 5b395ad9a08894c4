/** Entry of the trainer process: it is told one job over its parent's channel, does it, and ends. */
import { setTimeout as delay } from 'node:timers/promises'

import { toContractError } from '../preload/contract.ts'
import { measureDevice } from './engines/devices.ts'
import { DeviceFailure } from './engines/engine.ts'
import { convertAdapter } from './training/convert.ts'
import { train, type Control } from './training/loop.ts'
import type { FromTrainer, ToTrainer } from './training/messages.ts'
import { predict } from './training/predict.ts'

/** What `process.parentPort` is inside Electron's `utilityProcess`. */
interface ElectronParentPort {
  postMessage(message: FromTrainer): void
  on(event: 'message', listener: (event: { data: ToTrainer }) => void): void
}

const electron: ElectronParentPort | undefined = Reflect.get(process, 'parentPort')
const control: Control = { requested: undefined }
/** Messages that have been given to the channel but may not have left this process. */
let leaving: Promise<void> = Promise.resolve()

function send(message: FromTrainer): void {
  if (electron) {
    electron.postMessage(message)
    // Electron does not say when a message has left; without a moment the last one may not.
    leaving = delay(100)
    return
  }
  const sent = new Promise<void>((resolve) => {
    // A parent that has gone hears nothing; `disconnect` ends this process.
    if (process.send && process.connected) process.send(message, undefined, {}, () => resolve())
    else resolve()
  })
  leaving = leaving.then(() => sent)
}

async function perform(
  message: Extract<ToTrainer, { type: 'train' | 'predict' | 'convert' | 'measure' }>,
): Promise<void> {
  try {
    if (message.type === 'train') await train(message.job, send, control)
    else if (message.type === 'predict') send({ type: 'predicted', predictions: await predict(message.job) })
    else if (message.type === 'convert') send({ type: 'converted', ...(await convertAdapter(message.job)) })
    else send({ type: 'measured', device: await measureDevice(message.device) })
  } catch (error) {
    const ofDevice = error instanceof DeviceFailure
    send({ type: 'failed', error: toContractError(error), ...(ofDevice ? { ofDevice } : {}) })
  }
  await leaving
  process.exit(0)
}

function receive(message: ToTrainer): void {
  switch (message.type) {
    case 'train':
    case 'predict':
    case 'convert':
    case 'measure':
      void perform(message)
      return
    case 'pause':
    case 'stop':
      control.requested = message.type
  }
}

if (electron) {
  electron.on('message', ({ data }) => receive(data))
} else {
  process.on('message', (message) => receive(message as ToTrainer))
  // Nobody is left to report to, and whoever starts next may start this run again.
  process.once('disconnect', () => process.exit(1))
  // Ctrl-C reaches the whole process group; the parent decides what becomes of the run.
  process.on('SIGINT', () => undefined)
}
