import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { WorkbenchError } from '../../preload/contract.ts'
import type { FromTrainer, ToTrainer } from '../training/messages.ts'

/** One trainer process, however it was started. Messages arrive in order and all of them before the exit. */
export interface TrainerProcess {
  /** Process id; undefined until it is known, and where the process could not be started. */
  readonly pid: number | undefined
  /** A message to a process that is gone is dropped: its exit says so. */
  send(message: ToTrainer): void
  onMessage(listener: (message: FromTrainer) => void): void
  /** Called once. `code` and `signal` are both undefined when the process could not be started. */
  onExit(listener: (exit: TrainerExit) => void): void
  kill(signal: 'SIGTERM' | 'SIGKILL'): void
}

export interface TrainerExit {
  code: number | undefined
  signal: string | undefined
  /** What it wrote last, outside the protocol: at most `keptLines` lines of stdout and stderr. */
  lastLines: string[]
}

export type SpawnTrainer = () => TrainerProcess

const keptLines = 50

/**
 * The script of the trainer process: `trainer.js` beside the built program, `trainer.ts` beside the sources.
 * @throws WorkbenchError `internal` when there is neither
 */
function trainerEntry(): string {
  // Built, this file may be part of an entry or of a shared chunk in a folder below it.
  for (const place of ['./trainer.js', '../trainer.js', '../trainer.ts']) {
    const file = fileURLToPath(new URL(place, import.meta.url))
    if (existsSync(file)) return file
  }
  throw new WorkbenchError(
    'internal',
    'The trainer program is missing. Build the program again: npm run build',
  )
}

/** Starts trainers with Node's `fork`, with the Node that runs this process; `entry`: default `trainerEntry()`. */
export function forkTrainer(entry?: string): SpawnTrainer {
  return () => {
    const child = fork(entry ?? trainerEntry(), [], {
      // Typed arrays cross without becoming objects.
      serialization: 'advanced',
      // Flags of this process (an inspector's port, a test runner's loader) are not the trainer's.
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Ctrl-C in a terminal goes to the whole process group; the trainer is to hear from us, and then save.
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    const lines = keepLastLines(keptLines)
    child.stdout?.setEncoding('utf8').on('data', lines.add)
    child.stderr?.setEncoding('utf8').on('data', lines.add)
    return {
      get pid() {
        return child.pid
      },
      send(message) {
        if (child.connected) child.send(message, () => undefined)
      },
      onMessage(listener) {
        child.on('message', (message) => listener(message as FromTrainer))
      },
      onExit(listener) {
        if (child.pid === undefined) {
          child.once('error', (error) =>
            listener({ code: undefined, signal: undefined, lastLines: [error.message] }),
          )
          return
        }
        // `close`, not `exit`: it comes after the last message and the last line.
        child.once('close', (code, signal) =>
          listener({ code: code ?? undefined, signal: signal ?? undefined, lastLines: lines.read() }),
        )
        // Of a process that runs, `error` is a failed kill or send, and `close` follows.
        child.on('error', (error) => lines.add(`${error.message}\n`))
      },
      kill(signal) {
        child.kill(signal)
      },
    }
  }
}

/** Collects text that arrives in pieces and keeps its last lines. */
export function keepLastLines(limit: number): { add(text: string): void; read(): string[] } {
  let lines: string[] = []
  let unfinished = ''
  return {
    add(text) {
      const parts = (unfinished + text).split(/\r?\n/)
      // A process that never ends its line must not fill the memory.
      unfinished = (parts.pop() ?? '').slice(-10_000)
      lines = [...lines, ...parts].slice(-limit)
    },
    read() {
      return [...lines, unfinished].filter((line) => line.trim() !== '').slice(-limit)
    },
  }
}
