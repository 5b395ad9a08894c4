import { WorkbenchError, type ContractError } from '../../preload/contract.ts'
import type { FromTrainer, ToTrainer } from '../training/messages.ts'
import type { SpawnTrainer, TrainerExit, TrainerProcess } from './trainer-process.ts'

/** The messages after which a trainer has nothing more to say. */
export type FinalMessage = Extract<
  FromTrainer,
  { type: 'paused' | 'stopped' | 'finished' | 'predicted' | 'converted' | 'measured' | 'failed' }
>

export interface Supervised {
  readonly pid: number | undefined
  send(message: ToTrainer): void
  /** Ends the process at once; `why` becomes the error of its work unless it had ended. */
  kill(why: ContractError): void
  /** When the process is gone. Never rejects. */
  readonly exited: Promise<void>
}

export interface SupervisionOptions {
  spawn: SpawnTrainer
  /** What it is to do first. */
  first: ToTrainer
  /** A trainer that says nothing for so long is ended, milliseconds; five times that before its first message. */
  silence: number
  /** Every message but heartbeats' and the final one's. */
  onMessage: (message: Exclude<FromTrainer, FinalMessage>) => void
  /** Called once: with its final message, or with why there was none. */
  onEnd: (end: FinalMessage, lastLines: string[]) => void
}

const finalTypes: ReadonlySet<string> = new Set([
  'paused',
  'stopped',
  'finished',
  'predicted',
  'converted',
  'measured',
  'failed',
])
/** How long a trainer that has said its last may take to exit, milliseconds. */
const exitTime = 10_000
const silenceChecks = 6
/** Reading a large model and building its session is one stretch of silence. */
const firstMessageFactor = 5

/** Starts a trainer and watches over it: it ends by its final message, a crash, silence or `kill`. */
export function supervise(options: SupervisionOptions): Supervised {
  let trainer: TrainerProcess
  try {
    trainer = options.spawn()
  } catch (error) {
    const message = `The trainer process could not be started: ${error instanceof Error ? error.message : error}`
    queueMicrotask(() => options.onEnd({ type: 'failed', error: { code: 'engine', message } }, []))
    return { pid: undefined, send: () => undefined, kill: () => undefined, exited: Promise.resolve() }
  }

  let ended = false
  let patience = firstMessageFactor
  let quietChecks = 0
  let killedFor: ContractError | undefined
  let silent = false
  let exitTimer: NodeJS.Timeout | undefined

  // Checks are counted, not seconds: after the machine slept, only one check is due, not all that were missed.
  const silenceTimer = setInterval(() => {
    quietChecks += 1
    if (quietChecks > silenceChecks * patience) {
      const seconds = Math.round((options.silence * patience) / 1000)
      silent = true
      kill({
        code: 'engine',
        message:
          `The trainer process gave no sign of life for ${seconds} seconds and was ended.` +
          (options.first.type === 'train'
            ? ' If a single step takes that long here, choose a smaller micro-batch or maximum length.'
            : ''),
      })
    }
  }, options.silence / silenceChecks)

  function end(message: FinalMessage, lastLines: string[]): void {
    if (ended) return
    ended = true
    clearInterval(silenceTimer)
    options.onEnd(message, lastLines)
  }

  function kill(why: ContractError): void {
    killedFor ??= why
    trainer.kill('SIGKILL')
  }

  trainer.onMessage((message) => {
    quietChecks = 0
    patience = 1
    if (ended) return
    if (isFinal(message)) {
      end(message, [])
      exitTimer = setTimeout(() => trainer.kill('SIGKILL'), exitTime)
    } else {
      options.onMessage(message)
    }
  })
  const exited = new Promise<void>((resolve) => {
    trainer.onExit((exit) => {
      clearTimeout(exitTimer)
      const error = killedFor ?? describeExit(exit)
      const ofDevice = killedFor === undefined ? isCrash(exit) : silent
      end({ type: 'failed', error, ...(ofDevice ? { ofDevice } : {}) }, exit.lastLines)
      resolve()
    })
  })
  trainer.send(options.first)

  return {
    get pid() {
      return trainer.pid
    },
    send: (message) => trainer.send(message),
    kill,
    exited,
  }
}

/** Why a trainer that ended without its final message did so, and what to do about it. */
export function describeExit(exit: TrainerExit): ContractError {
  const { code, signal, lastLines } = exit
  if (signal === 'SIGKILL') {
    return {
      code: 'engine',
      message:
        'The trainer process was killed from outside. When memory runs out, the system does that: ' +
        'close other programs, or choose a smaller micro-batch or maximum length.',
    }
  }
  if (signal !== undefined) {
    return {
      code: 'engine',
      message: `The trainer process crashed (${signal}). Its last lines are in the log.`,
    }
  }
  if (code === undefined) {
    const reason = lastLines.at(-1) ?? 'no reason was given'
    return { code: 'engine', message: `The trainer process could not be started: ${reason}` }
  }
  return {
    code: 'engine',
    message: `The trainer process ended with exit code ${code} before it was done. Its last lines are in the log.`,
  }
}

/** Of itself, as by a driver's defect; where memory runs out, the system kills from outside. */
function isCrash({ code, signal }: TrainerExit): boolean {
  return signal === undefined ? code !== undefined && code !== 0 : signal !== 'SIGKILL'
}

function isFinal(message: FromTrainer): message is FinalMessage {
  return finalTypes.has(message.type)
}

/** The contract error of a supervised trainer as something to throw. */
export function toError(error: ContractError): WorkbenchError {
  return new WorkbenchError(
    error.code,
    error.message,
    error.detail === undefined ? {} : { detail: error.detail },
  )
}
