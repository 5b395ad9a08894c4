import type { FromTrainerHost, ToTrainerHost } from '../ipc-messages.ts'
import type { FromTrainer } from '../training/messages.ts'
import type { Child, SpawnChild } from './child-process.ts'

/** The trainers of one workbench process, which only the shell can start under `utilityProcess`. */
export interface TrainerHost {
  receive: (message: ToTrainerHost) => void
  /** The workbench process is gone: a trainer that nobody listens to must not go on writing checkpoints. */
  killAll: () => void
}

/** @param post hands a message to the workbench process */
export function hostTrainers(
  spawn: SpawnChild,
  entry: string,
  post: (message: FromTrainerHost) => void,
): TrainerHost {
  const trainers = new Map<number, Child>()

  function start(trainer: number): void {
    const child = spawn(entry, [], {
      message: (message) => post({ type: 'trainer.message', trainer, message: message as FromTrainer }),
      exit: (exit) => {
        trainers.delete(trainer)
        post({ type: 'trainer.exit', trainer, ...exit })
      },
    })
    trainers.set(trainer, child)
    post({ type: 'trainer.spawned', trainer, pid: child.pid })
  }

  return {
    receive: (message) => {
      const child = trainers.get(message.trainer)
      if (message.type === 'trainer.spawn') start(message.trainer)
      else if (message.type === 'trainer.send') child?.send(message.message)
      else child?.kill(message.signal)
    },
    killAll: () => {
      for (const child of trainers.values()) child.kill('SIGKILL')
    },
  }
}
