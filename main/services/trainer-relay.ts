import type { FromTrainerHost, ToTrainerHost } from '../ipc-messages.ts'
import type { FromTrainer } from '../training/messages.ts'
import type { SpawnTrainer, TrainerExit } from './trainer-process.ts'

/** Trainers that the host of this process starts for it, as under the desktop shell. */
export interface TrainerRelay {
  spawn: SpawnTrainer
  /** To be called with every message of the host about its trainers. */
  receive(message: FromTrainerHost): void
}

interface Relayed {
  pid: number | undefined
  onMessage: ((message: FromTrainer) => void)[]
  onExit: ((exit: TrainerExit) => void)[]
}

/** `post` hands a message to the host. */
export function relayTrainers(post: (message: ToTrainerHost) => void): TrainerRelay {
  const trainers = new Map<number, Relayed>()
  let last = 0
  return {
    spawn() {
      last += 1
      const trainer = last
      const relayed: Relayed = { pid: undefined, onMessage: [], onExit: [] }
      trainers.set(trainer, relayed)
      post({ type: 'trainer.spawn', trainer })
      return {
        get pid() {
          return relayed.pid
        },
        send: (message) => {
          if (trainers.has(trainer)) post({ type: 'trainer.send', trainer, message })
        },
        onMessage: (listener) => void relayed.onMessage.push(listener),
        onExit: (listener) => void relayed.onExit.push(listener),
        kill: (signal) => {
          if (trainers.has(trainer)) post({ type: 'trainer.kill', trainer, signal })
        },
      }
    },
    receive(message) {
      const relayed = trainers.get(message.trainer)
      if (relayed === undefined) return
      if (message.type === 'trainer.spawned') {
        relayed.pid = message.pid
      } else if (message.type === 'trainer.message') {
        for (const listener of relayed.onMessage) listener(message.message)
      } else {
        trainers.delete(message.trainer)
        const { code, signal, lastLines } = message
        for (const listener of relayed.onExit) listener({ code, signal, lastLines })
      }
    },
  }
}
